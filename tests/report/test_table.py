"""The layer table: what its columns show, sort by and mark."""

from __future__ import annotations

import pytest
from report_fakes import few_layers, plan, statistics

from trtflow.plan import PrecisionPlan
from trtflow.report.layers import layer_rows
from trtflow.report.table import FULL, Cell, groups, lines

CANDIDATES = ("fp16", "mixed")
LINES = lines(layer_rows(statistics(), plan()), CANDIDATES)


def _cells(**values: list[float]) -> list[Cell]:
    """The cells of the first candidate's group for a layer with those figures."""
    (made,) = lines(layer_rows(few_layers(**values), PrecisionPlan()), ("fp16",))
    return list(made.cells[: len(FULL)])


def test_groups_show_the_first_candidate_in_full() -> None:
    assert [(group.name, len(group.columns)) for group in groups(CANDIDATES)] == [
        ("fp16", 8),
        ("mixed", 2),
        ("reference", 4),
        ("FP16, more", 2),
    ]


def test_every_row_has_a_cell_for_every_column() -> None:
    width = sum(len(group.columns) for group in groups(CANDIDATES))
    assert {len(line.cells) for line in LINES} == {width}


def test_the_worst_row_comes_first_and_keeps_its_place_in_the_charts() -> None:
    assert [line.index for line in LINES[:4]] == [1, 2, 3, 4]
    assert sorted(line.index for line in LINES) == list(range(60))


@pytest.mark.parametrize(
    ("figure", "value", "column", "text", "key"),
    [
        ("sqnr_db", float("-inf"), "SQNR dB", "-inf", "-Infinity"),
        ("sqnr_db", float("inf"), "SQNR dB", "inf", "Infinity"),
        ("sqnr_db", 41.27, "SQNR dB", "41.3", "41.27"),
        ("sqnr_db", float("nan"), "SQNR dB", "NaN", "Infinity"),
        ("worst_sample", 8, "Worst at", "8", "8"),
        ("differing", 21874, "Differing", "21,874", "21874"),
        ("differing_share", 0.021, "Ratio", "2.1%", "0.021"),
        ("cand_nan", 7, "NaN", "7", "7"),
    ],
)
def test_a_cell_is_shown_for_people_and_sorts_by_its_number(
    figure: str, value: float, column: str, text: str, key: str
) -> None:
    place = [entry.head for entry in FULL].index(column)
    cell = _cells(**{figure: [value]})[place]
    assert (cell.text, cell.key) == (text, key)


@pytest.mark.parametrize(("share", "bar"), [(0.0, None), (0.25, 0.25), (1.0, 1.0)])
def test_a_bar_covers_the_share_and_nothing_is_drawn_for_none(share: float, bar: float | None) -> None:
    ratio = _cells(differing_share=[share])[1]
    assert ratio.bar == bar
    assert ("bar b0" in ratio.classes) is (bar is not None)


def test_the_first_cell_of_a_group_begins_it() -> None:
    edges = [place for place, cell in enumerate(LINES[0].cells) if "edge" in cell.classes]
    assert edges == [0, 8, 10, 14]


def test_only_where_small_is_bad_does_sorting_begin_with_the_small() -> None:
    rising = [column.head for group in groups(("fp16",)) for column in group.columns if not column.falls]
    assert rising == ["SQNR dB", "Cosine"]
