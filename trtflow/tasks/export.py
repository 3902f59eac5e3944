"""A decision in another tool's format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from trtflow.files.constraints import Constraints, read_constraints
from trtflow.files.exports.decision import TENSORRT, Decision, Version
from trtflow.files.exports.registry import EXPORTS, find_export

if TYPE_CHECKING:
    from onnx import ModelProto


NO_BATCHES: Mapping[str, int] = MappingProxyType({})


def export(constraints: Path, to: str, model: Path | None = None, tensorrt: Version = TENSORRT) -> str:
    """The decision in the file ``constraints`` as the format ``to`` has it, for the version ``tensorrt``.

    ``model`` is the ONNX file, for a format that lists its inputs and outputs.

    Example:
        >>> print(trtflow.export(Path("out/unet/constraints.yaml"), to="modelopt"))
        --low_precision_type fp16
        --nodes_to_exclude '^/down0/bn0/BatchNormalization$' '^/down0/conv0/Conv$'

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


def with_ports(decision: Decision, model: ModelProto) -> Decision:
    """``decision`` with the inputs and outputs of ``model``."""
    from trtflow.model.ports import declared_port, model_inputs

    return replace(decision, inputs=model_inputs(model), outputs=tuple(map(declared_port, model.graph.output)))


def write_exports(
    constraints: Constraints, model: ModelProto, folder: Path, batches: Mapping[str, int] = NO_BATCHES
) -> None:
    """Write every format that says something about the decision into ``folder``, which is made.

    ``batches``: the largest first dimension that the engine takes, by input.
    """
    folder.mkdir()
    decision = with_ports(Decision(constraints, largest_batch=min(batches.values(), default=None)), model)
    for export in EXPORTS.values():
        if export.suits(decision):
            (folder / export.file).write_text(export.write(decision), encoding="utf-8")
