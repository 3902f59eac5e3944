"""Range moved between layers: the constants around one tensor, changed by powers of two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.cures.transfers import NORMS, Transfer
from trtflow.model.analysis import analyse
from trtflow.model.constants import values
from trtflow.model.edit import clone, drop_unread, fresh_names
from trtflow.model.types import attribute_int
from trtflow.model.units import LINEAR
from trtflow.numerics.quantize import along

Floats = NDArray[np.float32]
Shifts = NDArray[np.int32]
Shape = tuple[int, ...]


def transfer_ranges(model: onnx.ModelProto, transfer: Transfer, shifts: Sequence[int]) -> onnx.ModelProto:
    """``model`` with the channels of the tensor over two to the power of ``shifts``, its readers making up for it."""
    copy = clone(model)
    nodes = {node.name: node for node in copy.graph.node}
    held = analyse(copy).scopes[0]
    fresh = fresh_names(copy)
    powers = np.asarray(shifts, np.int32)
    changes = [(slot, _at_source, -powers) for slot in transfer.sources]
    changes += [(slot, _at_target, powers) for slot in transfer.targets]
    for slot, place, exponents in changes:
        node = nodes[slot.node]
        tensor = held.constant(node.input[slot.index])
        assert tensor is not None  # noqa: S101 - the finder only lists constants
        array = values(tensor).astype(np.float32)
        changed = np.ldexp(array, place(node, slot.index, array.shape, exponents, transfer.axis))
        node.input[slot.index] = fresh(node.input[slot.index], "rescaled")
        copy.graph.initializer.append(onnx.numpy_helper.from_array(changed, node.input[slot.index]))
    drop_unread(copy)
    return copy


def target_amax(model: onnx.ModelProto, transfer: Transfer) -> Floats:
    """Per channel of the tensor the largest magnitude of the weights that read it."""
    scope = analyse(model).scopes[0]
    nodes = {node.name: node for node in model.graph.node}
    found = np.zeros(transfer.channels, np.float32)
    for slot in transfer.targets:
        node = nodes[slot.node]
        tensor = scope.constant(node.input[slot.index])
        assert tensor is not None  # noqa: S101 - the finder only lists constants
        found = np.maximum(found, _by_input_channel(node, np.abs(values(tensor)), transfer.channels))
    return found


def _at_source(node: onnx.NodeProto, index: int, shape: Shape, exponents: Shifts, axis: int) -> Shifts:
    """``exponents`` along the output channels of ``node``, for its input ``index`` of ``shape``."""
    if node.op_type in LINEAR and index < 2:
        return along(exponents, _output_axis(node), len(shape))
    if node.op_type in (*NORMS, *LINEAR):
        return exponents
    return exponents if axis < 0 else exponents.reshape(-1, 1, 1)  # a spelt-out normalisation's constants broadcast


def _at_target(node: onnx.NodeProto, index: int, shape: Shape, exponents: Shifts, axis: int) -> Shifts:
    """``exponents`` along the input channels of the weights of ``node``."""
    if node.op_type != "Conv":
        return along(exponents, 1 if node.op_type == "Gemm" and attribute_int(node, "transB") else 0, len(shape))
    groups = attribute_int(node, "group") or 1
    rows = np.repeat(exponents.reshape(groups, -1), shape[0] // groups, axis=0)
    return rows.reshape(*rows.shape, *[1] * (len(shape) - 2))


def _by_input_channel(node: onnx.NodeProto, magnitudes: Floats, channels: int) -> Floats:
    if node.op_type == "Conv":
        groups = attribute_int(node, "group") or 1
        parts = magnitudes.reshape(groups, -1, *magnitudes.shape[1:])
        return np.asarray(parts.max(axis=(1, *range(3, parts.ndim))), np.float32).reshape(channels)
    axis = 1 if node.op_type == "Gemm" and attribute_int(node, "transB") else 0
    rest = tuple(place for place in range(magnitudes.ndim) if place != axis)
    return np.asarray(magnitudes.max(axis=rest), np.float32)


def _output_axis(node: onnx.NodeProto) -> int:
    if node.op_type == "Conv" or (node.op_type == "Gemm" and attribute_int(node, "transB")):
        return 0
    return 1
