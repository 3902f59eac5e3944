"""The layers of a network with what every candidate makes of them, and which of them are worst."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from trtflow.files.statistics import Statistics
from trtflow.model.layers import Layer
from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.text import counted


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


MECHANISMS: Mapping[str, str] = {
    "typed": "by its own type",
    "cast": "by its own type, a Cast to FP32 behind it",
    "constraint": "by precision and output type set on its layer",
    "debug": "as the engine has it, a debug tensor",
}
"""What gave a tensor its precision while an engine was read, in words."""


def how_read(statistics: Statistics | None) -> tuple[str, ...]:
    """Of each candidate that an engine executed: what made its layers' precisions so, and what was built."""
    found = statistics.mechanisms if statistics else {}
    return tuple(_how_read(statistics, name) for name in found if statistics)


def _how_read(statistics: Statistics, name: str) -> str:
    ways = Counter(MECHANISMS[way] for way in statistics.mechanisms[name].values())
    built = Counter(statistics.built.get(name, {}).values())
    told = [f"{counted(count, 'layer')} {way}" for way, count in ways.items()]
    said = "; the inspector: " + ", ".join(f"{count} {status}" for status, count in built.items()) if built else ""
    left = len(statistics.layers) - sum(layer.tensor in statistics.mechanisms[name] for layer in statistics.layers)
    unread = f"; {counted(left, 'layer')} not shown" if left else ""
    return f"{name} was read on {statistics.runners.get(name, name)}: {'; '.join(told) or 'nothing'}{unread}{said}"


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
