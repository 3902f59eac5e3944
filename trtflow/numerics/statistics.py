"""What a tensor's candidate values are worth against the reference's: one pass, sums in float64.

Definitions, r being a value of the reference, c the candidate's, e = c - r:

equal non-finite   NaN in both, or the same infinity, is no error.
mismatched         any other pair that is not finite in both. Its error is infinite: sqnr is -inf, cosine 0, the
                   absolute errors are inf, the relative error is 2.
differing          mismatched, or deviating by more than 10 %: |e| > 0.1·|r|. Where r = 0 nothing is 10 % of it;
                   there |c| must be above 2⁻¹⁴, FP16's smallest normal number, lest a zero that comes back as
                   rounding noise is counted.
relative error     |e| / max(|r|, |c|, 2⁻¹²⁶): 0 where both are 0, defined everywhere, never above 2, and equal
                   to |e| / |r| in first order. Over |r| alone, one value near zero would decide the mean.
sqnr, cosine       over the pairs that are finite in both; see ``Energy`` for zeros.
min, max, amax,    of one tensor, over its finite values; 0 when there are none.
mean, rms
quantiles          of |r| over all values but NaN, and of |e|, from histograms: within 0.4 %. Of arrays from
                   2¹⁷ values on, every k-th value is counted, k being odd and 43 000 values left at least, so
                   that a rank is off by 0.24 % at p50 and 0.005 % at p99.99 (one sigma).
                   ``exact_quantiles`` sorts instead.

Sums agree with float64 ones to 1e-7 of the sum of their absolute terms. Counts and extremes are exact but for
float32's rounding of e and of the 10 %. float64 arrays with magnitudes outside 1e-150 to 1e150 lose their squares.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.blocks import BLOCK, Workspace, fits, widen
from trtflow.numerics.exact import reduce_exactly
from trtflow.numerics.gathered import Gathered, reduce_overflowed
from trtflow.numerics.record import QUANTILES, TensorStatistics, merge

__all__ = ["TensorStatistics", "compare", "exact_quantiles", "merge"]

SAMPLED = 1 << 16


def compare(reference: NDArray[Any], candidate: NDArray[Any]) -> TensorStatistics:
    """The statistics of one pair of arrays of equal shape, any real types and memory layout.

    Raises ``MetricError`` when the shapes differ.
    """
    reference, candidate = np.asarray(reference), np.asarray(candidate)
    if reference.shape != candidate.shape:
        raise MetricError(
            f"a candidate of shape {candidate.shape} cannot be compared with a reference of shape {reference.shape}"
        )
    r, c = reference.reshape(-1), candidate.reshape(-1)
    step = max(1, r.size // SAMPLED) | 1
    return _reduce(r, c, step)


def exact_quantiles(values: NDArray[Any]) -> dict[str, float]:
    """``p50``, ``p99``, ``p99_9`` and ``p99_99`` of |values|, NaN left out, by selection; 0.0 when there are none."""
    magnitudes = np.abs(values[~np.isnan(values)])
    if not magnitudes.size:
        return dict.fromkeys(QUANTILES, 0.0)
    found = np.quantile(magnitudes, list(QUANTILES.values()), method="inverted_cdf")
    return dict(zip(QUANTILES, map(float, found), strict=True))


def _reduce(r: NDArray[Any], c: NDArray[Any], step: int) -> TensorStatistics:
    """The statistics of flat ``r`` and ``c``, every ``step``-th value in the histograms."""
    gathered = Gathered(step)
    others: list[TensorStatistics] = []
    space = Workspace()
    for start in range(0, r.size, BLOCK):
        rb, cb = r[start : start + BLOCK], c[start : start + BLOCK]
        if not (fits(rb) and fits(cb)):
            others.append(reduce_exactly(rb, cb))
            continue
        wide, other = widen(rb, space.r), widen(cb, space.c)
        if not gathered.add(wide, other, space):
            others.append(reduce_overflowed(wide, other, space, step) or reduce_exactly(wide, other))
    return functools.reduce(merge, others, gathered.total())
