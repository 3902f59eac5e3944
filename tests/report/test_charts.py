from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_fakes import comparison, summary

from trtflow.report import charts
from trtflow.report.layers import join
from trtflow.report.model import Comparison, FrontPoint
from trtflow.report.plot import ABOVE, BELOW, HEIGHT, WIDTH, Chart, dots, line, scale, steps

ROWS = join(summary(60).comparisons)
COMPARISONS = summary(60).comparisons


def _heights(path: str) -> list[float]:
    return [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", path)]


def _with(field: str, values: list[float | None]) -> tuple[Comparison, ...]:
    """A candidate of one layer per value, each with ``field`` set to it."""
    base = comparison("fp16", len(values), set(), healthy=True)
    layers = [
        layer.model_copy(update={"statistics": layer.statistics.model_copy(update={field: value})})
        for layer, value in zip(base.layers, values, strict=True)
    ]
    return (Comparison(name="fp16", layers=tuple(layers)),)


def test_nan_breaks_the_line_and_stands_in_its_lane() -> None:
    low = charts.errors(ROWS, COMPARISONS, ()).series[0]
    assert low.line.count("M") == 2
    assert _heights(low.dots).count(BELOW) == 4


def test_exact_layers_stand_above_the_scale() -> None:
    mixed = charts.errors(ROWS, COMPARISONS, ()).series[1]
    assert _heights(mixed.dots)[:3] == [ABOVE] * 3


def test_many_layers_are_a_line_with_dots_only_in_the_lanes() -> None:
    large = summary(700)
    low = charts.errors(join(large.comparisons), large.comparisons, ()).series[0]
    assert set(_heights(low.dots)) == {BELOW}


def test_kept_nodes_are_marked_where_they_stand() -> None:
    node = ROWS[2].layer.node
    (band,) = charts.errors(ROWS, COMPARISONS, {node}).bands
    assert (band.node, band.at) == (node, pytest.approx(100 * 2 / 60))


def test_values_beyond_the_format_are_drawn_apart() -> None:
    comparisons = _with("reference_amax", [1e5, math.inf, 65504.0, 1e-6, 0.0, None])
    chart = charts.ranges(join(comparisons), "fp16")
    inside, outside = chart.series
    assert (inside.dots.count("M"), outside.dots.count("M")) == (3, 2)
    assert [tick.label for tick in chart.rows if tick.kind.startswith("limit")] == [
        "65,504, overflows above",
        "6.1e-5, loses digits below",
    ]


def test_a_format_without_a_range_of_its_own_has_no_limits() -> None:
    assert charts.ranges(ROWS, "int8").bands == ()


@given(st.lists(st.none() | st.floats(), min_size=1, max_size=12))
def test_any_number_is_drawn_inside_the_box(values: list[float | None]) -> None:
    errors, amaxes = _with("sqnr_db", values), _with("reference_amax", [v and abs(v) for v in values])
    drawn = (charts.errors(join(errors), errors, ()), charts.ranges(join(amaxes), "fp16"))
    for chart in drawn:
        assert all(0 <= y <= HEIGHT for series in chart.series for y in _heights(series.line + series.dots))
        assert all(0 <= tick.at <= 100 for tick in (*chart.rows, *chart.columns))


def test_the_search_is_drawn_by_outcome() -> None:
    search = summary().search
    assert search is not None
    chart = charts.search(search.evaluations)
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


def test_scale_runs_upwards_and_stays_at_its_edges() -> None:
    place = scale(0.0, 10.0, margin=0.0)
    assert [place(value) for value in (-5.0, 0.0, 5.0, 10.0, 99.0)] == [100.0, 100.0, 50.0, 0.0, 0.0]


def test_path_data() -> None:
    assert line([(0, 1), (2, 3), None, (4, 5)]) == "M0.0 1.0L2.0 3.0M4.0 5.0"
    assert dots([(0, 1)]) == "M0.0 1.0h0"


@pytest.mark.parametrize(("count", "labels"), [(1, 1), (6, 6), (60, 6), (700, 4), (7000, 4)])
def test_axis_has_few_round_labels(count: int, labels: int) -> None:
    made = steps(count)
    assert len(made) == labels
    assert all(0 < tick.at < WIDTH for tick in made)


def test_the_front_places_exact_and_broken_plans_outside_the_scale() -> None:
    front = (
        FrontPoint(high=0, cost_share=0.0, error_db=-math.inf, accepted=False),
        FrontPoint(high=2, cost_share=0.05, error_db=41.0, accepted=True),
        FrontPoint(high=9, cost_share=1.0, error_db=math.inf, accepted=True),
    )
    chart = charts.pareto(front)
    assert chart.columns[-1].label == "100.0%"
    assert [series.dots.count("M") for series in chart.series[1:]] == [2, 1]
    assert [tick.label for tick in chart.rows] == ["40", "60"]
