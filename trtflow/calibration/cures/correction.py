"""What quantization does to the mean of a layer's outputs, taken off its bias.

A rounded weight is off by a little that multiplies the mean of its input, so the mean of every output channel is
off as well, and so are clipped activations (Nagel et al., 2019, section 4.2; here from measured means of the
inputs). The correction is for the quantized layer only: the FP32 network stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.calibration.cures.bench import Bench, Trial, WeightedNode
from trtflow.cures import adjustments
from trtflow.cures.base import Adjustment
from trtflow.cures.correction import Correction, takes_correction
from trtflow.data import Array
from trtflow.model.types import attribute_int
from trtflow.numerics.quantize import along, on_grid, scale_for, weight_scale
from trtflow.text import six_digits

Floats = NDArray[np.float32]
Wide = NDArray[np.float64]


def places(bench: Bench) -> Mapping[str, Callable[[], Trial]]:
    """Every harmed node whose bias can be corrected."""
    chosen = [entry for entry in bench.weighted() if takes_correction(entry.node, entry.scope)]
    means = _means(bench, chosen)
    return {entry.site.node: partial(_try, bench, entry, means[entry.site.tensors[0]]) for entry in chosen}


def _try(bench: Bench, entry: WeightedNode, means: Wide) -> Trial:
    node, precision, weight = entry.site.node, bench.settings.precision, entry.weight
    shares = adjustments(bench.state.cures).get(node, Adjustment()).shares
    step = along(weight_scale(weight, entry.axis, precision, shares), entry.axis, weight.ndim)
    shift = bias_correction(entry.node, weight, on_grid(weight, step, precision), *means)
    before, bias = bench.error((node,)), tuple(map(six_digits, shift.tolist()))
    return bench.measure(Correction(subject=node, nodes=(node,), before=before, after=before, bias=bias))


def _means(bench: Bench, chosen: Sequence[WeightedNode]) -> dict[str, Wide]:
    """Of each tensor that ``chosen`` read, the mean of every channel before and after its Q/DQ pair."""
    axes = {entry.site.tensors[0]: 1 if entry.node.op_type == "Conv" else -1 for entry in chosen}
    if not axes:
        return {}
    precision = bench.settings.precision
    steps = {name: scale_for(bench.state.tensors[name].amax, precision) for name in axes}

    def sums(name: str, found: Array) -> Wide:
        rounded = on_grid(found.astype(np.float32), steps[name], precision)
        return np.stack([_channel_sums(part, axes[name]) for part in (found, rounded, np.ones_like(found))])

    totals = bench.staged(axes).fold(sums, lambda a, b: a + b, "means", bench.progress)
    return {name: total[:2] / total[2] for name, total in totals.items()}


def _channel_sums(array: Array, axis: int) -> Wide:
    rest = tuple(place for place in range(array.ndim) if place != axis % array.ndim)
    return np.asarray(array.sum(axis=rest, dtype=np.float64))


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
