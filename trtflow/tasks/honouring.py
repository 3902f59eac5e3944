"""What became of the precisions that an engine was asked for, as documents and verdicts tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from trtflow.files.outcomes import BuildOutcome, NotHonoured
from trtflow.precision import label
from trtflow.tasks.documents import Documents
from trtflow.text import counted, listed
from trtflow.trt.built import EngineBuild
from trtflow.trt.honoured import Constraint

INSTEAD = "`typing: strong`, from TensorRT 10 on, leaves it no choice"
SHOWN = "`engine-layers.json` has its layers"
TOLD = ("backend", "version", "typing", "bytes", "tensors", "machine", "uninspected", "notes")


def outcome(built: EngineBuild) -> BuildOutcome:
    """``built`` as ``build.json`` tells it."""
    told = {name: value for name, value in asdict(built).items() if name in TOLD}
    counts = {status: count for status, count in built.honoured.counts.items() if count}
    return BuildOutcome(**told, honoured=counts, not_honoured=not_honoured(built.honoured.having("not honoured")))


def not_honoured(constraints: Sequence[Constraint]) -> tuple[NotHonoured, ...]:
    """``constraints`` as documents hold them."""
    return tuple(NotHonoured(node=one.node, asked=one.asked, built=one.built) for one in constraints)


def said(found: BuildOutcome) -> tuple[str, ...]:
    """What is told of an engine beside its size: ranges, calibration, and what it does not honour."""
    return (*found.notes, *(_ignored(found.not_honoured) if found.not_honoured else ()))


def honouring_mark(documents: Documents) -> Iterator[str]:
    """The mark of an engine that computes nodes in another precision than was asked for."""
    found = documents.build
    if found is not None and found.not_honoured:
        (told,) = _ignored(found.not_honoured)
        yield f"{told}: {INSTEAD if found.typing == 'weak' else SHOWN}"


def _ignored(nodes: Sequence[NotHonoured]) -> Iterator[str]:
    shown = [f"{one.node}: {label(one.asked)} asked, {' and '.join(map(label, one.built))} built" for one in nodes]
    yield f"R25: the engine does not honour the precision of {counted(len(nodes), 'node')} ({listed(shown)})"
