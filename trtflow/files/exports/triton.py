"""``config.pbtxt`` of Triton Inference Server, for the engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from trtflow.data import Port
from trtflow.errors import PlanError
from trtflow.files.exports.decision import Decision
from trtflow.precision import ROWS

file = "config.pbtxt"
summary = "configuration of Triton Inference Server, for engine.plan; needs the model"
valid = "the server's TensorRT version"

TYPES: Mapping[str, str] = {row.dtype_name: row.names.triton for row in ROWS.values() if row.names.triton}


def suits(decision: Decision) -> bool:
    """The model's inputs and outputs must be known."""
    return bool(decision.outputs)


def write(decision: Decision) -> str:
    """The engine's inputs and outputs, without the batch where that is free.

    The server may make batches as large as the engine's profile takes: one sample, where that is not known.

    Raises:
        PlanError: the inputs and outputs are not known.
    """
    if not suits(decision):
        raise PlanError(
            f"{file} lists the model's inputs and outputs, which constraints.yaml does not hold; give the model as "
            "well: --model FILE."
        )
    free = bool(decision.inputs) and all(port.shape and port.shape[0] is None for port in decision.inputs)
    groups = (("input", decision.inputs), ("output", decision.outputs))
    lists = (f"{label} [\n" + ",\n".join(_port(port, free) for port in ports) + "\n]" for label, ports in groups)
    return "\n".join([
        "# Triton Inference Server; put engine.plan at 1/model.plan, built with the server's TensorRT version.",
        f"name: {_quoted(Path(decision.constraints.model.path).stem)}",
        'platform: "tensorrt_plan"',
        f"max_batch_size: {(decision.largest_batch or 1) if free else 0}",
        *lists,
    ]) + "\n"  # fmt: skip


def _port(port: Port, batched: bool) -> str:
    dims = ", ".join("-1" if size is None else str(size) for size in port.shape[batched:])
    kind = TYPES.get(port.dtype.name, f"TYPE_{port.dtype.name.upper()}")
    return f"  {{ name: {_quoted(port.name)} data_type: {kind} dims: [ {dims} ] }}"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)  # of JSON's escapes protobuf's text knows all that names need
