"""A spread range is shared between an activation and the weights that read it."""

from __future__ import annotations

import numpy as np
import onnx
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from spread_model import bench, spread_model

from trtflow.calibration.cures.rescaling import BALANCES, balanced_shifts, places


@given(
    peaks=arrays(np.float32, 5, elements=st.floats(0, 2.0**40, width=32)),
    weights=arrays(np.float32, 5, elements=st.floats(0, 2.0**40, width=32)),
    balance=st.sampled_from([0.5, 0.75]),
)
def test_shifts_are_small_and_never_raise_the_largest_magnitude(
    peaks: np.ndarray, weights: np.ndarray, balance: float
) -> None:
    shifts = np.array(balanced_shifts(peaks, weights, balance))
    assert np.abs(shifts).max() <= 6
    assert np.all(shifts[(peaks == 0) | (weights == 0)] == 0)
    assert np.ldexp(peaks.astype(np.float64), -shifts).max() <= peaks.max()


def test_a_spread_is_shared_between_activation_and_weights_in_powers_of_two() -> None:
    assert balanced_shifts(np.float32([64, 1, 4]), np.float32([1, 1, 1]), 0.5) == (0, -3, -2)


def test_a_dead_tensor_is_not_shifted() -> None:
    assert balanced_shifts(np.zeros(3, np.float32), np.ones(3, np.float32), 0.5) == (0, 0, 0)


def test_a_tensor_that_harms_is_tried_and_the_state_of_the_trial_has_its_new_range() -> None:
    work = bench(spread_model(500.0))
    found = places(work)
    assert list(found) == ["r"]
    trial = found["r"]()
    assert trial.cure.after < trial.cure.before
    assert trial.state.cures == (trial.cure,)
    assert trial.state.tensors["r"].amax < work.state.tensors["r"].amax
    assert trial.state.tensors["x"] == work.state.tensors["x"]
    assert work.state.cures == ()  # trying applies nothing


def test_the_best_of_several_balances_is_proposed() -> None:
    work = bench(spread_model(500.0))
    trial = places(work)["r"]()
    assert work.error(trial.cure.nodes, trial.state) == trial.cure.after
    assert len(BALANCES) > 1


def test_without_a_tensor_whose_range_can_move_there_is_no_place(overflowing: onnx.ModelProto) -> None:
    work = bench(spread_model(500.0))
    work.harmed = frozenset({"up"})  # reads the input, which nothing rescales
    assert places(work) == {}
