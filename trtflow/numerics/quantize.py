"""Quantized formats: symmetric grids, and how an array is put on one.

A scale is the real value of one step: ``scale = amax / largest``, the largest code. Scales are rounded up to a number
that FP16 holds, so that a Q/DQ pair typed FP16 and one typed FP32 use the same grid; the range widens by less than
0.1 % (by 1 % at most below amax = 0.008).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.formats import round_to
from trtflow.precision import ROWS, Precision

Array = NDArray[np.float32]

HOLDS = 0.01  # a scale may grow by this share to become a number of FP16, whose steps are wide below 6e-5


def scale_for(amax: NDArray[Any] | float, precision: Precision) -> Array:
    """The scale for ``amax`` (any shape, > 0), float32. Where FP16 cannot hold it, it is left as it is."""
    exact = np.asarray(np.asarray(amax, np.float64) / ROWS[precision].largest, np.float32)
    with np.errstate(over="ignore"):
        half = exact.astype(np.float16)
        half = np.where(half.astype(np.float32) < exact, np.nextafter(half, np.float16(np.inf)), half)
    wide = half.astype(np.float32)
    holds = np.isfinite(wide) & (wide <= exact * (1 + HOLDS)) & (exact > 0)
    return np.where(holds, wide, exact).astype(np.float32)


def weight_scale(array: Array, axis: int | None, precision: Precision, shares: Sequence[float] = (1.0,)) -> Array:
    """The scale for ``shares`` of the largest magnitude in ``array``: one, or one per channel of ``axis``.

    Channels of zeros get the largest.
    """
    rest = tuple(place for place in range(array.ndim) if place != axis)
    own = np.abs(array).max(axis=rest if axis is not None else None).astype(np.float64)
    wide = (own * np.asarray(shares)).reshape(own.shape)
    top = float(wide.max(initial=0.0)) or 1.0
    return scale_for(np.where(wide > 0, wide, top), precision)


def along(channels: NDArray[Any], axis: int | None, rank: int) -> NDArray[Any]:
    """``channels`` in a shape that broadcasts along ``axis`` of an array of ``rank``; None: a single one."""
    return channels.reshape([-1 if place == axis else 1 for place in range(rank)])


def fits_fp16(scale: Array) -> bool:
    """Whether FP16 holds every element of ``scale`` exactly."""
    with np.errstate(over="ignore"):
        return bool(np.array_equal(scale.astype(np.float16).astype(np.float32), scale))


def encode(values: Array, scale: Array, precision: Precision) -> NDArray[Any]:
    """The codes of ``values``, to nearest, ties to even, saturating (ONNX QuantizeLinear).

    Their dtype is that of ``precision``. ``scale`` must broadcast against ``values``.
    """
    ratio = np.asarray(values, np.float32) / scale
    grid = ROWS[precision]
    if grid.uniform:
        return np.asarray(np.clip(np.rint(ratio), grid.lowest, grid.largest), grid.dtype)
    return np.asarray(round_to(np.asarray(ratio, np.float32), precision), grid.dtype)


def on_grid(values: Array, scale: Array | float, precision: Precision) -> Array:
    """``values`` after a Q/DQ pair, float32."""
    step = np.asarray(scale, np.float32)
    return np.asarray(encode(values, step, precision).astype(np.float32) * step, np.float32)
