"""The layers of a network with what every candidate makes of them, and which of them are worst."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trtflow.files.statistics import Statistics
from trtflow.model.layers import Layer
from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision


@dataclass(frozen=True)
class Row:
    """One layer in the precision decided on; ``figures`` follow the candidates.

    ``first_error``: no layer before it is wrong under the first candidate.
    """

    layer: Layer
    precision: Precision
    figures: tuple[Figures, ...]
    first_error: bool = False


def layer_rows(statistics: Statistics | None, plan: PrecisionPlan) -> tuple[Row, ...]:
    """All layers in topological order; none where nothing was compared."""
    if statistics is None or not statistics.candidates:
        return ()
    wrong = statistics.wrong(next(iter(statistics.candidates)))[:1]
    return tuple(
        Row(
            layer,
            plan.precision(layer.node),
            tuple(tensors[layer.tensor] for tensors in statistics.candidates.values()),
            layer in wrong,
        )
        for layer in statistics.layers
    )


def broken(figures: Figures) -> bool:
    """True if the candidate's tensor holds NaN or infinity."""
    return figures.cand_nan + figures.cand_inf > 0


def badness(figures: Figures) -> tuple[bool, float, float]:
    """A sort key, worst first: non-finite, then by SQNR, then by differing share."""
    return not broken(figures), level(figures), -figures.differing_share


def level(figures: Figures) -> float:
    """The SQNR in dB, infinite where nothing was compared, too: no error is known there."""
    return math.inf if math.isnan(figures.sqnr_db) else figures.sqnr_db


@dataclass(frozen=True)
class Totals:
    """One candidate in a few numbers: its layers, those with NaN or infinity, those of which more than a tenth of
    the values deviate by more than 10 % on some sample, the worst SQNR and that of the last layer (None without
    layers), and the sample that is worst in the last layer, counted from 0."""

    name: str
    layers: int
    broken: int
    deviating: int
    worst_sqnr: float | None
    last_sqnr: float | None
    worst_sample: int | None


def totals(statistics: Statistics, name: str) -> Totals:
    """The few numbers that tell the candidate called ``name`` from others."""
    figures = [statistics.candidates[name][layer.tensor] for layer in statistics.layers]
    levels = [level(item) for item in figures]
    return Totals(
        name,
        len(figures),
        sum(map(broken, figures)),
        len(statistics.wrong(name)),
        min(levels, default=None),
        levels[-1] if levels else None,
        figures[-1].worst_sample if figures else None,
    )
