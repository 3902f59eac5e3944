"""Thresholds by divergence: prefix sums against the definition, and what is kept of known shapes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trtflow.numerics.kl import BINS, EMPTY, LEVELS, divergences, entropy_bins

COUNTS = st.lists(st.integers(0, 50), min_size=40, max_size=60)


def _slow_divergence(counts: np.ndarray, kept: int, levels: int) -> float:
    """The definition, step by step."""
    p = counts[:kept].astype(float)
    p[-1] += counts[kept:].sum()
    q = np.zeros(kept)
    edges = [kept * i // levels for i in range(levels + 1)]
    for a, b in itertools.pairwise(edges):
        part = counts[a:b]
        if part.any():
            q[a:b] = np.where(part > 0, part.sum() / np.count_nonzero(part), 0)
    scale = max(q.sum(), 1)
    if p[-1] and not q[-1]:
        q[-1] = EMPTY
    return float(sum(a / p.sum() * np.log(a / p.sum() / (b / scale)) for a, b in zip(p, q, strict=True) if a > 0))


@settings(max_examples=25, deadline=None)
@given(COUNTS)
def test_divergence_by_prefix_sums_is_the_definition(counts: list[int]) -> None:
    array = np.array([*counts, 3], np.int64)
    expected = [_slow_divergence(array, kept, 8) for kept in range(8, len(array) + 1)]
    np.testing.assert_allclose(divergences(array, 8), expected, atol=1e-9)


@settings(deadline=None)
@given(counts=COUNTS, factor=st.integers(2, 9))
def test_more_values_of_the_same_distribution_keep_as_many_bins(counts: list[int], factor: int) -> None:
    """The weight of an empty last bin is one of values, not of shares, so that bin is filled here."""
    array = np.array(counts, np.int64) + 1
    np.testing.assert_allclose(divergences(array * factor, 8), divergences(array, 8), atol=1e-9)


def test_there_is_a_divergence_for_each_number_of_bins_from_the_levels_on() -> None:
    assert divergences(np.ones(BINS, np.int64)).shape == (BINS - LEVELS + 1,)


def test_an_empty_histogram_keeps_all_bins() -> None:
    assert entropy_bins(np.zeros(BINS, np.int64)) == BINS
    assert np.isinf(divergences(np.zeros(BINS, np.int64))).all()


def test_as_many_levels_as_bins_lose_nothing() -> None:
    counts = np.arange(1, LEVELS + 1)
    assert divergences(counts)[0] == pytest.approx(0.0, abs=1e-12)
    assert entropy_bins(counts) == LEVELS


def test_even_bins_are_all_kept() -> None:
    counts = np.full(BINS, 10, np.int64)
    assert entropy_bins(counts) == BINS


@pytest.mark.parametrize("filled", [400, 800, 1600])
def test_a_lone_outlier_of_a_bell_is_clipped(filled: int) -> None:
    bell = (1e6 * np.exp(-0.5 * (4 * np.arange(filled) / filled) ** 2)).astype(np.int64)
    counts = np.concatenate([bell, np.zeros(BINS - filled, np.int64)])
    counts[-1] = 1
    assert 0.5 * filled <= entropy_bins(counts) <= 1.1 * filled
