"""The statistics of one pair of tensors as a record that can be added up and written down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trtflow.numerics.energy import Energy
from trtflow.numerics.histogram import BitHistogram

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999, "p99_99": 0.9999}


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

    @property
    def finite(self) -> int:
        """How many values are neither NaN nor infinite."""
        return self.count - self.nan - self.inf

    @property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest finite value; zeros when there is none."""
        return (self.low, self.high) if self.finite else (0.0, 0.0)

    @property
    def mean(self) -> float:
        """The mean of the finite values; 0 when there is none."""
        return self.total / max(self.finite, 1)

    @property
    def rms(self) -> float:
        """The root mean square of the finite values; 0 when there is none."""
        return math.sqrt(self.squares / max(self.finite, 1))


@dataclass(frozen=True)
class Figures:
    """What is published of one tensor, all zeros for one of which nothing is known.

    ``ref_`` figures describe the reference's values, ``cand_`` the candidate's, ``error_`` the absolute error; the
    rest is defined in ``statistics``. Infinite where an error or a magnitude is; NaN only in decibels and cosines of
    which nothing was compared. ``worst_`` figures are of single samples: ``worst_sample`` has the lowest SQNR
    (``worst_sqnr_db``; the first sample where none has an error), ``worst_differing_share`` is the largest of any.
    """

    count: int = 0
    differing: int = 0
    differing_share: float = 0.0
    mismatched: int = 0
    overflowed: int = 0
    underflowed: int = 0
    max_abs: float = 0.0
    mean_abs: float = 0.0
    max_rel: float = 0.0
    mean_rel: float = 0.0
    sqnr_db: float = 0.0
    cosine: float = 0.0
    ref_amax: float = 0.0
    ref_min: float = 0.0
    ref_max: float = 0.0
    ref_mean: float = 0.0
    ref_rms: float = 0.0
    ref_nan: int = 0
    ref_inf: int = 0
    ref_zeros_share: float = 0.0
    cand_amax: float = 0.0
    cand_min: float = 0.0
    cand_max: float = 0.0
    cand_mean: float = 0.0
    cand_rms: float = 0.0
    cand_nan: int = 0
    cand_inf: int = 0
    cand_zeros_share: float = 0.0
    beyond_fp16_share: float = 0.0
    below_normal_share: float = 0.0
    below_subnormal_share: float = 0.0
    ref_p50: float = 0.0
    ref_p99: float = 0.0
    ref_p99_9: float = 0.0
    ref_p99_99: float = 0.0
    error_p50: float = 0.0
    error_p99: float = 0.0
    error_p99_9: float = 0.0
    error_p99_99: float = 0.0
    worst_sample: int = 0
    worst_sqnr_db: float = 0.0
    worst_differing_share: float = 0.0

    @property
    def ref_quantiles(self) -> dict[float, float]:
        """Share of the reference's magnitudes at or below → that magnitude."""
        known = (self.ref_p50, self.ref_p99, self.ref_p99_9, self.ref_p99_99)
        return dict(zip(QUANTILES.values(), known, strict=True))


def _spread_figures(spread: Spread, prefix: str) -> dict[str, Any]:
    low, high = spread.bounds
    figures: dict[str, Any] = {
        "amax": max(abs(low), abs(high)), "min": low, "max": high, "mean": spread.mean, "rms": spread.rms,
        "nan": spread.nan, "inf": spread.inf, "zeros_share": spread.zeros / max(spread.count, 1),
    }  # fmt: skip
    return {prefix + name: value for name, value in figures.items()}


@dataclass(frozen=True)
class TensorStatistics:
    """Sums and extremes over the pairs of one tensor, possibly of many samples; defined in ``statistics``.

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
        """Signal over error energy in dB; +inf without error, -inf with a mismatch, NaN where nothing is finite."""
        return self.energy.sqnr_db()

    @property
    def cosine(self) -> float:
        """Cosine of the angle; 1 for two zero tensors, 0 with a mismatch, NaN where nothing is finite."""
        return self.energy.cosine()

    def quantiles(self) -> dict[str, Any]:
        """``ref_p50`` … ``ref_p99_99`` of |r| and ``error_p50`` … of |e|, none above the exact maximum."""
        amax = math.inf if self.reference.inf else max(abs(self.reference.low), abs(self.reference.high))
        parts = (("ref_", self.magnitudes, amax), ("error_", self.errors, self.max_abs))
        return {
            prefix + name: min(histogram.quantile(probability), limit)
            for prefix, histogram, limit in parts
            for name, probability in QUANTILES.items()
        }

    def figures(self) -> Figures:
        """What is published."""
        total = max(self.count, 1)
        return Figures(
            count=self.count,
            differing=self.differing,
            differing_share=self.differing_share,
            mismatched=self.energy.mismatched,
            overflowed=self.overflowed,
            underflowed=self.underflowed,
            max_abs=self.max_abs,
            mean_abs=self.mean_abs,
            max_rel=self.max_rel,
            mean_rel=self.mean_rel,
            sqnr_db=self.sqnr_db,
            cosine=self.cosine,
            **_spread_figures(self.reference, "ref_"),
            **_spread_figures(self.candidate, "cand_"),
            beyond_fp16_share=self.beyond_fp16 / total,
            below_normal_share=self.below_normal / total,
            below_subnormal_share=self.below_subnormal / total,
            **self.quantiles(),
            worst_sqnr_db=self.sqnr_db,
            worst_differing_share=self.differing_share,
        )


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
