"""The page's layer table: its columns as rows of data, and the cells that they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trtflow import text as figures
from trtflow.precision import label
from trtflow.report.layers import Row, badness
from trtflow.report.model import Comparison, LayerStatistics

Value = Callable[[LayerStatistics], float | None]


@dataclass(frozen=True)
class Column:
    """A column of numbers. ``nan`` is where NaN sorts: at the bad end of what the column measures.

    ``tip`` columns also appear when the pointer rests on a layer in a chart; ``bar`` columns hold shares.
    """

    head: str
    help: str
    value: Value
    text: Callable[[float | None], str]
    nan: float = math.inf
    tip: bool = False
    bar: bool = False


SQNR = Column("SQNR dB", "signal to quantisation noise", lambda s: s.sqnr_db, figures.decibel, -math.inf, tip=True)
RATIO = Column(
    "Ratio", "share of values off by more than 10%", lambda s: s.differing_share, figures.percent, tip=True, bar=True
)
FULL = (
    SQNR,
    RATIO,
    Column("Differing", "values off by more than 10%", lambda s: s.differing, figures.count),
    Column("Total", "values compared", lambda s: s.count, figures.count),
    Column("Max error", "largest absolute error", lambda s: s.max_abs, figures.number, tip=True),
    Column("NaN", "values that are NaN", lambda s: s.nan, figures.count, tip=True),
    Column("Inf", "values that are infinite", lambda s: s.inf, figures.count, tip=True),
)
BRIEF = (SQNR, RATIO)
MORE = (
    Column("Mean error", "mean absolute error", lambda s: s.mean_abs, figures.number),
    Column("Cosine", "cosine similarity", lambda s: s.cosine, figures.cosine, -math.inf),
)
REFERENCE = (
    Column("amax", "largest magnitude", lambda s: s.reference_amax, figures.number, tip=True),
    Column("> 65504", "share beyond FP16's range", lambda s: s.beyond, figures.percent),
    Column("< 6.1e-5", "share below FP16's normal numbers", lambda s: s.subnormal, figures.percent),
    Column("< 5.96e-8", "share below FP16's smallest number", lambda s: s.lost, figures.percent),
)


@dataclass(frozen=True)
class Group:
    """Columns under one heading, read from the statistics at ``slot`` (None: any candidate's)."""

    name: str
    slot: int | None
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Cell:
    """What a cell shows, what it sorts by ("" always sorts last), and the share that its bar covers.

    ``classes`` marks the first cell of a group and, by candidate, a bar.
    """

    text: str
    key: str
    classes: str = ""
    bar: float | None = None


@dataclass(frozen=True)
class Line:
    """A row of the table; ``index`` is the layer's place in the charts."""

    index: int
    row: Row
    cells: tuple[Cell, ...]


def groups(comparisons: Sequence[Comparison]) -> tuple[Group, ...]:
    """The first candidate, the others in brief, what the reference itself looks like, and the finer numbers last."""
    candidates = [Group(item.name, slot, FULL if slot == 0 else BRIEF) for slot, item in enumerate(comparisons)]
    finer = [Group(f"{label(item.name)}, more", 0, MORE) for item in comparisons[:1]]
    return (*candidates, Group("reference", None, REFERENCE), *finer)


def lines(rows: Sequence[Row], comparisons: Sequence[Comparison]) -> list[Line]:
    """All rows of the table, the worst under the first candidate on top."""
    heads = groups(comparisons)
    made = [Line(index, row, _cells(row, heads)) for index, row in enumerate(rows)]
    return sorted(made, key=lambda line: badness(line.row.statistics[0]))


def _cells(row: Row, heads: Sequence[Group]) -> tuple[Cell, ...]:
    anything = next((item for item in row.statistics if item), None)
    return tuple(
        _cell(anything if group.slot is None else row.statistics[group.slot], group, column)
        for group in heads
        for column in group.columns
    )


def _cell(statistics: LayerStatistics | None, group: Group, column: Column) -> Cell:
    value = None if statistics is None else column.value(statistics)
    edge = " edge" if column is group.columns[0] else ""
    bar = f" bar b{group.slot}" if column.bar and value else ""
    return Cell(column.text(value), _key(value, column.nan), edge + bar, value if bar else None)


def _key(value: float | None, nan: float) -> str:
    """A number that JavaScript reads: infinities are spelled out there."""
    if value is None:
        return ""
    value = nan if math.isnan(value) else value
    return f"{value:.7g}" if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
