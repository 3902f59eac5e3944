"""What the rules of an FP16 diagnosis ask of a model: its nodes, the tensors that they read, their constants."""

from __future__ import annotations

import numpy as np
import onnx

from trtflow.diagnosis.fp16 import Constant, NodeFacts
from trtflow.model.analysis import Analysis, NodeInfo, analyse
from trtflow.model.constants import loss, values
from trtflow.precision import FP16, ROWS


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
        overflow=loss(tensor, FP16).overflowed,
        flushed_share=float(np.mean(positive <= ROWS[FP16].flushed)) if positive.size else 0.0,
        size=magnitude.size,
    )
