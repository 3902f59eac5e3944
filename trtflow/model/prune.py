"""Leaving out what nothing reads."""

from __future__ import annotations

from typing import Any

import onnx

from trtflow.model.scopes import scopes

SOURCES = frozenset({"Cast", "Constant"})
"""Operators whose nodes may go when nobody reads them: they stand for a value in some format."""


def drop_unread(model: onnx.ModelProto) -> None:
    """Remove, in place, initializers, Constants and Casts that nothing reads. Inputs keep their initializers."""
    found = scopes(model)
    read = {scope.key(name) for scope in found for node in scope.graph.node for name in node.input if name}
    read |= {scope.key(value.name) for scope in found for value in scope.graph.output}
    for scope in reversed(found):
        kept = {name for path, name in read if path == scope.path} | {value.name for value in scope.graph.input}
        _drop(scope.graph.initializer, [tensor.name not in kept for tensor in scope.graph.initializer])
        nodes = scope.graph.node
        _drop(nodes, [node.op_type in SOURCES and node.output[0] not in kept for node in nodes])


def _drop(field: Any, unread: list[bool]) -> None:
    for index in reversed(range(len(unread))):
        if unread[index]:
            del field[index]
