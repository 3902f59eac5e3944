"""Layers: the tensors that are worth comparing."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from trtflow.model.analysis import analyse
from trtflow.model.stages import reads


@dataclass(frozen=True)
class Layer:
    """One float tensor that a node of the main graph writes. ``depth`` counts the nodes before it."""

    tensor: str
    node: str
    op: str
    depth: int


def layers(model: onnx.ModelProto) -> tuple[Layer, ...]:
    """The tensors worth comparing, in topological order: what candidates write, bodies of control flow left out.

    What does not depend on the network's inputs is a weight, by whatever node.
    """
    analysis = analyse(model)
    main, fed = analysis.scopes[0], live(model)
    return tuple(
        Layer(name, node.name, node.op, depth)
        for depth, node in enumerate(info for info in analysis.candidates if not info.scope)
        for name in node.outputs
        if name in fed and analysis.types.of(main, name).is_float
    )


def live(model: onnx.ModelProto) -> frozenset[str]:
    """The tensors of the main graph that depend on what the network is fed."""
    found = {value.name for value in model.graph.input}
    for node in model.graph.node:
        if not found.isdisjoint(reads(node)):
            found.update(name for name in node.output if name)
    return frozenset(found)
