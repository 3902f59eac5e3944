"""The statistics of one pair of tensors as a record that can be added up and written down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trtflow.files.strict_json import json_numbers
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
        found: dict[str, float | int | str] = json_numbers(figures)
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
