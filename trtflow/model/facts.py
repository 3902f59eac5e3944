"""What other packages ask of a model: the layers to compare, their sizes, and the facts behind a diagnosis."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx

from trtflow.diagnosis.fp16 import Constant, NodeFacts
from trtflow.model.analysis import Analysis, NodeInfo, analyse
from trtflow.model.constants import loss, values
from trtflow.model.cost import with_shapes
from trtflow.model.scopes import scopes
from trtflow.model.types import infer
from trtflow.precision import FP16, ROWS


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


def tensor_shapes(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> dict[str, tuple[int, ...]]:
    """Shapes in the main graph when the inputs have ``shapes``; tensors whose shape is unknown are left out."""
    concrete = with_shapes(model, shapes)
    types, main = infer(concrete), scopes(concrete)[0]
    known = {name: types.of(main, name).shape for name in main.producers}
    return {
        name: tuple(int(size) for size in shape if size is not None)
        for name, shape in known.items()
        if shape is not None and all(isinstance(size, int) for size in shape)
    }


def tensor_bytes(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Bytes of those tensors in FP32."""
    return {name: 4 * math.prod(shape) for name, shape in tensor_shapes(model, shapes).items()}


def node_facts(model: onnx.ModelProto) -> list[NodeFacts]:
    """The candidates as the rules of a diagnosis see them."""
    analysis = analyse(model)
    known: dict[tuple[str, str], Constant] = {}
    return [_facts(info, analysis, known) for info in analysis.candidates]


def _facts(info: NodeInfo, analysis: Analysis, known: dict[tuple[str, str], Constant]) -> NodeFacts:
    scope, _ = analysis.by_name[info.name]
    tensors, constants = [], []
    for name in info.inputs:
        tensor = scope.constant(name) if name else None
        if tensor is not None and tensor.data_type == onnx.TensorProto.FLOAT:
            key = scope.key(name)
            if key not in known:
                known[key] = _constant(name, tensor)
            constants.append(known[key])
        elif name and tensor is None and analysis.types.of(scope, name).is_float:
            tensors.append(name)
    return NodeFacts(info.name, info.op, tuple(tensors), info.outputs, tuple(constants))


def _constant(name: str, tensor: onnx.TensorProto) -> Constant:
    magnitude = np.abs(values(tensor))
    finite = magnitude[np.isfinite(magnitude)]
    positive = finite[finite > 0]
    return Constant(
        name=name,
        amax=float(finite.max(initial=0.0)),
        amin=float(positive.min(initial=np.inf)) if positive.size else 0.0,
        overflow=loss(tensor, FP16).overflowed,
        flushed_share=float(np.mean(positive <= ROWS[FP16].flushed)) if positive.size else 0.0,
        size=magnitude.size,
    )
