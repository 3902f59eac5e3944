"""Sums of squares of a signal and its error, and the figures that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.errors import MetricError

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Energy:
    """Float64 sums over the pairs where reference r and candidate c are both finite, e being c - r.

    ``mismatched`` counts the other pairs, less those that are equal: NaN in both, or the same infinity. Figures are
    NaN where nothing was compared; a zero that is zero again was, and is exact.
    """

    count: int = 0
    mismatched: int = 0
    reference: float = 0.0  # Σ r²
    candidate: float = 0.0  # Σ c²
    error: float = 0.0  # Σ e²
    product: float = 0.0  # Σ r·c
    low: float = math.inf  # smallest finite r
    high: float = -math.inf  # largest finite r

    def __add__(self, other: Energy) -> Energy:
        return Energy(
            count=self.count + other.count,
            mismatched=self.mismatched + other.mismatched,
            reference=self.reference + other.reference,
            candidate=self.candidate + other.candidate,
            error=self.error + other.error,
            product=self.product + other.product,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
        )

    @property
    def compared(self) -> bool:
        """Whether some pair says anything: finite in both, or mismatched."""
        return self.low <= self.high or self.mismatched > 0

    def sqnr_db(self) -> float:
        """10·log₁₀(Σr² / Σe²): +inf without error, -inf with a mismatch or with error on a zero signal."""
        return self._decibels(self.reference)

    def psnr_db(self) -> float:
        """10·log₁₀(peak² / mean e²), the peak being the range (max - min) of the reference's values.

        The limits are those of ``sqnr_db``; the range, unlike the maximum, also fits signed signals.
        """
        peak = self.high - self.low if self.high > self.low else 0.0
        return self._decibels(peak * peak * self.count)

    def cosine(self) -> float:
        """Σr·c / √(Σr²·Σc²), from -1 to 1: 1 for two zero tensors, 0 for one or with a mismatch."""
        if not self.compared:
            return math.nan
        if self.mismatched:
            return 0.0
        if not self.reference or not self.candidate:
            return float(self.reference == self.candidate)
        value = self.product / (math.sqrt(self.reference) * math.sqrt(self.candidate))
        return max(-1.0, min(1.0, value))

    def _decibels(self, signal: float) -> float:
        if not self.compared:
            return math.nan
        if self.mismatched:
            return -math.inf
        if not self.error:
            return math.inf
        return 10 * (math.log10(signal) - math.log10(self.error)) if signal else -math.inf


def dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Σ a·b, pairwise. BLAS would wake its threads for blocks of this size, which costs more than it gains."""
    return float(np.add.reduce(a * b))


def measure(reference: NDArray[Any], candidate: NDArray[Any]) -> Energy:
    """The energies of one pair of tensors of equal shape, any real type.

    Raises:
        MetricError: the shapes differ.
    """
    if reference.shape != candidate.shape:
        raise MetricError(
            f"a candidate of shape {candidate.shape} cannot be compared with a reference of shape {reference.shape}"
        )
    r, c = reference.reshape(-1), candidate.reshape(-1)
    parts = (_block(r[i : i + _BLOCK], c[i : i + _BLOCK]) for i in range(0, r.size, _BLOCK))
    return sum(parts, Energy())


def _block(reference: NDArray[Any], candidate: NDArray[Any]) -> Energy:
    r, c = reference.astype(np.float64), candidate.astype(np.float64)
    finite = np.isfinite(r) & np.isfinite(c)
    equal = (r == c) | (np.isnan(r) & np.isnan(c))
    mismatched = int(np.count_nonzero(~(finite | equal)))
    known = r[np.isfinite(r)]
    r, c = r[finite], c[finite]
    e = c - r
    return Energy(
        count=reference.size,
        mismatched=mismatched,
        reference=dot(r, r),
        candidate=dot(c, c),
        error=dot(e, e),
        product=dot(r, c),
        low=float(known.min(initial=np.inf)),
        high=float(known.max(initial=-np.inf)),
    )
