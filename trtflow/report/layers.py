"""The layers of all candidates side by side, and which of them are worst."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trtflow.report.model import Comparison, Layer, LayerStatistics


@dataclass(frozen=True)
class Row:
    """One tensor under every candidate. ``statistics`` follows the comparisons; None: not compared there."""

    layer: Layer
    statistics: tuple[LayerStatistics | None, ...]


def join(comparisons: Iterable[Comparison]) -> tuple[Row, ...]:
    """All tensors of all comparisons by depth; what a row says of the layer comes from the last comparison.

    The last comparison is the mixed one where there is one, so that a row shows the precision decided on.
    """
    tables = [{(layer.node, layer.tensor): layer for layer in item.layers} for item in comparisons]
    latest = {key: layer for table in tables for key, layer in table.items()}
    first_errors = {key for table in tables[:1] for key, layer in table.items() if layer.first_error}
    rows = [
        Row(
            layer.model_copy(update={"first_error": key in first_errors}),
            tuple(table[key].statistics if key in table else None for table in tables),
        )
        for key, layer in latest.items()
    ]
    return tuple(sorted(rows, key=lambda row: row.layer.depth))


def broken(statistics: LayerStatistics | None) -> bool:
    """True if the candidate's tensor holds NaN or infinity."""
    return statistics is not None and statistics.nan + statistics.inf > 0


def badness(statistics: LayerStatistics | None) -> tuple[float, ...]:
    """A sort key, worst first: non-finite, then by SQNR (undefined ones last), then by differing share."""
    if statistics is None:
        return (2.0, 0.0, 0.0)
    sqnr = statistics.sqnr_db
    measured = sqnr is not None and not math.isnan(sqnr)
    return (
        0.0 if broken(statistics) else 1.0,
        sqnr if sqnr is not None and measured else math.inf,
        -(statistics.differing_share or 0.0),
    )


def worst(layers: Iterable[Layer]) -> list[Layer]:
    """``layers``, the worst first; equals stay in topological order."""
    return sorted(layers, key=lambda layer: badness(layer.statistics))


@dataclass(frozen=True)
class Totals:
    """One candidate in a few numbers: layers with NaN or infinity, layers of which more than a tenth of the
    values deviate by more than 10 %, the worst SQNR that is defined, and the SQNR of the last layer."""

    name: str
    layers: int
    broken: int
    deviating: int
    worst_sqnr: float | None
    last_sqnr: float | None


def totals(comparison: Comparison) -> Totals:
    """The few numbers that tell one candidate from another."""
    all_statistics = [layer.statistics for layer in comparison.layers]
    defined = [item.sqnr_db for item in all_statistics if item.sqnr_db is not None and not math.isnan(item.sqnr_db)]
    return Totals(
        comparison.name,
        len(all_statistics),
        sum(broken(item) for item in all_statistics),
        sum((item.differing_share or 0.0) > 0.1 for item in all_statistics),
        min(defined, default=None),
        all_statistics[-1].sqnr_db if all_statistics else None,
    )
