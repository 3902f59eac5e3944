"""A row for every layer, in the precision decided on, with what every candidate makes of it."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from report_fakes import few_layers, plan, statistics

from trtflow.numerics.record import Figures
from trtflow.plan import PrecisionPlan
from trtflow.report.layers import badness, broken, how_read, layer_rows, totals

FINE = Figures(count=9, sqnr_db=60.0, differing_share=0.01)


def test_a_row_has_the_figures_of_every_candidate_and_the_precision_decided_on() -> None:
    found = statistics()
    rows = layer_rows(found, plan())
    assert [row.layer for row in rows] == list(found.layers)
    assert [row.figures[1] for row in rows] == [found.candidates["mixed"][layer.tensor] for layer in found.layers]
    assert [row.layer.depth for row in rows if row.precision == "fp32"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("shares", "first"), [([0.0, 0.2, 0.9], [1]), ([0.0, 0.1], []), ([0.3, 0.2], [0])], ids=["one", "none", "top"]
)
def test_the_first_error_is_the_first_layer_of_which_a_tenth_is_off(shares: list[float], first: list[int]) -> None:
    rows = layer_rows(few_layers(differing_share=shares), PrecisionPlan())
    assert [row.layer.depth for row in rows if row.first_error] == first


def test_nothing_compared_is_no_rows() -> None:
    assert layer_rows(None, PrecisionPlan()) == ()
    assert layer_rows(few_layers(count=[1]).model_copy(update={"candidates": {}}), PrecisionPlan()) == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [({}, False), ({"cand_nan": 1}, True), ({"cand_inf": 1}, True), ({"ref_nan": 1, "ref_inf": 1}, False)],
)
def test_only_the_candidates_own_nan_and_infinity_break_a_layer(change: dict[str, int], expected: bool) -> None:
    assert broken(replace(FINE, **change)) is expected


def test_the_worst_is_what_is_broken_then_the_lowest_sqnr_then_the_largest_share() -> None:
    ranked = [
        replace(FINE, cand_nan=1),
        replace(FINE, sqnr_db=-math.inf),
        replace(FINE, sqnr_db=20.0),
        replace(FINE, differing_share=0.5),
        FINE,
        replace(FINE, sqnr_db=math.inf),
    ]
    assert all(worse < better for worse, better in pairwise(map(badness, ranked)))


def test_totals_count_what_is_broken_and_what_deviates() -> None:
    low, mixed = (totals(statistics(), name) for name in ("fp16", "mixed"))
    assert (low.layers, low.broken, mixed.broken) == (60, 4, 0)
    assert (low.deviating, mixed.deviating) == (59, 0)
    assert (low.worst_sqnr, mixed.last_sqnr) == (-math.inf, pytest.approx(62.0, abs=5))


def test_totals_name_the_sample_that_is_worst_at_the_end() -> None:
    assert totals(few_layers(worst_sample=[3, 8]), "fp16").worst_sample == 8


def test_a_layer_of_which_nothing_was_compared_ranks_with_the_exact_ones() -> None:
    unknown, fine = replace(FINE, sqnr_db=math.nan), replace(FINE, sqnr_db=math.inf)
    assert badness(unknown) == badness(fine) > badness(FINE)
    assert totals(few_layers(sqnr_db=[math.nan, 30.0, math.nan]), "fp16").worst_sqnr == 30.0


def test_a_candidate_without_layers_has_totals() -> None:
    empty = totals(few_layers(count=[]), "fp16")
    assert (empty.layers, empty.broken) == (0, 0)
    assert (empty.worst_sqnr, empty.last_sqnr, empty.worst_sample) == (None, None, None)


def test_how_layers_were_read_on_an_engine_is_told_in_one_line_a_candidate() -> None:
    compared = statistics(3)
    first, second, _ = compared.layers
    name = next(iter(compared.candidates))
    told = {
        "runners": {name: "tensorrt"},
        "mechanisms": {name: {first.tensor: "cast", second.tensor: "typed"}},
        "built": {name: {first.node: "honoured", second.node: "fused"}},
    }
    assert how_read(compared.model_copy(update=told)) == (
        f"{name} was read on tensorrt: 1 layer by its own type, a Cast to FP32 behind it; 1 layer by its own type; "
        "1 layer not shown; the inspector: 1 honoured, 1 fused",
    )
    assert how_read(compared) == how_read(None) == ()
