"""What a reader must know beside the verdict: on what it rests, and how far it reaches. A sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from trtflow.tasks.accumulation import accumulation_mark
from trtflow.tasks.bodies import bodies_mark
from trtflow.tasks.build import not_built
from trtflow.tasks.documents import Documents
from trtflow.tasks.foreign import foreign_mark
from trtflow.tasks.honouring import honouring_mark
from trtflow.tasks.inside import rests_on_saturation
from trtflow.tasks.observer import observer_mark
from trtflow.tasks.pairs import pairs_mark
from trtflow.tasks.proof import proof_marks
from trtflow.tasks.quantized_already import obstacle_mark
from trtflow.tasks.recurrent import recurrent_mark
from trtflow.tasks.runtime_trial import runtime_mark
from trtflow.tasks.selected import judged_as_sets


def data_marks(documents: Documents) -> Iterator[str]:
    """Why the samples that judged may judge badly."""
    if documents.data is not None:
        yield from documents.data.marks


SOURCES: tuple[Callable[[Documents], Iterator[str]], ...] = (
    obstacle_mark,
    foreign_mark,
    not_built,
    honouring_mark,
    data_marks,
    proof_marks,
    rests_on_saturation,
    observer_mark,
    accumulation_mark,
    recurrent_mark,
    bodies_mark,
    judged_as_sets,
    pairs_mark,
    runtime_mark,
)


def marks(documents: Documents) -> tuple[str, ...]:
    """The marks of a run, in the order of ``SOURCES``: the gravest come first. Each ends in one full stop."""
    return tuple(f"{mark.rstrip('.')}." for source in SOURCES for mark in source(documents))
