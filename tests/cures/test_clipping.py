"""Weight clipping on disk and in the graph."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from cure_host import ABOUT, host
from hypothesis import given, settings
from hypothesis import strategies as st
from spread_model import spread_model

from trtflow.cures.base import Adjustment
from trtflow.cures.clipping import CLIPS, Clipping, clip_shares
from trtflow.numerics.quantize import along, on_grid, weight_scale


@pytest.mark.parametrize(
    ("axis", "count", "expected"),
    [
        (1, 16, ""),
        (None, 1, ""),
        (1, 1, "weight clipping: up has 16 channels, the decision 1"),
        (None, 16, "weight clipping: up has 1 channels, the decision 16"),
    ],
)
def test_there_is_a_share_for_each_step_of_the_weights(axis: int | None, count: int, expected: str) -> None:
    cure = Clipping(subject="up", shares=(0.9,) * count, **ABOUT)
    assert cure.misfit(host(spread_model(1.0), up=axis)) == expected


def test_a_node_without_constant_weights_is_told() -> None:
    cure = Clipping(subject="down", shares=(0.9,), **ABOUT)
    assert "no constant weights" in cure.misfit(host(spread_model(1.0), up=1))


def test_it_says_where_the_largest_code_is_and_keeps_the_bias() -> None:
    cure = Clipping(subject="up", shares=(0.5, 0.75), **ABOUT)
    assert cure.adjust(Adjustment(bias=(1.0, 2.0))) == Adjustment((0.5, 0.75), (1.0, 2.0))


@given(seed=st.integers(0, 2**32 - 1), axis=st.sampled_from([0, 1, None]))
@settings(max_examples=30, deadline=None)
def test_clipping_a_weight_never_raises_its_error(seed: int, axis: int | None) -> None:
    weight = np.random.default_rng(seed).standard_t(2, (5, 400)).astype(np.float32)
    shares = clip_shares(weight, axis)
    assert len(shares) == (1 if axis is None else weight.shape[axis])

    def error(chosen: Sequence[float]) -> float:
        grid = along(weight_scale(weight, axis, "int8", chosen), axis, 2)
        return float(np.square(weight - on_grid(weight, grid, "int8"), dtype=np.float64).sum())

    assert error(shares) <= error((1.0,)) * (1 + 1e-5)


def test_weights_on_the_grid_are_not_clipped() -> None:
    weight = np.array([[127, -3, 50], [-127, 1, 2]], np.float32)
    assert clip_shares(weight, 0) == (1.0, 1.0)


def test_a_lone_outlier_among_many_small_weights_is_clipped() -> None:
    weight = np.array([[1.0, *np.linspace(-0.5, 0.5, 100_000)]], np.float32)
    (share,) = clip_shares(weight, 0)
    assert min(CLIPS) <= share < 0.7
