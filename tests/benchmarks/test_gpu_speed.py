"""How one graph differs between two sessions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gpu_speed import relative, same


@pytest.mark.parametrize(
    ("expected", "found", "differ"),
    [
        ([3.0, 4.0], [3.0, 4.5], 0.1),
        ([1.0, math.inf], [1.0, math.inf], 0.0),
        ([1.0, math.nan], [1.0, math.nan], 0.0),
        ([1.0, math.inf], [1.0, 2.0], math.inf),
        ([2.0, math.inf], [1.0, math.inf], 0.5),
    ],
)
def test_the_difference_is_over_what_is_finite_and_infinite_where_only_one_side_is(
    expected: list[float], found: list[float], differ: float
) -> None:
    assert relative(np.array(expected), np.array(found)) == pytest.approx(differ)


@pytest.mark.parametrize(("a", "b", "equal"), [([1, 2], [1, 2], True), ([1, 2], [1, 3], False)])
def test_integers_are_equal_or_not(a: list[int], b: list[int], equal: bool) -> None:
    assert same(np.array(a), np.array(b)) is equal
