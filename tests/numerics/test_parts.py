"""Every element of an output belongs to exactly one part that is judged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from trtflow.numerics.parts import Division, Parts, collapsed, select

NAMES = ("boxes", "scores", "masks")
LABELS = np.array([[0, 0, 1, 2]], np.uint8)
VALUES = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
PARTS = Parts({"y": Division(NAMES, {(2, 4): LABELS})})


def split(sounding: set[str], values: NDArray[Any] = VALUES) -> dict[str, Any]:
    return {name: part.tolist() for name, part in PARTS.split({"y": values, "z": values[0]}, sounding).items()}


@pytest.mark.parametrize(
    ("sounding", "expected"),
    [
        ({*NAMES}, {"boxes": [[1, 2], [5, 6]], "scores": [[3], [7]], "masks": [[4], [8]]}),
        ({"boxes", "masks"}, {"boxes": [[1, 2, 3], [5, 6, 7]], "masks": [[4], [8]]}),
        ({"scores", "masks"}, {"scores": [[1, 2, 3], [5, 6, 7]], "masks": [[4], [8]]}),
        ({"masks"}, {"masks": VALUES.tolist()}),
        (set(), {"boxes": VALUES.tolist()}),
    ],
)
def test_what_is_silent_counts_with_the_first_part_that_is_not(sounding: set[str], expected: dict[str, Any]) -> None:
    assert split(sounding) == {**expected, "z": [1, 2, 3, 4]}


def test_a_shape_that_the_reference_never_had_stays_whole_for_the_comparison_to_refuse() -> None:
    assert split({"boxes", "scores"}, VALUES[:1])["scores"] == [[1, 2, 3, 4]]


def test_labels_that_vary_on_two_axes_select_element_by_element() -> None:
    parts = Parts({"y": Division(NAMES[:2], {(2, 2): np.array([[0, 1], [1, 0]], np.uint8)})})
    found = parts.split({"y": np.array([[1.0, 2.0], [3.0, 4.0]])}, NAMES)
    assert {name: part.tolist() for name, part in found.items()} == {"boxes": [1, 4], "scores": [2, 3]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[1, 0, 2, 3]] * 2, {*NAMES}),
        ([[0, 0, 0, 3]] * 2, {"masks"}),
        ([[0, 0, math.nan, math.inf]] * 2, set()),
        ([[0, 0, 0, 0], [0, 0, 1, 0]], {"scores"}),
    ],
)
def test_parts_sound_where_the_reference_has_a_finite_signal(values: Any, expected: set[str]) -> None:
    assert PARTS.sounding({"y": np.array(values, np.float32)}) == expected


@given(st.data())
def test_labels_in_short_form_mean_the_same(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(max_dims=3, max_side=4))
    labels = data.draw(arrays(np.uint8, shape, elements=st.integers(0, 1)))
    assert np.array_equal(np.broadcast_to(collapsed(labels), shape), labels)


@given(st.data())
def test_every_element_is_in_one_part(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(max_dims=3, max_side=4))
    sizes = [data.draw(st.sampled_from([1, size])) for size in shape]
    labels = data.draw(arrays(np.uint8, sizes, elements=st.integers(0, 2)))
    sounding = data.draw(st.sets(st.sampled_from(NAMES)))
    values = np.arange(math.prod(shape)).reshape(shape)
    found = Division(NAMES, {shape: labels}).split(values, sounding)
    assert sorted(np.concatenate([part.reshape(-1) for part in found.values()])) == list(range(values.size))


def test_labels_of_nothing_stay_as_they_are() -> None:
    assert collapsed(np.zeros((2, 0), np.uint8)).shape == (2, 0)
    assert select(np.zeros((2, 0)), np.zeros((2, 0), np.bool_)).size == 0
