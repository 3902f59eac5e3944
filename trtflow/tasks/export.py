"""A decision in another tool's format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from trtflow.files.constraints import read_constraints
from trtflow.files.exports.decision import TENSORRT, Decision, Port, Version
from trtflow.files.exports.registry import find_export

if TYPE_CHECKING:
    import onnx


def export(constraints: Path, to: str, model: Path | None = None, tensorrt: Version = TENSORRT) -> str:
    """The decision in the file ``constraints`` as the format ``to`` has it, for the version ``tensorrt``.

    ``model`` is the ONNX file, for a format that lists its inputs and outputs.

    Raises:
        PlanError: the file does not follow its own format, there is no format ``to``, or that lacks the model.
        ModelError: the model cannot be read.
    """
    found = find_export(to)
    decision = Decision(read_constraints(constraints), tensorrt=tensorrt)
    if model is not None:
        from trtflow.model.load import load

        decision = with_ports(decision, load(model).model)
    return found.write(decision)


def with_ports(decision: Decision, model: onnx.ModelProto) -> Decision:
    """``decision`` with the inputs and outputs of ``model``."""
    from trtflow.runners.reference import model_inputs, tensor_input

    inputs, outputs = model_inputs(model), map(tensor_input, model.graph.output)
    ports = [tuple(Port(e.name, e.dtype.name, e.shape) for e in entries) for entries in (inputs, outputs)]
    return replace(decision, inputs=ports[0], outputs=ports[1])
