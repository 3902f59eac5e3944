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


@dataclass(frozen=True, eq=False)
class BitHistogram:
    """Counts of the bins from ``first`` on, without empty ones at the ends."""

    first: int
    counts: Counts

    @classmethod
    def empty(cls) -> BitHistogram:
        """Of no values."""
        return cls(0, np.zeros(0, np.int64))

    @classmethod
    def trim(cls, counts: Counts) -> BitHistogram:
        """From the counts of all ``BINS`` bins."""
        used = np.flatnonzero(counts)
        if not used.size:
            return cls.empty()
        return cls(int(used[0]), counts[used[0] : used[-1] + 1].astype(np.int64))

    def __add__(self, other: BitHistogram) -> BitHistogram:
        if not self.counts.size or not other.counts.size:
            return self if self.counts.size else other
        first = min(self.first, other.first)
        last = max(self.first + self.counts.size, other.first + other.counts.size)
        counts = np.zeros(last - first, np.int64)
        for part in (self, other):
            counts[part.first - first :][: part.counts.size] += part.counts
        return BitHistogram(first, counts)

    def quantile(self, probability: float) -> float:
        """The middle of the bin in which the value of that rank lies: within 0.4 % of it; 0.0 when empty.

        The rank is ⌈p·n⌉, counted from 1 (``numpy.quantile(method="inverted_cdf")``). Infinite values count as
        the largest.
        """
        total = int(self.counts.sum())
        if not total:
            return 0.0
        rank = max(1, math.ceil(probability * total))
        return _middle(self.first + int(np.searchsorted(np.cumsum(self.counts), rank)))

    def centres(self) -> NDArray[np.float32]:
        """The middle of each bin in ``counts``."""
        return np.array([_middle(self.first + place) for place in range(self.counts.size)], np.float32)


def magnitude_bins(values: NDArray[Any]) -> Counts:
    """Counts of all bins for ``values``, of any sign and real type; NaNs are left out."""
    with np.errstate(over="ignore", under="ignore"):
        magnitudes = np.abs(values.astype(np.float32, copy=False))
    unknown = np.isnan(magnitudes)
    if unknown.any():
        magnitudes = magnitudes[~unknown]
    return np.bincount(magnitudes.view(np.uint32) >> _LOW_BITS, minlength=BINS)


def _middle(index: int) -> float:
    low, high = (np.array([index, index + 1], np.uint32) << _LOW_BITS).view(np.float32)
    if index == 0 or np.isinf(low):  # zero stands for itself, as does infinity
        return float(low)
    return float(low) / 2 + float(high) / 2 if np.isfinite(high) else float(low)
