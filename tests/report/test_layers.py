from __future__ import annotations

import math

from report_fakes import comparison, summary

from trtflow.report.layers import badness, broken, join, totals, worst
from trtflow.report.model import Comparison


def test_broken_layers_come_before_the_lowest_sqnr() -> None:
    layers = worst(comparison("fp16", 60, set(), healthy=False).layers)
    assert [layer.depth for layer in layers[:4]] == [1, 2, 3, 4]
    finite = [layer.statistics.sqnr_db for layer in layers[4:]]
    assert finite == sorted(finite, key=lambda value: value or 0.0)


def test_an_undefined_sqnr_is_not_taken_for_a_bad_one() -> None:
    healthy = comparison("mixed", 3, set(), healthy=True).layers[0].statistics
    undefined = [healthy.model_copy(update={"sqnr_db": value}) for value in (None, math.nan)]
    assert all(badness(item) > badness(healthy) for item in undefined)


def test_rows_carry_every_candidate_by_depth_and_the_last_ones_precision() -> None:
    rows = join(summary(60).comparisons)
    assert [row.layer.depth for row in rows] == list(range(60))
    assert {row.layer.depth for row in rows if row.layer.precision == "fp32"} == {0, 1, 2}
    assert [row.layer.depth for row in rows if row.layer.first_error] == [1]


def test_a_layer_that_one_candidate_lacks_stays_in_the_table() -> None:
    full = comparison("fp16", 6, set(), healthy=False)
    part = Comparison(name="mixed", layers=full.layers[:2])
    rows = join((full, part))
    assert [row.statistics[1] is None for row in rows] == [False, False, True, True, True, True]


def test_totals_count_what_is_broken() -> None:
    low, mixed = (totals(item) for item in summary(60).comparisons)
    assert (low.broken, mixed.broken) == (4, 0)
    assert low.worst_sqnr is not None
    assert mixed.worst_sqnr is not None
    assert low.worst_sqnr < 20 < mixed.worst_sqnr


def test_a_candidate_without_layers_has_totals() -> None:
    empty = totals(Comparison(name="fp16", layers=()))
    assert (empty.layers, empty.worst_sqnr, empty.last_sqnr) == (0, None, None)


def test_a_layer_that_was_not_compared_is_not_broken() -> None:
    assert not broken(None)
