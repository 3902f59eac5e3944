"""Models in and out of ONNX GraphSurgeon without loss: it edits topology, everything else is put back by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import onnx
import onnx_graphsurgeon as gs

from trtflow.graph.prune import drop_unread
from trtflow.graph.walk import Key, Scope, scopes, subgraphs


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


def put_back(
    graph: gs.Graph,
    original: onnx.ModelProto,
    constants: Mapping[str, list[onnx.TensorProto]],
    retyped: Mapping[str, Mapping[str, Any]],
) -> onnx.ModelProto:
    """The edited ``graph`` as a model with what ``original`` had around its topology.

    ``constants``: new initializers by the path of their scope. ``retyped``: attributes to set, by node name.
    Weights that nothing reads any more are left out, and so are the types of inner tensors: they changed.
    """
    edited = gs.export_onnx(graph, do_type_check=False)
    nodes = {node.name: node for scope in scopes(original) for node in scope.graph.node}
    result = onnx.ModelProto()
    for field, value in original.ListFields():
        if field.name != "graph":
            target = getattr(result, field.name)
            if field.is_repeated:
                target.extend(value)
            else:
                setattr(result, field.name, value)
    _fill(result.graph, edited.graph, original.graph, "", constants, retyped, nodes)
    drop_unread(result)
    return result


def _fill(
    target: onnx.GraphProto,
    edited: onnx.GraphProto,
    original: onnx.GraphProto,
    path: str,
    constants: Mapping[str, list[onnx.TensorProto]],
    retyped: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, onnx.NodeProto],
) -> None:
    for field, value in original.ListFields():
        if field.name in ("name", "doc_string"):
            setattr(target, field.name, value)
        elif field.name not in ("node", "value_info", "quantization_annotation"):
            getattr(target, field.name).extend(value)
    target.initializer.extend(constants.get(path, ()))
    for node in edited.node:
        known = nodes.get(node.name)
        if known is None:
            target.node.append(node)
            continue
        copy = target.node.add()
        _fill_node(copy, node, known, path, constants, retyped, nodes)


def _fill_node(
    copy: onnx.NodeProto,
    node: onnx.NodeProto,
    known: onnx.NodeProto,
    path: str,
    constants: Mapping[str, list[onnx.TensorProto]],
    retyped: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, onnx.NodeProto],
) -> None:
    copy.CopyFrom(known)
    del copy.input[:], copy.output[:], copy.attribute[:]
    copy.input.extend(node.input)
    copy.output.extend(node.output)
    bodies = dict(subgraphs(node))
    changes = dict(retyped.get(node.name, {}))
    for attribute in known.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            kept = copy.attribute.add(name=attribute.name, type=attribute.type)
            inner = f"{path}/{node.name}.{attribute.name}"
            _fill(kept.g, bodies[attribute.name], attribute.g, inner, constants, retyped, nodes)
        elif attribute.name in changes:
            copy.attribute.append(onnx.helper.make_attribute(attribute.name, changes.pop(attribute.name)))
        else:
            copy.attribute.append(attribute)
    copy.attribute.extend(onnx.helper.make_attribute(name, value) for name, value in changes.items())
