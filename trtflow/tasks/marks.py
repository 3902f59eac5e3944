"""What a reader must know beside the verdict: on what it rests, and how far it reaches. A sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trtflow.tasks.documents import Documents
from trtflow.tasks.pairs import pairs_mark
from trtflow.tasks.quantized_already import obstacle_mark

SOURCES: tuple[Callable[[Documents], Iterator[str]], ...] = (obstacle_mark, pairs_mark)


def marks(documents: Documents) -> tuple[str, ...]:
    """The marks of a run, in the order of ``SOURCES``: the gravest come first."""
    return tuple(mark for source in SOURCES for mark in source(documents))
