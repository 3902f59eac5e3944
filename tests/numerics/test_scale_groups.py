from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.numerics.scale_groups import axis_scales, operand_groups


@pytest.mark.parametrize(
    ("scales", "groups"),
    [
        ([], []),
        ([640.0], [0]),
        ([640.0, 1.0], [0, 1]),
        ([1.0, 640.0], [1, 0]),
        ([16.0, 1.0], [0, 1]),
        ([15.9, 1.0], [0, 0]),
        ([100.0, 10.0, 1.0], [0, 0, 1]),  # within 16 of the next, not of the largest
        ([640.0, 0.0, 1.0], [0, 0, 1]),  # silent
        ([0.0, 0.0], [0, 0]),
        ([1e6, 1e3, 900.0, 1.0], [0, 1, 1, 2]),
    ],
)
def test_operands_within_16_of_the_largest_are_one_group(scales: list[float], groups: list[int]) -> None:
    assert operand_groups(scales) == groups


@given(st.lists(st.floats(1e-6, 1e6), min_size=1))
def test_groups_are_numbered_from_the_largest_and_never_hold_scales_that_are_apart(scales: list[float]) -> None:
    found = operand_groups(scales)
    assert set(found) == set(range(max(found) + 1))
    for group in set(found):
        inside = [scale for scale, place in zip(scales, found, strict=True) if place == group]
        assert max(inside) < 16 * min(inside)
        assert all(scale <= min(inside) for scale, place in zip(scales, found, strict=True) if place > group)


@pytest.mark.parametrize(
    ("items", "groups"),
    [
        ([[640, 600, 1]] * 3, [0, 0, 1]),
        ([[640, 100, 10, 1]] * 3, [0, 0, 0, 0]),  # no gap: as the rows of a depth map
        ([[640, 1], [600, 0.9], [500, 0.1]], [0, 1]),
        ([[640, 0.9], [640, 0.01], [640, 0.01]], [0, 0]),  # loud on one of three: a rare class
        ([[640, 0.9], [640, 0.01]], [0, 0]),
        ([[640, 0.9]], [0, 1]),
        ([[640, 0], [640, 0]], [0, 0]),  # silent
        ([[640, 1], [640, math.nan], [640, math.inf]], [0, 0]),
        ([[640, -1]] * 2, [0, 1]),
    ],
)
def test_channels_are_apart_where_they_are_steady_and_nothing_lies_between(items: Any, groups: list[int]) -> None:
    assert axis_scales([np.array([item], np.float32) for item in items], 1).groups() == groups


def test_every_place_of_the_batch_is_an_item() -> None:
    rare = np.array([[640, 0.9], [640, 0.01], [640, 0.01]], np.float32)
    assert axis_scales([rare], 1).groups() == [0, 0]


def test_a_channel_is_as_large_as_its_largest_value_anywhere() -> None:
    values = np.zeros((1, 2, 3, 3), np.float32)
    values[0, 0, 1, 2], values[0, 1, 0, 0] = -640, 1
    assert axis_scales([values], 1).groups() == [0, 1]
    assert axis_scales([values], 1).spread == 640


@pytest.mark.parametrize("items", [[[0, 0]], [[640, 640]]])
def test_without_two_scales_there_is_no_spread(items: Any) -> None:
    assert axis_scales([np.array(items, np.float32)], 1).spread == 1


def test_outputs_that_are_empty_on_every_sample_are_one_group() -> None:
    assert axis_scales([np.zeros((0, 3), np.float32)] * 2, 1).groups() == [0, 0, 0]
