"""Graphs inside graphs: the scopes of a model, and who defines a tensor name where.

ONNX lets the bodies of If, Loop and Scan read tensors of the graphs around them, and lets two branches use the
same name for different tensors. So a tensor is known by its scope and its name (``Key``), never by name alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import onnx

Key = tuple[str, str]
"""Path of the scope that defines a tensor ("" for the main graph), and the tensor's name."""

CONTROL_FLOW = frozenset({"If", "Loop", "Scan", "SequenceMap"})
STANDARD_DOMAINS = frozenset({"", "ai.onnx"})


@dataclass(frozen=True, eq=False)
class Scope:
    """One graph of a model: the main one or a body. ``producers`` maps the names that it defines to their node."""

    path: str
    graph: onnx.GraphProto
    parent: Scope | None
    producers: dict[str, onnx.NodeProto | None]
    constants: dict[str, onnx.TensorProto]
    children: dict[str, list[Scope]] = field(default_factory=dict)

    def home(self, name: str) -> Scope | None:
        """The scope that defines the tensor ``name`` as seen from here; None when nothing does."""
        scope: Scope | None = self
        while scope is not None and name not in scope.producers:
            scope = scope.parent
        return scope

    def key(self, name: str) -> Key:
        """The tensor that ``name`` means here. A name that nothing defines counts as this scope's own."""
        return ((self.home(name) or self).path, name)

    def producer(self, name: str) -> onnx.NodeProto | None:
        """The node that computes ``name``; None for inputs, initializers and unknown names."""
        home = self.home(name)
        return home.producers[name] if home else None

    def constant(self, name: str) -> onnx.TensorProto | None:
        """The value of ``name`` when it is an initializer or the output of a Constant node holding a tensor."""
        home = self.home(name)
        return home.constants.get(name) if home else None


def subgraphs(node: onnx.NodeProto) -> Iterator[tuple[str, onnx.GraphProto]]:
    """The bodies of ``node`` with the attribute that holds each."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.name, attribute.g
        for index, graph in enumerate(attribute.graphs):
            yield f"{attribute.name}[{index}]", graph


def scopes(model: onnx.ModelProto) -> list[Scope]:
    """Every graph of ``model``, each before the bodies inside it."""
    found: list[Scope] = []
    _collect(model.graph, "", None, found)
    return found


def _collect(graph: onnx.GraphProto, path: str, parent: Scope | None, found: list[Scope]) -> Scope:
    scope = Scope(path, graph, parent, _producers(graph), _constants(graph))
    found.append(scope)
    for node in graph.node:
        label = node.name or (node.output[0] if node.output else node.op_type)
        for attribute, body in subgraphs(node):
            inner = _collect(body, f"{path}/{label}.{attribute}", scope, found)
            scope.children.setdefault(node.name, []).append(inner)
    return scope


def _producers(graph: onnx.GraphProto) -> dict[str, onnx.NodeProto | None]:
    names: dict[str, onnx.NodeProto | None] = {value.name: None for value in graph.input}
    names.update((tensor.name, None) for tensor in graph.initializer)
    names.update((sparse.values.name, None) for sparse in graph.sparse_initializer)
    names.update((name, node) for node in graph.node for name in node.output if name)
    return names


def _constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    fed = {value.name for value in graph.input}  # with a default, perhaps
    constants = {tensor.name: tensor for tensor in graph.initializer if tensor.name not in fed}
    for node in graph.node:
        if is_constant(node):
            tensor = constant_tensor(node)
            if tensor is not None:
                constants[node.output[0]] = tensor
    return constants


def is_constant(node: onnx.NodeProto) -> bool:
    """Whether ``node`` is ONNX's Constant."""
    return node.op_type == "Constant" and node.domain in STANDARD_DOMAINS


def constant_tensor(node: onnx.NodeProto) -> onnx.TensorProto | None:
    """The tensor that a Constant node holds, from whichever attribute; None for strings and sparse tensors."""
    for attribute in node.attribute:
        if attribute.name == "value":
            held: onnx.TensorProto = attribute.t
            return held
        if attribute.name in ("value_float", "value_floats"):
            floats = [attribute.f] if attribute.name == "value_float" else list(attribute.floats)
            return _small(onnx.TensorProto.FLOAT, floats, attribute.name == "value_float")
        if attribute.name in ("value_int", "value_ints"):
            ints = [attribute.i] if attribute.name == "value_int" else list(attribute.ints)
            return _small(onnx.TensorProto.INT64, ints, attribute.name == "value_int")
    return None


def _small(elem: int, values: list[float] | list[int], scalar: bool) -> onnx.TensorProto:
    tensor: onnx.TensorProto = onnx.helper.make_tensor("", elem, [] if scalar else [len(values)], values)
    return tensor


def opset(model: onnx.ModelProto) -> int:
    """The version of the standard operators that ``model`` imports; 1 when it says nothing (as ONNX does)."""
    return next((entry.version for entry in model.opset_import if entry.domain in STANDARD_DOMAINS), 1)


def uses_standard_operators(model: onnx.ModelProto) -> bool:
    """Whether ``model`` imports ONNX's own operators at all."""
    return any(entry.domain in STANDARD_DOMAINS for entry in model.opset_import)
