"""What a tensor's candidate values are worth against the reference's: one pass, sums in float64.

Definitions, r being a value of the reference, c the candidate's, e = c - r:

equal non-finite   NaN in both, or the same infinity, is no error.
mismatched         any other pair that is not finite in both. Its error is infinite: sqnr is -inf, cosine 0, the
                   absolute errors are inf, the relative error is 2.
differing          mismatched, or deviating by more than 10 %: |e| > 0.1·|r|. Where r = 0 nothing is 10 % of it;
                   there |c| must be above 2⁻¹⁴, FP16's smallest normal number, lest a zero that comes back as
                   rounding noise is counted.
relative error     |e| / max(|r|, |c|), 0 where both are 0: defined everywhere, never above 2, and equal to
                   |e| / |r| in first order. Divided by |r| alone, one value near zero would decide the mean.
sqnr, cosine       over the pairs that are finite in both; see ``Energy`` for zeros.
min, max, amax,    of one tensor, over its finite values; 0 when there are none.
mean, rms
quantiles          of |r| over all values but NaN, and of |e|, from histograms: within 0.4 %.

Squares are summed in float64: magnitudes from 1e-150 to 1e150 are exact, all of float32's among them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.energy import Energy
from trtflow.numerics.histogram import BitHistogram, magnitude_bins

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999, "p99_99": 0.9999}
DEVIATION = 0.1

_FP16_MAX, _FP16_MIN_NORMAL, _FP16_MIN_SUBNORMAL = 65504.0, 2.0**-14, 2.0**-24
_BLOCK = 1 << 15


@dataclass(frozen=True)
class Spread:
    """One tensor's own values; the extremes and sums are over the finite ones."""

    count: int = 0
    nan: int = 0
    inf: int = 0
    zeros: int = 0
    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Spread) -> Spread:
        return Spread(
            count=self.count + other.count,
            nan=self.nan + other.nan,
            inf=self.inf + other.inf,
            zeros=self.zeros + other.zeros,
            low=min(self.low, other.low),
            high=max(self.high, other.high),
            total=self.total + other.total,
            squares=self.squares + other.squares,
        )

    def document(self, prefix: str) -> dict[str, float | int]:
        """The public figures, each name behind ``prefix``."""
        finite = self.count - self.nan - self.inf
        low, high = (self.low, self.high) if finite else (0.0, 0.0)
        figures: dict[str, float | int] = {
            "amax": max(abs(low), abs(high)),
            "min": low,
            "max": high,
            "mean": self.total / max(finite, 1),
            "rms": math.sqrt(self.squares / max(finite, 1)),
            "nan": self.nan,
            "inf": self.inf,
            "zeros_share": self.zeros / max(self.count, 1),
        }
        return {prefix + name: value for name, value in figures.items()}


@dataclass(frozen=True)
class TensorStatistics:
    """Sums and extremes over the pairs of one tensor, possibly of many samples; the module says what they mean.

    ``overflowed``: finite in the reference, not in the candidate. ``underflowed``: zero only in the candidate.
    ``beyond_fp16``, ``below_normal``, ``below_subnormal``: reference values with |r| > 65504, 0 < |r| < 2⁻¹⁴ and
    0 < |r| < 2⁻²⁴.
    """

    energy: Energy
    reference: Spread
    candidate: Spread
    differing: int
    overflowed: int
    underflowed: int
    beyond_fp16: int
    below_normal: int
    below_subnormal: int
    max_abs: float
    sum_abs: float
    max_rel: float
    sum_rel: float
    magnitudes: BitHistogram
    errors: BitHistogram

    @property
    def count(self) -> int:
        """How many pairs were compared."""
        return self.energy.count

    @property
    def differing_share(self) -> float:
        """The share of pairs that differ; 0 for an empty tensor."""
        return self.differing / max(self.count, 1)

    @property
    def mean_abs(self) -> float:
        """Mean |e| over all pairs."""
        return self.sum_abs / max(self.count, 1)

    @property
    def mean_rel(self) -> float:
        """Mean relative error over all pairs."""
        return self.sum_rel / max(self.count, 1)

    @property
    def sqnr_db(self) -> float:
        """Signal over error energy in dB; +inf without error, -inf with a mismatch."""
        return self.energy.sqnr_db()

    @property
    def cosine(self) -> float:
        """Cosine of the angle between both tensors; 1 for two zero tensors, 0 with a mismatch."""
        return self.energy.cosine()

    def quantiles(self) -> dict[str, float]:
        """``ref_p50`` … ``ref_p99_99`` of |r| and ``error_p50`` … of |e|, none above the exact maximum."""
        amax = math.inf if self.reference.inf else max(abs(self.reference.low), abs(self.reference.high))
        parts = (("ref_", self.magnitudes, amax), ("error_", self.errors, self.max_abs))
        return {
            prefix + name: min(histogram.quantile(probability), limit)
            for prefix, histogram, limit in parts
            for name, probability in QUANTILES.items()
        }

    def document(self) -> dict[str, float | int | str]:
        """All figures, flat, for strict JSON: infinities are the strings "Infinity" and "-Infinity".

        ``float()`` and JavaScript's ``Number()`` read both; there is no NaN.
        """
        total = max(self.count, 1)
        figures: dict[str, float | int] = {
            "count": self.count,
            "differing": self.differing,
            "differing_share": self.differing_share,
            "mismatched": self.energy.mismatched,
            "overflowed": self.overflowed,
            "underflowed": self.underflowed,
            "max_abs": self.max_abs,
            "mean_abs": self.mean_abs,
            "max_rel": self.max_rel,
            "mean_rel": self.mean_rel,
            "sqnr_db": self.sqnr_db,
            "cosine": self.cosine,
            **self.reference.document("ref_"),
            **self.candidate.document("cand_"),
            "beyond_fp16_share": self.beyond_fp16 / total,
            "below_normal_share": self.below_normal / total,
            "below_subnormal_share": self.below_subnormal / total,
            **self.quantiles(),
        }
        return {name: _strict(value) for name, value in figures.items()}


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
    found = _exact(r[:_BLOCK].astype(np.float64), c[:_BLOCK].astype(np.float64))
    for start in range(_BLOCK, r.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        found = merge(found, _exact(r[part].astype(np.float64), c[part].astype(np.float64)))
    return found


def merge(a: TensorStatistics, b: TensorStatistics) -> TensorStatistics:
    """The statistics of both sets of pairs together, as if they had been one tensor."""
    return TensorStatistics(
        energy=a.energy + b.energy,
        reference=a.reference + b.reference,
        candidate=a.candidate + b.candidate,
        differing=a.differing + b.differing,
        overflowed=a.overflowed + b.overflowed,
        underflowed=a.underflowed + b.underflowed,
        beyond_fp16=a.beyond_fp16 + b.beyond_fp16,
        below_normal=a.below_normal + b.below_normal,
        below_subnormal=a.below_subnormal + b.below_subnormal,
        max_abs=max(a.max_abs, b.max_abs),
        sum_abs=a.sum_abs + b.sum_abs,
        max_rel=max(a.max_rel, b.max_rel),
        sum_rel=a.sum_rel + b.sum_rel,
        magnitudes=a.magnitudes + b.magnitudes,
        errors=a.errors + b.errors,
    )


def _strict(value: float | int) -> float | int | str:
    return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")


def _exact(r: NDArray[np.float64], c: NDArray[np.float64]) -> TensorStatistics:
    finite = np.isfinite(r) & np.isfinite(c)
    mismatched = ~finite & ~((r == c) | (np.isnan(r) & np.isnan(c)))
    fr, fc = np.where(finite, r, 0.0), np.where(finite, c, 0.0)
    error = fc - fr
    absolute, magnitude = np.abs(error), np.abs(fr)
    relative = absolute / np.maximum(np.maximum(magnitude, np.abs(fc)), np.finfo(np.float64).smallest_subnormal)
    absolute[mismatched], relative[mismatched] = np.inf, 2.0
    bound = np.where(fr == 0, _FP16_MIN_NORMAL, DEVIATION * magnitude)
    own = np.abs(r)
    return TensorStatistics(
        energy=Energy(
            count=r.size,
            mismatched=_count(mismatched),
            reference=float(fr @ fr),
            candidate=float(fc @ fc),
            error=float(error @ error),
            product=float(fr @ fc),
            low=float(r.min(initial=np.inf, where=np.isfinite(r))),
            high=float(r.max(initial=-np.inf, where=np.isfinite(r))),
        ),
        reference=_spread(r),
        candidate=_spread(c),
        differing=_count(absolute > bound),
        overflowed=_count(np.isfinite(r) & ~np.isfinite(c)),
        underflowed=_count((c == 0) & (r != 0)),
        beyond_fp16=_count(own > _FP16_MAX),
        below_normal=_count((own > 0) & (own < _FP16_MIN_NORMAL)),
        below_subnormal=_count((own > 0) & (own < _FP16_MIN_SUBNORMAL)),
        max_abs=float(absolute.max(initial=0.0)),
        sum_abs=float(absolute.sum()),
        max_rel=float(relative.max(initial=0.0)),
        sum_rel=float(relative.sum()),
        magnitudes=BitHistogram.trim(magnitude_bins(r)),
        errors=BitHistogram.trim(magnitude_bins(absolute)),
    )


def _spread(x: NDArray[np.float64]) -> Spread:
    finite = np.isfinite(x)
    known = x[finite]
    nan = _count(np.isnan(x))
    return Spread(
        count=x.size,
        nan=nan,
        inf=x.size - known.size - nan,
        zeros=_count(known == 0),
        low=float(known.min(initial=np.inf)),
        high=float(known.max(initial=-np.inf)),
        total=float(known.sum()),
        squares=float(known @ known),
    )


def _count(mask: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(mask))
