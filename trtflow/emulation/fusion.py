"""Rounding by units: what a fused engine stores, with BatchNormalization folded into the weights before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnx

from trtflow.model.analysis import Analysis
from trtflow.model.assignment import Edges
from trtflow.model.constants import values
from trtflow.model.edit import FreshNames
from trtflow.model.scopes import Key, Scope
from trtflow.model.units import Unit, found_units, inner_tensors, readers
from trtflow.precision import Precision

FOLDS_INTO = frozenset({"Conv", "ConvTranspose"})


def fused(analysis: Analysis, assigned: Edges, fresh: FreshNames) -> Edges:
    """``assigned`` without the roundings inside units that are wholly in one low format.

    The nodes of ``analysis`` are changed: where such a unit has a BatchNormalization behind a convolution, both
    with constant parameters, the convolution gets folded weights and the BatchNormalization becomes Identity.
    """
    users = readers(analysis)
    inner: set[Key] = set()
    for unit in found_units(analysis):
        if len(unit.nodes) > 1 and _format(unit, assigned):
            inner |= inner_tensors(analysis, unit, users)
            _fold(analysis, unit, fresh)
    return _without(assigned, analysis, inner)


def _format(unit: Unit, assigned: Edges) -> Precision | None:
    formats = {precision for node in unit.nodes for precision in assigned.outputs.get(node, {}).values()}
    complete = all(assigned.outputs.get(node) for node in unit.nodes)
    return formats.pop() if complete and len(formats) == 1 else None


def _without(assigned: Edges, analysis: Analysis, inner: set[Key]) -> Edges:
    """``assigned`` with the tensors ``inner`` left in FP32, as they are written and as they are read."""
    inputs: dict[str, Mapping[int, Precision]] = {}
    outputs: dict[str, Mapping[int, Precision]] = {}
    for kept, given, side in ((inputs, assigned.inputs, "input"), (outputs, assigned.outputs, "output")):
        for name, low in given.items():
            scope, node = analysis.by_name[name]
            names = getattr(node, side)
            kept[name] = {i: p for i, p in low.items() if i < len(names) and scope.key(names[i]) not in inner}
    produced = {key: precision for key, precision in assigned.produced.items() if key not in inner}
    return replace(assigned, inputs=inputs, outputs=outputs, produced=produced)


def _fold(analysis: Analysis, unit: Unit, fresh: FreshNames) -> None:
    for name in unit.nodes:
        scope, norm = analysis.by_name[name]
        conv = scope.producers.get(norm.input[0]) if norm.op_type == "BatchNormalization" else None
        if conv is not None and conv.name in unit.nodes and conv.op_type in FOLDS_INTO:
            _fold_pair(scope, conv, norm, fresh)


def _fold_pair(scope: Scope, conv: onnx.NodeProto, norm: onnx.NodeProto, fresh: FreshNames) -> None:
    weights = [scope.constant(name) for name in (*conv.input[1:], *norm.input[1:])]
    if any(tensor is None for tensor in weights):
        return
    arrays = [values(tensor).astype(np.float64) for tensor in weights if tensor is not None]
    weight, bias = arrays[0], arrays[1] if len(conv.input) == 3 else 0.0
    scale, shift, mean, variance = arrays[-4:]
    epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    folded = (weight * _spread(factor, weight, conv), (bias - mean) * factor + shift)
    names = [fresh(conv.output[0], "folded", "weight"), fresh(conv.output[0], "folded", "bias")]
    for array, name in zip(folded, names, strict=True):
        scope.graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.float32), name))
        scope.producers[name] = None
    del conv.input[1:], norm.input[1:], norm.attribute[:], norm.output[1:]
    conv.input.extend(names)
    norm.op_type = "Identity"


def _spread(factor: np.ndarray, weight: np.ndarray, conv: onnx.NodeProto) -> np.ndarray:
    """``factor`` (one per output channel) in a shape that multiplies ``weight``."""
    tail = (1,) * (weight.ndim - 2)
    if conv.op_type == "Conv":
        return factor.reshape(-1, 1, *tail)
    groups = next((a.i for a in conv.attribute if a.name == "group"), 1)
    per_group = factor.reshape(groups, 1, -1)  # ConvTranspose weight: [in, out/group, *kernel]
    rows = np.broadcast_to(per_group, (groups, weight.shape[0] // groups, weight.shape[1]))
    return rows.reshape(weight.shape[0], weight.shape[1], *tail)
