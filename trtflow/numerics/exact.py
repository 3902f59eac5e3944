"""The exact way through a block: float64 throughout, any values. The fast way must agree with it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.numerics.blocks import DEVIATION, FP16_MAX, FP16_MIN_NORMAL, FP16_MIN_SUBNORMAL, LEAST
from trtflow.numerics.energy import Energy, dot
from trtflow.numerics.histogram import BitHistogram, magnitude_bins
from trtflow.numerics.record import Spread, TensorStatistics


def reduce_exactly(reference: NDArray[Any], candidate: NDArray[Any]) -> TensorStatistics:
    """The statistics of two flat arrays of any real types."""
    r, c = reference.astype(np.float64), candidate.astype(np.float64)
    finite = np.isfinite(r) & np.isfinite(c)
    mismatched = ~finite & ~((r == c) | (np.isnan(r) & np.isnan(c)))
    fr, fc = np.where(finite, r, 0.0), np.where(finite, c, 0.0)
    error = fc - fr
    absolute, magnitude = np.abs(error), np.abs(fr)
    relative = absolute / np.maximum(np.maximum(magnitude, np.abs(fc)), LEAST)
    absolute[mismatched], relative[mismatched] = np.inf, 2.0
    bound = np.where(fr == 0, FP16_MIN_NORMAL, DEVIATION * magnitude)
    own = np.abs(r)
    return TensorStatistics(
        energy=Energy(
            count=r.size,
            mismatched=_count(mismatched),
            reference=dot(fr, fr),
            candidate=dot(fc, fc),
            error=dot(error, error),
            product=dot(fr, fc),
            low=float(r.min(initial=np.inf, where=np.isfinite(r))),
            high=float(r.max(initial=-np.inf, where=np.isfinite(r))),
        ),
        reference=spread(r),
        candidate=spread(c),
        differing=_count(absolute > bound),
        overflowed=_count(np.isfinite(r) & ~np.isfinite(c)),
        underflowed=_count((c == 0) & (r != 0)),
        beyond_fp16=_count(own > FP16_MAX),
        below_normal=_count((own > 0) & (own < FP16_MIN_NORMAL)),
        below_subnormal=_count((own > 0) & (own < FP16_MIN_SUBNORMAL)),
        max_abs=float(absolute.max(initial=0.0)),
        sum_abs=float(absolute.sum()),
        max_rel=float(relative.max(initial=0.0)),
        sum_rel=float(relative.sum()),
        magnitudes=BitHistogram.trim(magnitude_bins(r)),
        errors=BitHistogram.trim(magnitude_bins(absolute)),
    )


def spread(x: NDArray[Any]) -> Spread:
    """The record of one flat array's own values."""
    known = x[np.isfinite(x)].astype(np.float64)
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
