"""Numbers in, positions and path data out."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.report.plot import HEIGHT, LANE, WIDTH, columns, dots, line, scale, steps


def test_scale_runs_upwards_and_stays_at_its_edges() -> None:
    place = scale(0.0, 10.0, margin=0.0)
    assert [place(value) for value in (-5.0, 0.0, 5.0, 10.0, 99.0)] == [100.0, 100.0, 50.0, 0.0, 0.0]


def test_a_logarithmic_scale_gives_every_decade_the_same_height() -> None:
    place = scale(1.0, 1000.0, log=True, margin=0.0)
    assert [place(value) for value in (1.0, 10.0, 100.0, 1000.0)] == pytest.approx([100.0, 200 / 3, 100 / 3, 0.0])


@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_what_is_larger_never_stands_lower_and_the_lanes_stay_free(a: float, b: float) -> None:
    place = scale(-40.0, 160.0)
    low, high = place(min(a, b)), place(max(a, b))
    assert LANE <= high <= low <= HEIGHT - LANE


@pytest.mark.parametrize(
    ("points", "path"),
    [
        ([], ""),
        ([(0, 1), (2, 3)], "M0.0 1.0L2.0 3.0"),
        ([(0, 1), (2, 3), None, (4, 5)], "M0.0 1.0L2.0 3.0M4.0 5.0"),
        ([None, None, (4, 5)], "M4.0 5.0"),
    ],
)
def test_a_line_is_broken_where_nothing_is_known(points: list[tuple[float, float] | None], path: str) -> None:
    assert line(points) == path


def test_a_dot_is_a_line_of_no_length() -> None:
    assert dots([(0, 1), (2, 3)]) == "M0.0 1.0h0M2.0 3.0h0"


def test_columns_share_the_width() -> None:
    assert columns(4) == [125.0, 375.0, 625.0, 875.0]
    assert columns(0) == []


@pytest.mark.parametrize(("count", "labels"), [(1, 1), (6, 6), (60, 6), (700, 4), (7000, 4)])
def test_axis_has_few_round_labels(count: int, labels: int) -> None:
    made = steps(count)
    assert len(made) == labels
    assert all(0 < tick.at < WIDTH for tick in made)
    step = int(made[1].label) if labels > 1 else 1
    assert math.log10(step / int(str(step)[0])).is_integer()
