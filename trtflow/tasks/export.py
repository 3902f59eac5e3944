"""A decision in another tool's format."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from trtflow.files.constraints import Constraints, read_constraints
from trtflow.files.exports.decision import TENSORRT, Decision, Version
from trtflow.files.exports.registry import EXPORTS, find_export
from trtflow.files.names import NamesTable
from trtflow.tasks.names import names_of

if TYPE_CHECKING:
    from onnx import ModelProto

NO_NAMES = NamesTable()
NO_BATCHES: Mapping[str, int] = MappingProxyType({})


def export(constraints: Path, to: str, model: Path | None = None, tensorrt: Version = TENSORRT) -> str | bytes:
    """The decision in the file ``constraints`` as the format ``to`` has it, for the version ``tensorrt``.

    ``model`` is the ONNX file, for a format that lists its inputs and outputs, or layers of TensorRT's network.

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
        from trtflow.model.load import load, save

        loaded = load(model)
        with tempfile.TemporaryDirectory() as folder:
            named = Path(folder) / "model.onnx"
            save(loaded.model, named)
            table = names_of(named, named.with_name("names.csv"))
        decision = replace(with_ports(decision, loaded.model), names=table, renamed=loaded.renamed)
    return found.write(decision)


def with_ports(decision: Decision, model: ModelProto) -> Decision:
    """``decision`` with the inputs and outputs of ``model``, and what its nodes make."""
    from trtflow.model.ports import declared_port, model_inputs
    from trtflow.trt.names import made_tensors

    outputs = tuple(map(declared_port, model.graph.output))
    return replace(decision, inputs=model_inputs(model), outputs=outputs, made=made_tensors(model))


def write_exports(
    constraints: Constraints,
    model: ModelProto,
    folder: Path,
    names: NamesTable = NO_NAMES,
    batches: Mapping[str, int] = NO_BATCHES,
    renamed: bool = False,
) -> None:
    """Write every format that says something about the decision into ``folder``, which is made.

    ``names``: the layers that ``model``'s nodes become. ``batches``: the largest first dimension that the engine
    takes, by input. ``renamed``: names of nodes are not those of the user's file.
    """
    folder.mkdir()
    made = Decision(constraints, largest_batch=min(batches.values(), default=None))
    decision = replace(with_ports(made, model), names=names, renamed=renamed)
    for export in EXPORTS.values():
        if export.suits(decision):
            content = export.write(decision)
            (folder / export.file).write_bytes(content if isinstance(content, bytes) else content.encode())
