"""What a reader must know beside the verdict: on what it rests, and how far it reaches. A sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trtflow.tasks.build import not_built
from trtflow.tasks.documents import Documents

SOURCES: tuple[Callable[[Documents], Iterator[str]], ...] = (not_built,)


def marks(documents: Documents) -> tuple[str, ...]:
    """The marks of a run, in the order of ``SOURCES``: the gravest come first."""
    return tuple(mark for source in SOURCES for mark in source(documents))
