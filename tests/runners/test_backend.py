"""What every backend is told: the range of shapes that samples have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.runners.backend import ShapeRange, shape_ranges

shapes = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=5)


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
    assert shape_ranges(feeds) == expected


@given(shapes)
def test_every_sample_lies_within_its_range_and_the_first_is_typical(found: list[tuple[int, int]]) -> None:
    (entry,) = shape_ranges([{"x": shape} for shape in found]).values()
    assert entry.typical == found[0]
    for shape in found:
        assert all(low <= size <= high for low, size, high in zip(entry.low, shape, entry.high, strict=True))
