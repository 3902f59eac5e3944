"""Weights are clipped where that leaves less error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spread_model import bench, spread_model

from trtflow.calibration.cures.clipping import CLIPS, clip_shares, places
from trtflow.numerics.quantize import along, on_grid, weight_scale


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
    assert CLIPS.min() <= share < 0.7


@pytest.mark.parametrize("node", ["up", "down"])
def test_a_trial_holds_one_share_a_channel_and_its_error(node: str) -> None:
    work = bench(spread_model(1.0))
    trial = places(work)[node]()
    assert len(trial.cure.shares) == (16 if node == "up" else 4)
    assert (trial.cure.before, trial.cure.after) == (work.error((node,)), work.error((node,), trial.state))
