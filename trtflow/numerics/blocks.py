"""The fast way through a pair of float32 blocks: few passes, each over data that is still in the cache.

Products and sums are formed in float32 over rows of 1024 values and added up in float64, which agrees with
float64 throughout to about 1e-8. That holds while no square overflows or vanishes, so ``reduce_block`` declines
blocks with NaN, infinity, or magnitudes for which it would not; those are left to the exact path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

BLOCK = 1 << 16  # five float32 buffers of this size about fill a core's own cache; smaller, and calls cost more
DEVIATION = 0.1
LEAST = 2.0**-126  # of the relative error's divisors: float32's smallest normal number, as subnormal ones are slow
FP16_MAX, FP16_MIN_NORMAL, FP16_MIN_SUBNORMAL = 65504.0, 2.0**-14, 2.0**-24

_ROW = 1024
_HUGE, _TINY = 1e15, 1e-12  # squares of these, and sums of 2**16 of them, are normal float32 numbers
_ONES = np.ones(_ROW, np.float32)


class Sums(NamedTuple):
    """The sums of r, c, r², c², r·c, e², |e| and the relative error, and the counts, of a block (e = c - r)."""

    r: float
    c: float
    rr: float
    cc: float
    rc: float
    ee: float
    absolute: float
    relative: float
    differing: float
    r_zeros: float
    c_zeros: float
    both_zero: float
    beyond_fp16: float
    below_normal: float
    below_subnormal: float


class Extremes(NamedTuple):
    """The extreme values of a block: r and c (signed), |e| and the relative error."""

    r_low: float
    r_high: float
    c_low: float
    c_high: float
    absolute: float
    relative: float


def _buffer() -> Floats:
    return np.empty(BLOCK, np.float32)


def _mask() -> Mask:
    return np.empty(BLOCK, np.bool_)


@dataclass(frozen=True)
class Workspace:
    """Scratch memory for one comparison at a time."""

    r: Floats = field(default_factory=_buffer)
    c: Floats = field(default_factory=_buffer)
    error: Floats = field(default_factory=_buffer)
    magnitude: Floats = field(default_factory=_buffer)
    scratch: Floats = field(default_factory=_buffer)
    zeros: Mask = field(default_factory=_mask)
    mask: Mask = field(default_factory=_mask)
    other: Mask = field(default_factory=_mask)


def fits(x: NDArray[Any]) -> bool:
    """Whether float32 holds every value of ``x``."""
    return x.dtype.itemsize <= 4 and x.dtype.kind in "fV"  # ml_dtypes' own types are of kind V


def widen(x: NDArray[Any], out: Floats) -> Floats:
    """``x`` (flat, at most ``BLOCK`` values, no wider than float32) as float32, in ``out`` where it must move."""
    if x.dtype == np.float32:
        return x
    out = out[: x.size]
    if x.dtype != np.float16:
        np.copyto(out, x, casting="unsafe")
        return out
    # numpy converts half by half, at 1.7 ns a value. The bits in float32's places are the value times 2⁻¹¹²,
    # subnormals included; infinities and NaNs come out as 65536 and more, which no finite half reaches.
    bits = out.view(np.int32)
    np.copyto(bits, x.view(np.int16))
    np.left_shift(bits, 13, out=bits)
    np.bitwise_and(bits, np.int32(-0x70000001), out=bits)  # the sign was extended over bits 28 to 30
    np.multiply(out, np.float32(2.0**112), out=out)
    if out.size and (out.max() >= 65536 or out.min() <= -65536):
        np.copyto(out, x)
    return out


def reduce_block(r: Floats, c: Floats, space: Workspace) -> tuple[Sums, Extremes] | None:
    """The figures of one block; |e| is left in ``space.error``. ``None``: the block needs the exact path."""
    r_low, r_high = float(np.minimum.reduce(r)), float(np.maximum.reduce(r))
    c_low, c_high = float(np.minimum.reduce(c)), float(np.maximum.reduce(c))
    if not (_plain(r_low, r_high) and _plain(c_low, c_high)):
        return None
    error, magnitude = space.error[: r.size], space.magnitude[: r.size]
    np.subtract(c, r, out=error)
    products = _products(r, c, error)
    np.abs(error, out=error)
    absolute = float(np.maximum.reduce(error))
    if 0 < absolute < _TINY:
        return None
    np.abs(r, out=magnitude)
    r_zeros, differing = _differing(r, error, magnitude, space)
    c_zeros, both_zero, relative, max_relative = _relative(c, error, magnitude, space, r_zeros)
    beyond_fp16, below_normal, below_subnormal = _range(magnitude, max(-r_low, r_high), r_zeros, space)
    sums = Sums(
        r=_sum(r),
        c=_sum(c),
        rr=products[0],
        cc=products[1],
        rc=products[2],
        ee=products[3],
        absolute=_sum(error),
        relative=relative,
        differing=differing,
        r_zeros=r_zeros,
        c_zeros=c_zeros,
        both_zero=both_zero,
        beyond_fp16=beyond_fp16,
        below_normal=below_normal,
        below_subnormal=below_subnormal,
    )
    return sums, Extremes(r_low, r_high, c_low, c_high, absolute, max_relative)


def _products(r: Floats, c: Floats, error: Floats) -> tuple[float, float, float, float]:
    """Σ r², Σ c², Σ r·c and Σ e².

    A cosine next to 1 is told by e alone: where e is small, the two sums with c follow from c = r + e, lest they
    differ from Σ r² by their own rounding. Where e is large, that would cancel.
    """
    rr, ee = _dot(r, r), _dot(error, error)
    if ee > 0.01 * rr:
        return rr, _dot(c, c), _dot(r, c), ee
    re = _dot(r, error)
    return rr, rr + 2 * re + ee, rr + re, ee


def _plain(low: float, high: float) -> bool:
    """Whether float32 can square these values; False for NaN, which every comparison denies."""
    return low > -_HUGE and high < _HUGE and (low == high == 0 or max(-low, high) > _TINY)


def _differing(r: Floats, error: Floats, magnitude: Floats, space: Workspace) -> tuple[int, int]:
    """The counts of zeros, which are left in ``space.zeros``, and of differing values."""
    bound, mask, zeros = space.scratch[: r.size], space.mask[: r.size], space.zeros[: r.size]
    np.multiply(magnitude, np.float32(DEVIATION), out=bound)
    differing = _count(np.greater(error, bound, out=mask))
    r_zeros = _count(np.equal(r, 0, out=zeros))
    if r_zeros and differing:
        np.logical_and(mask, zeros, out=mask)
        small = np.less_equal(error, np.float32(FP16_MIN_NORMAL), out=space.other[: r.size])
        differing -= _count(np.logical_and(mask, small, out=mask))
    return r_zeros, differing


def _relative(
    c: Floats, error: Floats, magnitude: Floats, space: Workspace, r_zeros: int
) -> tuple[int, int, float, float]:
    """The counts of zeros in c and in both, and the sum and the maximum of the relative error."""
    larger, mask = space.scratch[: c.size], space.mask[: c.size]
    c_zeros, both_zero = _count(np.equal(c, 0, out=mask)), 0
    np.abs(c, out=larger)
    np.maximum(larger, magnitude, out=larger)
    if r_zeros and c_zeros:
        both_zero = _count(np.logical_and(mask, space.zeros[: c.size], out=mask))
    np.maximum(larger, np.float32(LEAST), out=larger)
    np.divide(error, larger, out=larger)
    return c_zeros, both_zero, _sum(larger), float(np.maximum.reduce(larger))


def _range(magnitude: Floats, amax: float, zeros: int, space: Workspace) -> tuple[int, int, int]:
    mask = space.mask[: magnitude.size]
    beyond = _count(np.greater(magnitude, np.float32(FP16_MAX), out=mask)) if amax > FP16_MAX else 0
    normal = _count(np.less(magnitude, np.float32(FP16_MIN_NORMAL), out=mask)) - zeros
    subnormal = _count(np.less(magnitude, np.float32(FP16_MIN_SUBNORMAL), out=mask)) - zeros if normal else 0
    return beyond, normal, subnormal


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))


def _dot(a: Floats, b: Floats) -> float:
    """Σ a·b. Rows keep BLAS on this thread, too, and the rounding errors small and independent."""
    whole = a.size - a.size % _ROW
    rows = np.vecdot(a[:whole].reshape(-1, _ROW), b[:whole].reshape(-1, _ROW))
    return float(rows.sum(dtype=np.float64)) + float(np.vecdot(a[whole:], b[whole:]))


def _sum(a: Floats) -> float:
    whole = a.size - a.size % _ROW
    rows = np.vecdot(a[:whole].reshape(-1, _ROW), _ONES)
    return float(rows.sum(dtype=np.float64)) + float(a[whole:].sum(dtype=np.float64))
