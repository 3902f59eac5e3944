"""The charts show where the error is, what no scale can hold, and how the search went."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_fakes import few_layers, plan, search, statistics

from trtflow.files.search import FrontPoint
from trtflow.files.statistics import Statistics
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.report import charts
from trtflow.report.layers import Row, layer_rows
from trtflow.report.plot import ABOVE, BELOW, HEIGHT, Chart

ROWS = layer_rows(statistics(), plan())
CANDIDATES = ("fp16", "mixed")


def _heights(path: str) -> list[float]:
    return [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]


def _rows(found: Statistics) -> tuple[Row, ...]:
    return layer_rows(found, PrecisionPlan())


def test_nan_breaks_the_line_and_stands_in_its_lane() -> None:
    low = charts.errors(ROWS, CANDIDATES, ()).series[0]
    assert low.line.count("M") == 2
    assert _heights(low.dots).count(BELOW) == 4


def test_exact_layers_stand_above_the_scale() -> None:
    mixed = charts.errors(ROWS, CANDIDATES, ()).series[1]
    assert _heights(mixed.dots)[:3] == [ABOVE] * 3


def test_many_layers_are_a_line_with_dots_only_in_the_lanes() -> None:
    low = charts.errors(layer_rows(statistics(700), plan(700)), CANDIDATES, ()).series[0]
    assert set(_heights(low.dots)) == {BELOW}


@pytest.mark.parametrize(
    ("levels", "top", "bottom"),
    [([30.0], "60", "0"), ([149.0], "160", "0"), ([900.0, -900.0], "160", "-40"), ([-15.0], "60", "-20")],
)
def test_the_scale_of_errors_holds_what_can_be_told_apart(levels: list[float], top: str, bottom: str) -> None:
    chart = charts.errors(_rows(few_layers(sqnr_db=levels)), ("fp16",), ())
    labels = [tick.label for tick in chart.rows if tick.kind == "grid"]
    assert (labels[-1], labels[0]) == (top, bottom)


def test_the_chart_says_in_words_which_layer_is_worst() -> None:
    rows = _rows(few_layers(sqnr_db=[40.0, 3.0, 50.0]))
    assert charts.errors(rows, ("fp16",), ()).alt.endswith(f"worst under fp16: {rows[1].layer.node}")


def test_kept_nodes_are_marked_where_they_stand() -> None:
    node = ROWS[2].layer.node
    (band,) = charts.errors(ROWS, CANDIDATES, {node}).bands
    assert (band.node, band.at) == (node, pytest.approx(100 * 2 / 60))


def test_shares_run_from_nothing_to_all_values() -> None:
    chart = charts.shares(_rows(few_layers(differing_share=[0.0, 0.5, 1.0])), ("fp16",), ())
    assert _heights(chart.series[0].line) == [96.0, 50.0, 4.0]
    assert [tick.label for tick in chart.rows] == ["0%", "50%", "100%"]


def test_values_beyond_the_format_are_drawn_apart() -> None:
    chart = charts.ranges(_rows(few_layers(ref_amax=[1e5, math.inf, 65504.0, 1e-6, 0.0])), "fp16")
    inside, outside = chart.series
    assert (inside.dots.count("M"), outside.dots.count("M")) == (3, 2)
    assert [tick.label for tick in chart.rows if tick.kind.startswith("limit")] == [
        "65,504, overflows above",
        "6.1e-5, loses digits below",
    ]
    assert "2 beyond fp16's range" in chart.alt


@pytest.mark.parametrize(
    ("low", "kinds"), [("int8", []), ("fp32", []), ("fp16", ["beyond", "tiny"]), ("fp8", ["beyond", "tiny"])]
)
def test_only_a_format_with_a_range_of_its_own_has_limits(low: Precision, kinds: list[str]) -> None:
    assert [band.kind for band in charts.ranges(ROWS, low).bands] == kinds


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=12))
def test_any_number_is_drawn_inside_the_box(values: list[float]) -> None:
    errors, amaxes = few_layers(sqnr_db=values), few_layers(ref_amax=[abs(value) for value in values])
    drawn = (charts.errors(_rows(errors), ("fp16",), ()), charts.ranges(_rows(amaxes), "fp16"))
    for chart in drawn:
        assert all(0 <= y <= HEIGHT for series in chart.series for y in _heights(series.line + series.dots))
        assert all(0 <= tick.at <= 100 for tick in (*chart.rows, *chart.columns))


def test_the_search_is_drawn_by_outcome() -> None:
    chart = charts.search(search().evaluations)
    counts = {series.name: series.dots.count("M") for series in chart.series}
    assert counts == {"trail": 0, "accepted": 13, "refused": 4, "not measured": 1}


def test_no_evaluations_and_no_layers_are_empty_charts() -> None:
    empty: list[Chart] = [
        charts.search(()),
        charts.errors((), (), ()),
        charts.shares((), (), ()),
        charts.ranges((), "fp16"),
    ]
    assert all(not series.dots and not series.line for chart in empty for series in chart.series)


def test_the_front_places_exact_and_broken_plans_outside_the_scale() -> None:
    front = tuple(
        FrontPoint(high=high, cost=cost, sqnr=sqnr, accepted=accepted)
        for high, cost, sqnr, accepted in (
            (0, 0.0, -math.inf, False),
            (1, 0.01, None, False),
            (2, 0.05, 41.0, True),
            (9, 1.0, math.inf, True),
        )
    )
    chart = charts.pareto(front)
    assert chart.columns[-1].label == "100.0%"
    assert [tick.label for tick in chart.rows] == ["40", "60"]
    accepted, refused = chart.series[1:]
    assert _heights(refused.dots) == [BELOW, BELOW]
    assert _heights(accepted.dots)[-1] == ABOVE
