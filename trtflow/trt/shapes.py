"""The shapes that an engine must take: those that samples have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from trtflow.data import Array

SHAPE_TENSOR = 64
"""How many elements a tensor may have that TensorRT takes for a shape."""


class Bounds(NamedTuple):
    """The smallest, the typical and the largest of integers side by side, each for itself."""

    low: tuple[int, ...]
    typical: tuple[int, ...]
    high: tuple[int, ...]


@dataclass(frozen=True)
class ShapeRange:
    """The smallest, the typical and the largest shape of an input.

    ``values`` are those of a small integer one, which may say the shape of something; None: of any other.
    """

    low: tuple[int, ...]
    typical: tuple[int, ...]
    high: tuple[int, ...]
    values: Bounds | None = None


def shape_ranges(feeds: Iterable[Mapping[str, Array]]) -> dict[str, ShapeRange]:
    """Per input the range of shapes, and of values where it may hold a shape, seen in ``feeds``.

    The typical one is the first. Only shapes and values are kept of a feed.
    """
    shapes: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    values: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for feed in feeds:
        for name, array in feed.items():
            shapes[name].append(array.shape)
            if array.dtype.kind in "iu" and array.ndim < 2 and array.size <= SHAPE_TENSOR:
                values[name].append(tuple(array.reshape(-1).tolist()))
    return {name: ShapeRange(*_bounds(seen), _values(values[name], len(seen))) for name, seen in shapes.items()}


def _values(seen: Sequence[tuple[int, ...]], samples: int) -> Bounds | None:
    """None where not all samples have values, or not equally many."""
    return _bounds(seen) if len(seen) == samples and len({len(entry) for entry in seen}) == 1 else None


def _bounds(seen: Sequence[tuple[int, ...]]) -> Bounds:
    sides = [*zip(*seen, strict=True)]
    return Bounds(tuple(map(min, sides)), seen[0], tuple(map(max, sides)))
