"""Casts that do nothing: what is left of a low-precision model's own Casts once it is FP32."""

from __future__ import annotations

import onnx

from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes
from trtflow.model.types import Types, infer


def drop_noop_casts(model: onnx.ModelProto) -> int:
    """Remove, in place, the Casts of ``model`` whose input has the type they cast to; how many there were.

    A graph output that such a Cast makes keeps its name: the Cast becomes Identity.
    """
    types = infer(model)
    return sum(_drop(scope, types) for scope in reversed(scopes(model)))


def _drop(scope: Scope, types: Types) -> int:
    outputs = {value.name for value in scope.graph.output}
    sources: dict[str, str] = {}
    kept: list[onnx.NodeProto] = []
    dropped = 0
    for node in scope.graph.node:
        if not _is_noop(scope, node, types):
            kept.append(node)
            continue
        dropped += 1
        if node.output[0] in outputs:
            node.op_type = "Identity"
            del node.attribute[:]
            kept.append(node)
        else:
            sources[node.output[0]] = sources.get(node.input[0], node.input[0])
    if dropped:
        read_instead(scope, sources)
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in kept]
        del scope.graph.node[:]
        scope.graph.node.extend(copies)
    return dropped


def _is_noop(scope: Scope, node: onnx.NodeProto, types: Types) -> bool:
    if node.op_type != "Cast" or node.domain not in STANDARD_DOMAINS:
        return False
    before = types.of(scope, node.input[0]).elem
    return before != 0 and before == types.of(scope, node.output[0]).elem


def read_instead(scope: Scope, sources: dict[str, str]) -> None:
    """Let every reader of a name in ``sources`` read its value instead, in ``scope`` and the bodies inside."""
    for node in scope.graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = sources.get(name, name)
    for children in scope.children.values():
        for child in children:
            visible = {old: new for old, new in sources.items() if old not in child.producers}
            for value in child.graph.output:
                value.name = visible.get(value.name, value.name)
            read_instead(child, visible)
