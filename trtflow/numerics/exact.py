"""The plain way through a pair of tensors: numpy, float64 throughout, any real types. The kernel must agree."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.energy import Energy, dot
from trtflow.numerics.histogram import BitHistogram, magnitude_bins
from trtflow.numerics.record import Spread, TensorStatistics, merge
from trtflow.precision import FP16, FP32, ROWS

Reals = NDArray[Any]

BLOCK = 1 << 14  # some ten float64 arrays of this size stay in a core's own cache
DEVIATION = 0.1
LEAST = ROWS[FP32].smallest_normal  # of the relative error's divisors, as subnormal ones are slow
HALF = ROWS[FP16]


def reduce_exactly(reference: Reals, candidate: Reals, step: int = 1) -> TensorStatistics:
    """The statistics of two flat arrays, every ``step``-th value in the histograms, to stand for ``step`` values."""
    starts = range(0, max(reference.size, 1), BLOCK)
    blocks = (_block(reference[i : i + BLOCK], candidate[i : i + BLOCK], i, step) for i in starts)
    with np.errstate(invalid="ignore"):  # a signalling NaN is no more than a NaN
        return functools.reduce(merge, blocks)


def _block(reference: Reals, candidate: Reals, start: int, step: int) -> TensorStatistics:
    r, c = reference.astype(np.float64), candidate.astype(np.float64)
    known = np.isfinite(r)
    finite = known & np.isfinite(c)
    mismatched = ~finite & ~((r == c) | (np.isnan(r) & np.isnan(c)))
    fr, fc = np.where(finite, r, 0.0), np.where(finite, c, 0.0)
    error = fc - fr
    absolute, magnitude = np.abs(error), np.abs(fr)
    relative = absolute / np.maximum(np.maximum(magnitude, np.abs(fc)), LEAST)
    absolute[mismatched], relative[mismatched] = np.inf, 2.0
    bound = np.where(fr == 0, HALF.smallest_normal, DEVIATION * magnitude)
    own = np.abs(r)
    sampled = slice(-start % step, None, step)
    spreads = spread(r), spread(c)
    sums = dot(fr, fr), dot(fc, fc), dot(error, error), dot(fr, fc)
    return TensorStatistics(
        energy=Energy(r.size, _count(mismatched), *sums, spreads[0].low, spreads[0].high),
        reference=spreads[0],
        candidate=spreads[1],
        differing=_count(absolute > bound),
        overflowed=_count(known & ~np.isfinite(c)),
        underflowed=_count((c == 0) & (r != 0)),
        beyond_fp16=_count(own > HALF.largest),
        below_normal=_count((own > 0) & (own < HALF.smallest_normal)),
        below_subnormal=_count((own > 0) & (own < HALF.smallest_subnormal)),
        max_abs=float(absolute.max(initial=0.0)),
        sum_abs=float(absolute.sum()),
        max_rel=float(relative.max(initial=0.0)),
        sum_rel=float(relative.sum()),
        magnitudes=BitHistogram.trim(magnitude_bins(r[sampled]), step),
        errors=BitHistogram.trim(magnitude_bins(absolute[sampled]), step),
    )


def spread(x: NDArray[np.float64]) -> Spread:
    """The record of one flat array's own values."""
    known = x[np.isfinite(x)]
    nan = _count(np.isnan(x))
    return Spread(
        count=x.size,
        nan=nan,
        inf=x.size - known.size - nan,
        zeros=_count(known == 0),
        low=float(known.min(initial=np.inf)),
        high=float(known.max(initial=-np.inf)),
        total=float(known.sum()),
        squares=dot(known, known),
    )


def _count(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))
