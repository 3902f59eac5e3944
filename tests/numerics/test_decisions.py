"""Which class every place of an output gets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from trtflow.errors import MetricError
from trtflow.numerics.decisions import UNDECIDED, decide

NAN = float("nan")
SCORES = np.random.default_rng(0).permutation(24).astype(np.float32)


def decided(scores: Any, reference: Any = None, label: Any = None) -> list[Any]:
    array = np.asarray(scores, np.float32)
    held = array if reference is None else np.asarray(reference, np.float32)
    found: list[Any] = decide(array, held, None if label is None else np.asarray(label)).tolist()
    return found


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ([0.0, 1.0], [0, 0, 1]),  # probabilities: above 0.5
        ([-0.0005, 1.0005], [0, 0, 1]),  # a sigmoid that overshoots
        ([-0.01, 1.0], [0, 1, 1]),  # logits: above 0
        ([0.0, 1.5], [0, 1, 1]),
    ],
)
def test_the_reference_says_whether_one_channel_holds_probabilities_or_logits(
    reference: list[float], expected: list[int]
) -> None:
    found = decided([[0.0], [0.4], [0.6]], [[value] for value in reference])
    assert found == [[entry] for entry in expected]


@pytest.mark.parametrize(
    ("shape", "axis"), [((6,), 0), ((2, 3), 1), ((2, 3, 4), 2), ((1, 2, 3, 4), 1), ((1, 2, 3, 2, 2), 1)]
)
def test_without_a_label_classes_lie_on_axis_1_of_images_and_on_the_last_axis_else(
    shape: tuple[int, ...], axis: int
) -> None:
    scores = SCORES[: int(np.prod(shape))].reshape(shape)
    np.testing.assert_array_equal(decide(scores, scores), scores.argmax(axis))


@pytest.mark.parametrize(
    ("shape", "label", "axis"),
    [
        ((2, 3, 4), (2, 4), 1),
        ((2, 3, 4), (2, 3), 2),
        ((4, 2, 3), (2, 3), 0),
        ((1, 4, 2, 3), (2, 3), 1),
        ((2, 3), (2, 1), 1),
        ((3,), (), 0),
        ((3, 3, 2), (3, 2), 1),  # both would do: axis 1 first
    ],
)
def test_a_label_says_on_which_axis_the_classes_lie(
    shape: tuple[int, ...], label: tuple[int, ...], axis: int
) -> None:
    scores = SCORES[: int(np.prod(shape))].reshape(shape)
    found = decide(scores, scores, np.zeros(label, np.int64))
    np.testing.assert_array_equal(found, scores.argmax(axis).reshape(-1))


@pytest.mark.parametrize("label", [(2, 3), (1, 2, 3), (3, 2), (6,)])
def test_as_many_values_as_the_label_are_one_channel(label: tuple[int, ...]) -> None:
    assert decided([[-1, 1, -2], [3, -1, 0]], label=np.zeros(label)) == [0, 1, 0, 1, 0, 0]


@pytest.mark.parametrize("label", [(5,), (2, 2), (3, 5)])
def test_a_label_that_fits_no_axis_is_an_error(label: tuple[int, ...]) -> None:
    with pytest.raises(MetricError, match=r"\(2, 3\) does not fit a label of shape"):
        decided(np.zeros((2, 3)), label=np.zeros(label))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([[0.1, NAN, 0.3]], [UNDECIDED]), ([[NAN], [0.9], [0.1]], [[UNDECIDED], [1], [0]]), (NAN, UNDECIDED)],
)
def test_a_nan_decides_nothing(scores: Any, expected: Any) -> None:
    assert decided(scores, np.ones(1)) == expected


def test_infinities_are_scores_like_others() -> None:
    assert decided([[1.0, np.inf], [-np.inf, -9.0]]) == [1, 1]


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
def test_integers_and_booleans_are_decisions_already(dtype: type) -> None:
    reference = np.array([[1, 0]], dtype)
    found = decide(np.array([[0, 1]], dtype), reference)
    assert (found.tolist(), found.dtype) == ([[0, 1]], np.intp)


def test_an_empty_reference_holds_probabilities() -> None:
    assert decide(np.float32([[0.4], [0.6]]), np.zeros((0, 1))).tolist() == [[0], [1]]


@given(
    scores=hnp.arrays(np.float32, (3, 4), elements=st.floats(-100, 100, width=32)),
    shift=st.integers(-3, 3),
    factor=st.sampled_from([0.5, 1.0, 4.0]),
)
def test_the_highest_class_is_the_same_at_any_scale(scores: NDArray[Any], shift: int, factor: float) -> None:
    """Powers of two and small integers on multiples of 1/8, so that no tie appears or goes."""
    exact = np.round(scores * 8) / 8
    np.testing.assert_array_equal(decide(exact * factor + shift, exact), decide(exact, exact))


@pytest.mark.parametrize("dtype", [object, str])
def test_strings_stand_for_themselves(dtype: type) -> None:
    names = np.array([["cat", "dog"]], dtype)
    assert decide(names, names).tolist() == [["cat", "dog"]]
    assert not (decide(names, names) == UNDECIDED).any()
