"""What INT8 does to the mean of a layer's outputs, taken off its bias; and weights clipped where that is better.

A rounded weight is off by a little that multiplies the mean of its input, so the mean of every output channel is
off as well, and so are clipped activations (Nagel et al., 2019, section 4.2; here from measured means of the
inputs). The correction is for the quantized layer only: the FP32 network stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.model.scopes import Scope
from trtflow.model.types import attribute_int
from trtflow.numerics.quantize import on_grid, scale_for
from trtflow.precision import INT8, Precision

Floats = NDArray[np.float32]
Wide = NDArray[np.float64]

CLIPS = np.linspace(1.0, 0.5, 26).round(2)  # shares of a channel's largest magnitude that are tried


def takes_correction(node: onnx.NodeProto, scope: Scope) -> bool:
    """Whether the bias of ``node`` can be corrected: Conv and Gemm, where weights and bias are constants."""
    suits = node.op_type == "Conv" or (node.op_type == "Gemm" and not attribute_int(node, "transA"))
    return suits and all(scope.constant(name) is not None for name in node.input[1:] if name)


def output_channels(node: onnx.NodeProto, dims: Sequence[int]) -> int:
    """How many numbers the bias of ``node`` has, whose weights are of ``dims``."""
    return dims[0 if node.op_type == "Conv" or attribute_int(node, "transB") else 1]


def bias_correction(node: onnx.NodeProto, weight: Floats, rounded: Floats, exact: Wide, quantized: Wide) -> Floats:
    """What to add to the bias of ``node``: its mean output in FP32 less that with ``rounded`` weights.

    ``exact`` and ``quantized`` are the means of each input channel before and after its Q/DQ pair. Padding is left
    out of account. One number per output channel.
    """
    wanted, found = (_mean_output(node, w.astype(np.float64), m) for w, m in ((weight, exact), (rounded, quantized)))
    return np.asarray(wanted - found, np.float32)


def _mean_output(node: onnx.NodeProto, weight: Wide, mean: Wide) -> Wide:
    if node.op_type == "Gemm":
        return np.asarray(weight @ mean if attribute_int(node, "transB") else mean @ weight)
    taps = weight.reshape(*weight.shape[:2], -1).sum(axis=2)
    groups = attribute_int(node, "group") or 1
    parts = taps.reshape(groups, taps.shape[0] // groups, taps.shape[1])
    return np.asarray((parts * mean.reshape(groups, 1, -1)).sum(axis=2).reshape(-1))


def clip_shares(weight: Floats, axis: int | None, precision: Precision = INT8) -> tuple[float, ...]:
    """The shares of its largest magnitude that leave ``weight`` the least error: per channel of ``axis``, or one."""
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1) if axis is not None else weight.reshape(1, -1)
    peaks = np.abs(rows).max(axis=1, keepdims=True)
    widest = np.where(peaks > 0, peaks, 1.0)
    errors = [np.square(rows - on_grid(rows, scale_for(widest * c, precision), precision)).sum(axis=1) for c in CLIPS]
    return tuple(CLIPS[np.argmin(errors, axis=0)].tolist())
