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
                   2¹⁶ values on, every k-th value is counted, k being odd and 21 000 values left at least, so
                   that a rank is off by 0.34 % at p50 and 0.007 % at p99.99 (one sigma, at most).

Sums agree with float64 ones to 1e-6 of the sum of their absolute terms (1e-7 as a rule): runs of up to 1024 values
are added in float32, in separate lanes, and the runs in float64. Counts and extremes are exact but for float32's
rounding of e and of the 10 %. Chunks in which float32 would overflow or vanish are measured in float64, as are all
arrays of types that ``kernel`` does not read and all arrays where there is no kernel. float64 arrays with magnitudes
outside 1e-150 to 1e150 lose their squares.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.exact import reduce_exactly
from trtflow.numerics.kernel import TYPES, load
from trtflow.numerics.record import TensorStatistics, merge

__all__ = ["TensorStatistics", "compare", "merge"]

SAMPLED = 1 << 15


def compare(reference: NDArray[Any], candidate: NDArray[Any]) -> TensorStatistics:
    """The statistics of one pair of arrays of equal shape, any real types and memory layout.

    Several threads may call this at once: nearly all of it runs without Python's lock.

    Raises:
        MetricError: the shapes differ.
    """
    reference, candidate = np.asarray(reference), np.asarray(candidate)
    if reference.shape != candidate.shape:
        raise MetricError(
            f"a candidate of shape {candidate.shape} cannot be compared with a reference of shape {reference.shape}"
        )
    r, c = reference.ravel(), candidate.ravel()
    step = max(1, r.size // SAMPLED) | 1
    kernel = load() if _readable(r) and _readable(c) else None
    return kernel.reduce(r, c, step) if kernel else reduce_exactly(r, c, step)


def _readable(x: NDArray[Any]) -> bool:
    return x.dtype.name in TYPES and x.dtype.isnative
