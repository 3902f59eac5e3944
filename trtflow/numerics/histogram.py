"""Histograms over the leading bits of float32 magnitudes: quantiles of any range in one pass, little memory.

A bin holds the numbers whose sign-less bit patterns agree in the upper 15 bits, the exponent and 7 bits of the
mantissa. Bins are thus in the order of the magnitudes, and at most 2⁻⁷ of their value wide (below 1.2e-38 as
wide as there).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

BINS = 1 << 15
_LOW_BITS = 16
_INFINITY = 0x7F80  # the bin of infinity alone, NaNs being left out


@dataclass(frozen=True, eq=False)
class BitHistogram:
    """The indices of the bins that hold something, ascending, and their counts."""

    bins: NDArray[np.uint16]
    counts: Counts

    @classmethod
    def empty(cls) -> BitHistogram:
        """Of no values."""
        return cls(np.zeros(0, np.uint16), np.zeros(0, np.int64))

    @classmethod
    def trim(cls, counts: NDArray[Any], each: int = 1) -> BitHistogram:
        """From the counts of all bins, or the first ones, each count standing for ``each`` values."""
        used = np.flatnonzero(counts != 0)
        return cls(used.astype(np.uint16), counts[used].astype(np.int64) * each)

    def __add__(self, other: BitHistogram) -> BitHistogram:
        if not self.counts.size or not other.counts.size:
            return self if self.counts.size else other
        bins = np.concatenate([self.bins, other.bins])
        counts = np.bincount(bins, np.concatenate([self.counts, other.counts]))  # in float64: exact below 2⁵³
        return BitHistogram.trim(counts)

    def quantile(self, probability: float) -> float:
        """The middle of the bin in which the value of that rank lies: within 0.4 % of it; 0.0 when empty.

        The rank is ⌈p·n⌉, counted from 1 (``numpy.quantile(method="inverted_cdf")``). Infinite values count as
        the largest.
        """
        total = int(self.counts.sum())
        if not total:
            return 0.0
        rank = max(1, math.ceil(probability * total))
        place = int(np.searchsorted(np.cumsum(self.counts), rank))
        return float(_middles(self.bins[place : place + 1])[0])

    def centres(self) -> NDArray[np.float32]:
        """The middle of each bin in ``counts``."""
        return _middles(self.bins)


def magnitude_bins(values: NDArray[Any]) -> Counts:
    """Counts of all bins for ``values``, of any sign and real type; NaNs are left out."""
    with np.errstate(over="ignore", under="ignore"):
        magnitudes = np.abs(values.astype(np.float32, copy=False))
    unknown = np.isnan(magnitudes)
    if unknown.any():
        magnitudes = magnitudes[~unknown]
    return np.bincount(magnitudes.view(np.uint32) >> _LOW_BITS, minlength=BINS)


def _middles(bins: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Halfway between the bins' bounds, in their bits; zero stands for itself, as does infinity."""
    first = bins.astype(np.uint32) << _LOW_BITS
    half = np.where((bins == 0) | (bins >= _INFINITY), np.uint32(0), np.uint32(1 << (_LOW_BITS - 1)))
    return (first + half).view(np.float32)
