"""What a reader calls a part of an output: where it lies, and which nodes made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from trtflow.model.scopes import Scope

_SAID = 2  # nodes and runs of places that a name tells


def part_names(output: str, labels: Sequence[NDArray[np.uint8]], makers: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """A name for each part of ``output``: "y (4-6 of axis 1, from /Sigmoid_13)".

    ``labels`` are those of all shapes, in short form; ``makers`` are the nodes of each part, where they are known.
    """
    places = _places(labels, len(makers))
    origins = [f"from {_some(nodes)}" if nodes else "" for nodes in makers]
    said = (", ".join(filter(None, words)) for words in zip(places, origins, strict=True))
    return tuple(f"{output} ({words})" for words in said)


def maker(scope: Scope, tensor: str) -> str:
    """How a reader finds ``tensor``: by the node that computes it."""
    node = scope.producer(tensor)
    return node.name if node is not None and node.name else tensor


def _places(labels: Sequence[NDArray[np.uint8]], count: int) -> list[str]:
    """Where each of ``count`` parts lies, if that is on one axis and the same in all shapes; else nothing."""
    first = labels[0]
    axes = [axis for axis, size in enumerate(first.shape) if size > 1]
    if len(axes) != 1 or not all(np.array_equal(first, other) for other in labels):
        return [""] * count
    flat = first.reshape(-1)
    return [f"{_some(list(_runs(np.flatnonzero(flat == label))))} of axis {axes[0]}" for label in range(count)]


def _runs(places: NDArray[np.intp]) -> Iterator[str]:
    """Neighbouring ``places`` as "4-6", single ones as "9"."""
    for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        yield f"{run[0]}" if len(run) == 1 else f"{run[0]}-{run[-1]}"


def _some(words: Sequence[str]) -> str:
    """The first few of ``words``, and how many more there are."""
    rest = len(words) - _SAID
    return ", ".join(words[:_SAID]) + (f" and {rest} more" if rest > 0 else "")
