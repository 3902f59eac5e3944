"""How well errors of layers agree that two runners measured: ranks, ratios, and where values are not finite."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from int8_task import Array

from trtflow.files.statistics import Statistics
from trtflow.numerics.record import Figures

WORST = 10


@dataclass(frozen=True)
class Pair:
    """A layer on both sides: relative RMS error (infinite: not finite where FP32 is), and whether it is finite."""

    node: str
    op: str
    emulated: float
    real: float
    emulated_finite: bool
    real_finite: bool

    @property
    def ratio(self) -> float:
        """Real over emulated."""
        return self.real / self.emulated


@dataclass(frozen=True)
class Agreement:
    """``layers`` that both show; ``correlation`` of ranks, and ``ratios`` at 5, 50 and 95 %, over the ``compared``.

    Compared are layers with a finite error above 0 on both sides; ``lone`` have an error on one side only. NaN where
    there are too few. ``emulated_only`` and ``real_only``: nodes with values that are not finite on one side alone.
    """

    layers: int
    compared: int
    lone: int
    correlation: float
    ratios: tuple[float, float, float]
    emulated_only: tuple[str, ...]
    real_only: tuple[str, ...]
    both_nonfinite: int
    worst: tuple[Pair, ...]
    by_op: Mapping[str, tuple[int, float, float, float]]


def pairs(statistics: Statistics, emulated: str, real: str) -> list[Pair]:
    """The layers of two candidates of one comparison."""
    one, other = statistics.candidates[emulated], statistics.candidates[real]
    return [
        Pair(
            layer.node,
            layer.op,
            error(one[layer.tensor]),
            error(other[layer.tensor]),
            finite(one[layer.tensor]),
            finite(other[layer.tensor]),
        )
        for layer in statistics.layers
    ]


def error(figures: Figures) -> float:
    """√(Σe² / Σr²) over all values; infinite with a value that is not finite where the reference is."""
    return 0.0 if math.isnan(figures.sqnr_db) else 10 ** (-figures.sqnr_db / 20)


def finite(figures: Figures) -> bool:
    """Whether the candidate has no more NaN and infinities than the reference."""
    return figures.cand_nan + figures.cand_inf <= figures.ref_nan + figures.ref_inf


def agreement(found: Sequence[Pair]) -> Agreement:
    """What the pairs come to."""
    seen = [pair for pair in found if 0 < pair.emulated < math.inf and 0 < pair.real < math.inf]
    ratios = np.array([pair.ratio for pair in seen])
    spread = tuple(map(float, np.quantile(ratios, [0.05, 0.5, 0.95]))) if len(seen) else (math.nan,) * 3
    return Agreement(
        layers=len(found),
        compared=len(seen),
        lone=sum((pair.emulated == 0) != (pair.real == 0) for pair in found),
        correlation=spearman(np.array([pair.emulated for pair in seen]), np.array([pair.real for pair in seen])),
        ratios=(spread[0], spread[1], spread[2]),
        emulated_only=tuple(pair.node for pair in found if pair.real_finite and not pair.emulated_finite),
        real_only=tuple(pair.node for pair in found if pair.emulated_finite and not pair.real_finite),
        both_nonfinite=sum(not pair.emulated_finite and not pair.real_finite for pair in found),
        worst=tuple(sorted(seen, key=lambda pair: -abs(math.log(pair.ratio)))[:WORST]),
        by_op=_by_op(seen),
    )


def _by_op(seen: Sequence[Pair]) -> dict[str, tuple[int, float, float, float]]:
    """Operator → how many, and the ratios at 5, 50 and 95 %."""
    grouped: dict[str, list[float]] = {}
    for pair in seen:
        grouped.setdefault(pair.op, []).append(pair.ratio)
    return {
        op: (len(ratios), *map(float, np.quantile(ratios, [0.05, 0.5, 0.95])))  # type: ignore[misc]
        for op, ratios in sorted(grouped.items())
    }


def spearman(a: Array, b: Array) -> float:
    """Pearson's correlation of the ranks, equal values sharing theirs; NaN of fewer than three, or without spread."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def ranks(values: Array) -> Array:
    """From 0; equal values have the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts + 1) / 2)[place], np.float64)
