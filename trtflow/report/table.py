"""The page's layer table: its columns as rows of data, and the cells that they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trtflow import text
from trtflow.numerics.record import Figures
from trtflow.precision import label
from trtflow.report.layers import Row, badness


@dataclass(frozen=True)
class Column:
    """A column of numbers. ``falls``: a large one is bad, so that sorting begins with it.

    ``tip`` columns also appear when the pointer rests on a layer in a chart; ``bar`` columns hold shares.
    """

    head: str
    help: str
    value: Callable[[Figures], float]
    text: Callable[[float], str]
    falls: bool = True
    tip: bool = False
    bar: bool = False


SQNR = Column("SQNR dB", "signal to quantization noise", lambda s: s.sqnr_db, text.decibel, falls=False, tip=True)
RATIO = Column(
    "Ratio", "share of values off by more than 10%", lambda s: s.differing_share, text.percent, tip=True, bar=True
)
FULL = (
    SQNR,
    RATIO,
    Column("Differing", "values off by more than 10%", lambda s: s.differing, text.count),
    Column("Total", "values compared", lambda s: s.count, text.count),
    Column("Worst at", "sample of the lowest SQNR, counted from 0", lambda s: s.worst_sample, text.count, tip=True),
    Column("Max error", "largest absolute error", lambda s: s.max_abs, text.number, tip=True),
    Column("NaN", "values that are NaN", lambda s: s.cand_nan, text.count, tip=True),
    Column("Inf", "values that are infinite", lambda s: s.cand_inf, text.count, tip=True),
)
BRIEF = (SQNR, RATIO)
MORE = (
    Column("Mean error", "mean absolute error", lambda s: s.mean_abs, text.number),
    Column("Cosine", "cosine similarity", lambda s: s.cosine, text.cosine, falls=False),
)
REFERENCE = (
    Column("amax", "largest magnitude", lambda s: s.ref_amax, text.number, tip=True),
    Column("> 65504", "share beyond FP16's range", lambda s: s.beyond_fp16_share, text.percent),
    Column("< 6.1e-5", "share below FP16's normal numbers", lambda s: s.below_normal_share, text.percent),
    Column("< 5.96e-8", "share below FP16's smallest number", lambda s: s.below_subnormal_share, text.percent),
)


@dataclass(frozen=True)
class Group:
    """Columns under one heading, read from the figures of the candidate at ``slot``."""

    name: str
    slot: int
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Cell:
    """What a cell shows, what it sorts by, and the share that its bar covers.

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


def groups(candidates: Sequence[str]) -> tuple[Group, ...]:
    """The first candidate, the others in brief, what the reference itself looks like, and the finer numbers last."""
    shown = [Group(name, slot, FULL if slot == 0 else BRIEF) for slot, name in enumerate(candidates)]
    finer = [Group(f"{label(name)}, more", 0, MORE) for name in candidates[:1]]
    return (*shown, Group("reference", 0, REFERENCE), *finer)


def lines(rows: Sequence[Row], candidates: Sequence[str]) -> list[Line]:
    """All rows of the table, the worst under the first candidate on top."""
    heads = groups(candidates)
    made = [Line(index, row, _cells(row, heads)) for index, row in enumerate(rows)]
    return sorted(made, key=lambda line: badness(line.row.figures[0]))


def _cells(row: Row, heads: Sequence[Group]) -> tuple[Cell, ...]:
    return tuple(_cell(row.figures[group.slot], group, column) for group in heads for column in group.columns)


def _cell(figures: Figures, group: Group, column: Column) -> Cell:
    value = column.value(figures)
    edge = " edge" if column is group.columns[0] else ""
    bar = f" bar b{group.slot}" if column.bar and value else ""
    return Cell(column.text(value), _key(value), edge + bar, value if bar else None)


def _key(value: float) -> str:
    """A number that JavaScript reads: infinities are spelled out there. NaN, nothing known, sorts with the exact."""
    return f"{value:.7g}" if math.isfinite(value) else ("-Infinity" if value < 0 else "Infinity")
