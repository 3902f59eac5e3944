"""Layers: the tensors that are worth comparing."""

from __future__ import annotations

from dataclasses import dataclass

import onnx

from trtflow.model.analysis import analyse


@dataclass(frozen=True)
class Layer:
    """One float tensor that a node of the main graph writes. ``depth`` counts the nodes before it."""

    tensor: str
    node: str
    op: str
    depth: int


def layers(model: onnx.ModelProto) -> tuple[Layer, ...]:
    """The tensors worth comparing, in topological order: what candidates write, bodies of control flow left out."""
    analysis = analyse(model)
    main = analysis.scopes[0]
    return tuple(
        Layer(name, node.name, node.op, depth)
        for depth, node in enumerate(info for info in analysis.candidates if not info.scope)
        for name in node.outputs
        if name and analysis.types.of(main, name).is_float
    )
