"""What the types in a file ask of an engine, node by node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import ModelProto, NodeProto

from trtflow.model.naming import parsed_name
from trtflow.model.scopes import Scope, scopes
from trtflow.model.types import Types, infer
from trtflow.precision import PRECISIONS, QUANTIZED, ROWS, Precision

FLOATS: Mapping[int, Precision] = {ROWS[name].onnx_type: name for name in PRECISIONS if name not in QUANTIZED}
ENDS = frozenset({"Cast", "CastLike", "Constant", "QuantizeLinear", "DequantizeLinear"})
"""Operators that turn one type into another, or compute nothing."""


def typed_nodes(model: ModelProto) -> dict[str, Precision]:
    """The nodes of ``model`` that compute floats, each in the type of what it writes.

    Nothing is said of Casts, constants and shapes, nor of nodes beside a Q/DQ pair: whether these compute in eight
    bits is the engine's choice.
    """
    types = infer(model)
    return {name: kind for scope in scopes(model) for name, kind in _typed(scope, types)}


def _typed(scope: Scope, types: Types) -> Iterator[tuple[str, Precision]]:
    paired = {name for node in scope.graph.node if node.op_type == "QuantizeLinear" for name in node.input[:1]}
    paired |= {name for node in scope.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    for node in scope.graph.node:
        if node.op_type not in ENDS and paired.isdisjoint((*node.input, *node.output)):
            yield from _written(scope, node, types)


def _written(scope: Scope, node: NodeProto, types: Types) -> Iterator[tuple[str, Precision]]:
    kinds = {types.of(scope, name).elem for name in node.output if name}
    found = {FLOATS[kind] for kind in kinds if kind in FLOATS}
    if len(found) == 1:
        yield parsed_name(node), found.pop()
