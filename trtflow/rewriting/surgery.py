"""Models in and out of ONNX GraphSurgeon without loss: it edits topology, everything else is put back by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import onnx
import onnx_graphsurgeon as gs

from trtflow.model.edit import drop_unread
from trtflow.model.scopes import Key, Scope, scopes, subgraphs


def bare_graph(model: onnx.ModelProto) -> gs.Graph:
    """GraphSurgeon's view of ``model``: nodes, tensor names and bodies; no weights, attributes or types."""
    bare = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    bare.graph.CopyFrom(_bare(model.graph))
    return gs.import_onnx(bare)


def _bare(graph: onnx.GraphProto) -> onnx.GraphProto:
    bare = onnx.GraphProto(name=graph.name or "graph")
    bare.input.extend(onnx.ValueInfoProto(name=value.name) for value in graph.input)
    bare.output.extend(onnx.ValueInfoProto(name=value.name) for value in graph.output)
    for node in graph.node:
        copy = bare.node.add(name=node.name, op_type=node.op_type, domain=node.domain)
        copy.input.extend(node.input)
        copy.output.extend(node.output)
        for attribute, body in subgraphs(node):
            copy.attribute.append(onnx.helper.make_attribute(attribute, _bare(body)))
    return bare


def paired(scope: Scope, graph: gs.Graph) -> Iterator[tuple[Scope, gs.Graph]]:
    """Each scope with its GraphSurgeon graph, outer ones first."""
    yield scope, graph
    for node in graph.nodes:
        for child, body in zip(scope.children.get(node.name, ()), node.attrs.values(), strict=False):
            yield from paired(child, body)


def variables(pairs: Iterable[tuple[Scope, gs.Graph]]) -> dict[Key, gs.Variable]:
    """GraphSurgeon's object for every tensor, so that edits share it."""
    return {
        scope.key(tensor.name): tensor
        for scope, graph in pairs
        for node in graph.nodes
        for tensor in (*node.inputs, *node.outputs)
        if tensor.name
    }


@dataclass(frozen=True)
class _Parts:
    """What is put back, by name: see ``put_back``. ``read`` are the names that the edited nodes and graphs use."""

    nodes: Mapping[str, onnx.NodeProto]
    constants: Mapping[str, list[onnx.TensorProto]]
    changes: Mapping[str, Mapping[str, Any]]
    read: frozenset[str]


def put_back(
    graph: gs.Graph,
    original: onnx.ModelProto,
    constants: Mapping[str, list[onnx.TensorProto]],
    changes: Mapping[str, Mapping[str, Any]],
) -> onnx.ModelProto:
    """The edited ``graph`` as a model with what ``original`` had around its topology.

    ``constants``: new initializers by the path of their scope. ``changes``: attributes to set, by node name.
    Weights that nothing reads any more are left out, and so are the types of inner tensors: they changed.
    """
    edited = gs.export_onnx(graph, do_type_check=False)
    nodes = {node.name: node for scope in scopes(original) for node in scope.graph.node}
    result = onnx.ModelProto()
    for field, value in original.ListFields():
        if field.name != "graph":
            _put(result, field, value)
    parts = _Parts(nodes, constants, changes, _names_read(edited))
    _fill_graph(result.graph, edited.graph, original.graph, "", parts)
    drop_unread(result)
    result.ir_version = max(result.ir_version, 4)  # IR 3 wants every initializer among the inputs
    return result


def _put(message: Any, field: Any, value: Any) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend(value)
    else:
        setattr(message, field.name, value)


def _names_read(model: onnx.ModelProto) -> frozenset[str]:
    found = scopes(model)
    read = {name for scope in found for node in scope.graph.node for name in node.input}
    return frozenset(read | {value.name for s in found for value in (*s.graph.input, *s.graph.output)})


def _fill_graph(
    target: onnx.GraphProto, edited: onnx.GraphProto, original: onnx.GraphProto, path: str, parts: _Parts
) -> None:
    for field, value in original.ListFields():
        if field.name in ("name", "doc_string"):
            setattr(target, field.name, value)
        elif field.name == "initializer":  # gigabytes, perhaps, and many will have no reader left
            target.initializer.extend(tensor for tensor in value if tensor.name in parts.read)
        elif field.name not in ("node", "value_info", "quantization_annotation"):
            getattr(target, field.name).extend(value)
    target.initializer.extend(parts.constants.get(path, ()))
    for node in edited.node:
        known = parts.nodes.get(node.name)
        if known is None:
            target.node.append(node)
        else:
            _fill_node(target.node.add(), node, known, path, parts)


def _fill_node(copy: onnx.NodeProto, node: onnx.NodeProto, known: onnx.NodeProto, path: str, parts: _Parts) -> None:
    for field, value in known.ListFields():
        if field.name in ("input", "output"):
            getattr(copy, field.name).extend(getattr(node, field.name))
        elif field.name != "attribute":
            _put(copy, field, value)
    bodies = dict(subgraphs(node))
    changes = dict(parts.changes.get(node.name, {}))
    for attribute in known.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            kept = copy.attribute.add(name=attribute.name, type=attribute.type)
            inner = f"{path}/{node.name}.{attribute.name}"
            _fill_graph(kept.g, bodies[attribute.name], attribute.g, inner, parts)
        elif attribute.name in changes:
            copy.attribute.append(onnx.helper.make_attribute(attribute.name, changes.pop(attribute.name)))
        else:
            copy.attribute.append(attribute)
    copy.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in changes.items())
