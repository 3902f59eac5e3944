"""The names table: ONNX node ↔ layers of the parsed network ↔ layers of the engine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from trtflow.files.exports.layers import LayerName, name_layers, nodes_in
from trtflow.model.naming import parsed_name
from trtflow.model.scopes import scopes, subgraphs

if TYPE_CHECKING:
    from onnx import ModelProto


def names_table(network: Any, model: ModelProto) -> tuple[LayerName, ...]:
    """Each layer of ``network``, which TensorRT's parser made of ``model``, with the nodes that it is there for."""
    held = {name for scope in scopes(model) for name in scope.constants}

    def named(row: LayerName) -> LayerName:
        weight = row.role == "constant" and row.layer in held and row.tensors == ("",)
        return row._replace(tensors=(row.layer,)) if weight else row

    return tuple(map(named, name_layers(network, made_tensors(model))))


def made_tensors(model: ModelProto) -> dict[str, tuple[str, ...]]:
    """Node → the tensors that it makes, as TensorRT's parser names nodes; those that enter its bodies among them."""
    made: dict[str, list[str]] = defaultdict(list)
    for scope in scopes(model):
        for node in scope.graph.node:
            name = parsed_name(node)
            made[name] += filter(None, node.output)
            for _, body in subgraphs(node):
                made[name] += [value.name for value in body.input]
    return {name: tuple(tensors) for name, tensors in made.items()}


def with_engine_layers(rows: Iterable[LayerName], engine: Mapping[str, str]) -> tuple[LayerName, ...]:
    """``rows`` with the layers of an engine (layer → metadata, from its inspector) that their nodes went into.

    An engine layer may be of several nodes, and a node in several: those that an engine renames lie side by side,
    separated by `` + ``. One that bears the name of a layer is that alone.
    """
    table = tuple(rows)
    nodes = {node: None for row in table for node in row.nodes}
    holding: dict[str, list[str]] = defaultdict(list)
    for layer, metadata in engine.items():
        for node in dict.fromkeys(nodes_in(metadata, nodes)):
            holding[node].append(layer)

    def joined(row: LayerName) -> str:
        if row.layer in engine:
            return row.layer
        return " + ".join(dict.fromkeys(layer for node in row.nodes for layer in holding[node]))

    return tuple(row._replace(engine_layer=joined(row)) for row in table)
