"""The record of a pair of tensors: it adds up, and says what it holds."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

from trtflow.numerics.energy import Energy
from trtflow.numerics.exact import reduce_exactly
from trtflow.numerics.histogram import BitHistogram, magnitude_bins
from trtflow.numerics.record import QUANTILES, Spread, TensorStatistics, merge

INF = math.inf
PLAIN = Spread(count=4, zeros=1, low=-1.0, high=3.0, total=2.0, squares=10.0)


def statistics(reference: list[float], candidate: list[float]) -> TensorStatistics:
    return reduce_exactly(np.float64(reference), np.float64(candidate))


def test_spreads_add_up_and_keep_the_extremes() -> None:
    other = Spread(count=3, nan=1, inf=1, low=-5.0, high=-5.0, total=-5.0, squares=25.0)
    assert PLAIN + other == Spread(7, 1, 1, 1, -5.0, 3.0, -3.0, 35.0)
    assert PLAIN + Spread() == Spread() + PLAIN == PLAIN


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        (PLAIN, {"amax": 3, "min": -1, "max": 3, "mean": 0.5, "rms": math.sqrt(2.5), "zeros_share": 0.25}),
        (replace(PLAIN, low=-4.0), {"amax": 4.0, "min": -4.0}),
        (replace(PLAIN, nan=1, inf=1), {"mean": 1.0, "rms": math.sqrt(5), "nan": 1, "inf": 1}),
        (Spread(count=2, nan=2), {"amax": 0, "min": 0, "max": 0, "mean": 0, "rms": 0, "nan": 2, "zeros_share": 0}),
        (Spread(), {"amax": 0, "mean": 0, "zeros_share": 0}),
    ],
)
def test_figures_of_a_spread_are_over_the_finite_values(spread: Spread, expected: dict[str, float]) -> None:
    document = asdict(replace(statistics([1.0], [1.0]), reference=spread).figures())
    assert {name: document[f"ref_{name}"] for name in expected} == pytest.approx(expected)


def test_merging_two_records_is_as_if_they_had_been_one_tensor() -> None:
    first, second = ([1.0, 7e4, 0.0], [1.2, INF, 0.0]), ([1e-8, -2.0], [0.0, -2.0])
    whole = statistics(first[0] + second[0], first[1] + second[1])
    merged = merge(statistics(*first), statistics(*second))
    assert asdict(merged.figures()) == pytest.approx(asdict(whole.figures()))
    assert (merged.overflowed, merged.underflowed, merged.differing, merged.beyond_fp16) == (1, 1, 3, 1)


def test_merging_does_not_depend_on_the_order() -> None:
    a, b = statistics([1.0, 2.0], [1.0, 3.0]), statistics([math.nan, 5.0], [0.5, 5.0])
    assert merge(a, b).figures() == merge(b, a).figures()


@pytest.mark.parametrize(
    ("reference", "candidate", "shares"),
    [
        ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 2.0], (0.25, 0.25, 0.125)),
        ([1.0, 1.0], [1.0, math.nan], (0.5, INF, 1.0)),
        ([], [], (0.0, 0.0, 0.0)),
    ],
)
def test_means_are_over_all_pairs(
    reference: list[float], candidate: list[float], shares: tuple[float, float, float]
) -> None:
    found = statistics(reference, candidate)
    assert (found.differing_share, found.mean_abs, found.mean_rel) == pytest.approx(shares)


def test_quantiles_are_never_above_the_exact_maximum() -> None:
    found = statistics([1.003, 1.003], [1.0, 1.0])
    assert set(found.quantiles()) == {f"{side}_{name}" for side in ("ref", "error") for name in QUANTILES}
    assert found.quantiles()["ref_p99_99"] <= 1.003
    assert found.quantiles()["error_p99_99"] <= found.max_abs


def test_quantiles_of_a_reference_with_infinities_may_be_infinite() -> None:
    assert statistics([INF, INF, 1.0], [INF, INF, 1.0]).quantiles()["ref_p99"] == INF


def test_figures_are_infinite_where_an_error_is_and_never_nan() -> None:
    exact, lost = statistics([1.0, 2.0], [1.0, 2.0]).figures(), statistics([1.0], [math.nan]).figures()
    assert (exact.sqnr_db, lost.sqnr_db, lost.max_abs) == (INF, -INF, INF)
    assert not any(math.isnan(value) for found in (exact, lost) for value in asdict(found).values())


def test_figures_have_both_sides_and_shares_of_all_values() -> None:
    found = statistics([7e4, 1e-5, 1e-8, 0.0], [7e4, 1e-5, 1e-8, 1.0]).figures()
    assert (found.beyond_fp16_share, found.below_normal_share, found.below_subnormal_share) == (0.25, 0.5, 0.25)
    assert (found.ref_zeros_share, found.cand_zeros_share, found.count) == (0.25, 0.0, 4)


def test_the_count_is_that_of_the_energy() -> None:
    histogram = BitHistogram.trim(magnitude_bins(np.ones(3)))
    found = replace(statistics([1.0], [1.0]), energy=Energy(count=3, low=0.0, high=0.0), magnitudes=histogram)
    assert (found.count, found.sqnr_db, found.cosine) == (3, INF, 1.0)
