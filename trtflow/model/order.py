"""Nodes in the order in which they can be computed; and what no order mends, refused by name."""

from __future__ import annotations

from collections import Counter
from graphlib import CycleError, TopologicalSorter

import onnx

from trtflow.errors import ModelError
from trtflow.model.edit import replace_nodes
from trtflow.model.scopes import Scope, scopes, subgraphs


def sort_nodes(model: onnx.ModelProto) -> list[str]:
    """Put the nodes of ``model``, bodies included, behind those that they read, in place, and say what was moved.

    Graphs that are in order stay as they are.

    Raises:
        ModelError: nodes wait for each other, a tensor is made twice, or read or returned and made by nothing.
    """
    moved = False
    for scope in reversed(scopes(model)):  # bodies first: to sort a graph copies the bodies in it
        _check_made(scope)
        if not _in_order(scope):
            replace_nodes(scope.graph, _sorted(scope))
            moved = True
    return ["nodes stood before what they read and were sorted"] if moved else []


def reads(node: onnx.NodeProto) -> set[str]:
    """What ``node`` reads of the graph around it, its bodies included."""
    names = {name for name in node.input if name}
    for _, body in subgraphs(node):
        own = {value.name for value in body.input} | {tensor.name for tensor in body.initializer}
        own |= {name for inner in body.node for name in inner.output}
        wanted = {value.name for value in body.output}.union(*(reads(inner) for inner in body.node))
        names |= wanted - own
    return names


def _check_made(scope: Scope) -> None:
    made = Counter(name for node in scope.graph.node for name in node.output if name)
    twice = next((name for name, count in made.items() if count > 1), "")
    if twice:
        makers = [_label(node) for node in scope.graph.node if twice in node.output]
        raise ModelError(f"{' and '.join(makers)} make the same tensor '{twice}'; expected one node a tensor.")
    for node in scope.graph.node:
        lost = next((name for name in node.input if name and scope.home(name) is None), "")
        if lost:
            raise ModelError(
                f"{_label(node)} reads '{lost}', which nothing in the model makes. Export the model again."
            )
    for value in scope.graph.output:
        if scope.home(value.name) is None:
            raise ModelError(f"nothing in the model makes its output '{value.name}'. Export the model again.")


def _in_order(scope: Scope) -> bool:
    later = {name for node in scope.graph.node for name in node.output if name}
    for node in scope.graph.node:
        if not later.isdisjoint(reads(node)):
            return False
        later.difference_update(node.output)
    return True


def _sorted(scope: Scope) -> list[onnx.NodeProto]:
    nodes = list(scope.graph.node)
    makers = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    waits = {i: [makers[name] for name in sorted(reads(node)) if name in makers] for i, node in enumerate(nodes)}
    try:
        return [nodes[index] for index in TopologicalSorter(waits).static_order()]
    except CycleError as error:
        round_trip = " → ".join(_label(nodes[index]) for index in error.args[1][:6])
        raise ModelError(f"nodes wait for each other's outputs: {round_trip}. Export the model again.") from error


def _label(node: onnx.NodeProto) -> str:
    return f"node '{node.name or next(filter(None, node.output), '')}' ({node.op_type})"
