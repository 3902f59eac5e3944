"""A side that executes ONNX graphs: a tensor inside is read as a further output of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from trtflow.model.edit import clone, fresh_names
from trtflow.model.scopes import scopes
from trtflow.model.types import infer
from trtflow.precision import FLOAT_TYPES, FP32, ROWS
from trtflow.runners.backend import Runner
from trtflow.runners.registry import Execute
from trtflow.runners.side import Reader, Reading

_CAST, _TYPED = Reading("cast"), Reading("typed")


@dataclass(frozen=True)
class GraphSide:
    """What executes ONNX graphs, so that a tensor is read as a further output of ``model``, as it is typed.

    Behind a low tensor stands a Cast to FP32: what writes it stays as low as it is in ``model``.
    """

    model: ModelProto
    execute: Execute
    observed: bool = False

    def start(self, tensors: Sequence[str]) -> Reader:
        """The graph with those of ``tensors`` handed out that it still holds as floats."""
        types = _float_types(self.model)
        kept = [name for name in tensors if name in types]
        model, names = handed_out(self.model, kept)
        low = {*names.values()}
        return _Renamed(self.execute(model), names, {name: _CAST if name in low else _TYPED for name in kept})


def handed_out(model: ModelProto, tensors: Sequence[str]) -> tuple[ModelProto, dict[str, str]]:
    """A copy of ``model`` that returns ``tensors`` in FP32, and the names of outputs that stand for low ones."""
    types, fresh, marked = _float_types(model), fresh_names(model), clone(model)
    present, names = {value.name for value in model.graph.output}, dict[str, str]()
    for tensor in tensors:
        if tensor in present:
            continue
        if types[tensor] == ROWS[FP32].onnx_type:
            marked.graph.output.append(ValueInfoProto(name=tensor))
            continue
        output = fresh(tensor, "cast")
        names[output] = tensor
        marked.graph.node.append(helper.make_node("Cast", [tensor], [output], output, to=TensorProto.FLOAT))
        marked.graph.output.append(ValueInfoProto(name=output))
    inferred = infer(marked).of
    main = scopes(marked)[0]
    for value in marked.graph.output:
        if not value.HasField("type"):
            shape = inferred(main, value.name).shape
            value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, shape))
    return marked, names


def _float_types(model: ModelProto) -> dict[str, int]:
    """Float tensors that nodes of the main graph write → element type."""
    types, main = infer(model), scopes(model)[0]
    found = {name: types.of(main, name).elem for node in model.graph.node for name in node.output if name}
    return {name: elem for name, elem in found.items() if elem in FLOAT_TYPES}


@dataclass
class _Renamed:
    """``runner`` with some outputs under other names."""

    runner: Runner
    names: Mapping[str, str]
    readings: Mapping[str, Reading]
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = self.runner.name

    def __enter__(self) -> _Renamed:
        self.runner.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self.runner.__exit__(*raised)

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        return {self.names.get(name, name): array for name, array in self.runner(feed).items()}
