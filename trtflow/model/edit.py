"""Editing graphs in place: what derived tensors and nodes are called, where new nodes go, who reads what.

Protobuf is edited as it is. onnx-ir, which was tried on ``retype`` and ``instrument``, needs fewer lines for the
second, but to build its graph and to write it back takes longer than these edits do, and analysis, types and
GraphSurgeon would still read protobuf. What it saves above 2 GiB comes from weights that stay in their file, which
protobuf allows as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import onnx

from trtflow.model.scopes import Scope, scopes
from trtflow.precision import Precision

_Rounded = Literal["raw", "stored", "down", "up", "cast"]
_Constant = Literal["folded", "weight", "bias", "rescaled"]
_Quantized = Literal["codes", "quantize", "dequantize", "scale", "zero"]
_Branch = Literal["if", "low", "high", "gate", "gated", "through", "passed"]
_NotANumber = Literal["sum", "suspect", "plain", "careful", "isnan", "marks", "marked", "hit", "pooled", "nan"]
_Opset = Literal["axes", "axis", "groups", "column", "flat", "channels", "share", "tall", "wide", "repeated"]
_Other = Literal["shape", "again", "node", "hold", "held", "inside", "step", "part"]

Suffix = _Rounded | _Constant | _Quantized | _Branch | _NotANumber | _Opset | _Other | Precision
"""The words behind the names that generated tensors and nodes derive from.

Written models, constraints and locks hold such names: a word that is here stays.
"""


def derived(base: str, *suffix: Suffix) -> str:
    """What is called ``base__suffix``."""
    return f"{base}__{'_'.join(suffix)}" if suffix else base


class FreshNames:
    """Names that are not ``taken`` yet, the same ones for the same questions."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def __call__(self, base: str, *suffix: Suffix) -> str:
        """``base`` with its ``suffix``, and the first free number behind that if it is taken."""
        wanted = name = derived(base, *suffix)
        number = 0
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name

    def each(self, base: str, *suffixes: Suffix) -> tuple[str, ...]:
        """A name derived from ``base`` for each of ``suffixes``."""
        return tuple(self(base, suffix) for suffix in suffixes)

    def pair(self, base: str, other: str) -> str:
        """A name for what belongs to ``base`` and ``other`` together."""
        return self(f"{base}__{other}")


def fresh_names(model: onnx.ModelProto) -> FreshNames:
    """Names that neither a tensor nor a node of ``model`` has, bodies included."""
    taken: set[str] = set()
    for scope in scopes(model):
        taken.update(scope.producers)
        for node in scope.graph.node:
            taken.update((node.name, *node.input))
    return FreshNames(taken)


def clone(model: onnx.ModelProto) -> onnx.ModelProto:
    """A deep copy."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def with_initializers(
    model: onnx.ModelProto, change: Callable[[onnx.TensorProto], onnx.TensorProto]
) -> onnx.ModelProto:
    """A copy that holds ``change`` of each initializer, without ever copying those of ``model`` as a whole."""
    copy = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions)
    copy.graph.name = model.graph.name or "graph"
    for field in ("node", "input", "output", "value_info", "sparse_initializer"):
        getattr(copy.graph, field).extend(getattr(model.graph, field))
    copy.graph.initializer.extend(change(tensor) for tensor in model.graph.initializer)
    return copy


def copied(node: onnx.NodeProto) -> onnx.NodeProto:
    """A deep copy of ``node``, its bodies included."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy


def replace_nodes(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Let ``graph`` consist of copies of ``nodes``, some of which may be its own."""
    held = onnx.GraphProto(node=nodes)  # copies, before the originals go
    del graph.node[:]
    graph.node.extend(held.node)


def insert_behind(graph: onnx.GraphProto, new: Mapping[str, Sequence[onnx.NodeProto]]) -> None:
    """Put nodes, given by a tensor that they read, right behind the node that makes it.

    Those of a tensor that no node of ``graph`` makes come first: of "" (nothing), then in the order in which the
    graph lists its inputs and initializers, then of any other.
    """
    made = {name for node in graph.node for name in node.output if name}
    given = dict.fromkeys(("", *(entry.name for entry in (*graph.input, *graph.initializer)), *new))
    nodes = [node for name in given if name not in made for node in new.get(name, ())]
    for node in graph.node:
        nodes.append(node)
        nodes.extend(behind for name in node.output if name for behind in new.get(name, ()))
    replace_nodes(graph, nodes)


def read_instead(scope: Scope, sources: Mapping[str, str]) -> None:
    """Let every reader of a name in ``sources`` read its value instead, in ``scope`` and the bodies inside."""
    for node in scope.graph.node:
        _replace(node.input, sources)
    for children in scope.children.values():
        for child in children:
            visible = {old: new for old, new in sources.items() if old not in child.producers}
            for value in child.graph.output:
                value.name = visible.get(value.name, value.name)
            read_instead(child, visible)


def rename(scope: Scope, names: Mapping[str, str]) -> None:
    """Rename tensors of ``scope`` where they are made and read; what it takes and returns keeps its name."""
    for node in scope.graph.node:
        _replace(node.output, names)
    for entry in (*scope.graph.initializer, *scope.graph.value_info):
        entry.name = names.get(entry.name, entry.name)
    read_instead(scope, names)


def _replace(field: Any, names: Mapping[str, str]) -> None:
    for index, name in enumerate(field):
        if name in names:
            field[index] = names[name]


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


def _drop(field: Any, unread: Sequence[bool]) -> None:
    for index in reversed(range(len(unread))):
        if unread[index]:
            del field[index]
