"""What every backend is told: the range of shapes that samples have, and of values that may be shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.trt.shapes import Bounds, ShapeRange, shape_ranges

shapes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5)


def zeros(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray[Any, Any]]:
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("feeds", "expected"),
    [
        ([{"x": (2, 3)}], {"x": ShapeRange((2, 3), (2, 3), (2, 3))}),
        (
            [{"x": (2, 3, 64)}, {"x": (1, 3, 32)}, {"x": (4, 3, 48)}],
            {"x": ShapeRange((1, 3, 32), (2, 3, 64), (4, 3, 64))},
        ),
        ([{"x": (1,), "y": ()}], {"x": ShapeRange((1,), (1,), (1,)), "y": ShapeRange((), (), ())}),
    ],
)
def test_shape_ranges_span_the_samples(
    feeds: list[dict[str, tuple[int, ...]]], expected: dict[str, ShapeRange]
) -> None:
    assert shape_ranges(map(zeros, feeds)) == expected


@given(shapes)
def test_every_sample_lies_within_its_range_and_the_first_is_typical(found: list[tuple[int, int]]) -> None:
    (entry,) = shape_ranges(zeros({"x": shape}) for shape in found).values()
    assert entry.typical == found[0]
    for shape in found:
        assert all(low <= size <= high for low, size, high in zip(entry.low, shape, entry.high, strict=True))


@pytest.mark.parametrize(
    ("seen", "values"),
    [
        ([[4, 2], [2, 8]], Bounds((2, 2), (4, 2), (4, 8))),
        ([3, 7], Bounds((3,), (3,), (7,))),
        ([[4, 2], [8]], None),
        ([[[4, 2]]], None),
        ([[0] * 65], None),
        ([[0.5]], None),
        ([[True]], None),
    ],
    ids=["a shape", "0-d", "of two lengths", "2-d", "long", "floats", "booleans"],
)
def test_integers_that_may_be_a_shape_have_a_range_each(seen: list[Any], values: Bounds | None) -> None:
    assert shape_ranges({"s": np.array(one)} for one in seen)["s"].values == values


@given(st.lists(st.lists(st.integers(-9, 9), min_size=3, max_size=3), min_size=1, max_size=5))
def test_all_values_lie_within_their_range(seen: list[list[int]]) -> None:
    bounds = shape_ranges({"s": np.array(one)} for one in seen)["s"].values
    assert bounds is not None
    assert bounds.typical == tuple(seen[0])
    assert (bounds.low, bounds.high) == (tuple(np.min(seen, axis=0)), tuple(np.max(seen, axis=0)))
