"""Compare sides that are read inside batch by batch, each batch in an engine of its own, and what marking changes.

Marks end fusions, and so may change what an engine computes: its own outputs with and without marks tell how much.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from trtflow.data import Array, Feed, Sample
from trtflow.numerics.energy import Energy, measure
from trtflow.precision import Precision
from trtflow.progress import Progress
from trtflow.runners.known import Known, spreads
from trtflow.runners.lockstep import Statistics, read_inputs, reduce_tensors
from trtflow.runners.outputs import Kept
from trtflow.runners.side import Reader, Reading, Side
from trtflow.text import listed


@dataclass(frozen=True)
class MarkedCandidate:
    """A side, and the precision in which it reads its inputs."""

    side: Side
    precision: Precision


@dataclass(frozen=True)
class Compared:
    """Statistics per candidate and tensor, of the tensors that it and the reference could hand out.

    ``readings``: per observed candidate how each of its tensors came out. ``observer``: per observed side, by its
    name or ``reference``, what marking changes of its outputs: the largest root mean square of the change over that
    of the output.
    """

    statistics: Statistics
    readings: Mapping[str, Mapping[str, Reading]]
    observer: Mapping[str, float]


def compare_marked(
    reference: Side,
    candidates: Mapping[str, MarkedCandidate],
    batches: Sequence[Sequence[str]],
    outputs: Collection[str],
    samples: Sequence[Sample],
    progress: Progress,
    known: Known,
) -> Compared:
    """Hold ``candidates`` against ``reference`` in the tensors of ``batches``, a batch at a time, over ``samples``.

    ``outputs`` are those of the network, by which ``known`` judges the reference.

    Raises:
        DataError: ``known`` refuses what a sample makes of the reference.
        BackendError: a side cannot be started, or stops.
        BuildError: an engine cannot be built.
    """
    sides = {"reference": reference, **{name: candidate.side for name, candidate in candidates.items()}}
    observed = [name for name, side in sides.items() if side.observed]
    what = f"building {listed(observed)}"
    if observed:
        progress(0, None, f"{what} as they are")
    plain = {name: Kept(_outputs(sides[name], samples)) for name in observed}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        work = _Work(candidates, plain, pool)
        for number, batch in enumerate(batches):
            done, total = number * len(samples), len(batches) * len(samples)
            progress(done, total, f"{what} with layers marked, {number + 1} of {len(batches)}")
            with _started(sides, batch) as readers:
                for name in observed:
                    work.readings[name].update(readers[name].readings)
                for index, sample in enumerate(samples):
                    progress(done + index, total, f"sample {index}")
                    made = {name: reader(dict(sample.feed)) for name, reader in readers.items()}
                    if number == 0:
                        known.see(sample, spreads({name: made["reference"][name] for name in outputs}))
                        work.add_inputs(index, sample.feed)
                    work.add(index, batch, made)
            work.end_batch()
    known.finish()
    return Compared(work.statistics, work.readings, work.observer)


class _Work:
    """What is known so far; ``plain`` are the outputs of the observed sides without marks."""

    def __init__(
        self, candidates: Mapping[str, MarkedCandidate], plain: Mapping[str, Kept], pool: ThreadPoolExecutor
    ) -> None:
        self.statistics: Statistics = {name: {} for name in candidates}
        self.readings: dict[str, dict[str, Reading]] = {name: {} for name in plain}
        self.observer = dict.fromkeys(plain, 0.0)
        self._candidates, self._plain, self._pool = candidates, plain, pool
        self._changes: dict[str, dict[str, Energy]] = {name: {} for name in plain}

    def add_inputs(self, index: int, feed: Feed) -> None:
        """What first layers read of the sample ``index``."""
        for name, candidate in self._candidates.items():
            reduce_tensors(self.statistics[name], *read_inputs(feed, candidate.precision), index, self._pool)

    def add(self, index: int, batch: Sequence[str], made: Mapping[str, Feed]) -> None:
        """What all sides made of the sample ``index``, their tensors of ``batch`` among it."""
        for name, statistics in self.statistics.items():
            reduce_tensors(statistics, _shared(batch, made["reference"], made[name]), made[name], index, self._pool)
        for name, ends in self._plain.items():
            _add(self._changes[name], ends[index], made[name])

    def end_batch(self) -> None:
        """All samples were seen with the marks of a batch."""
        for name, changes in self._changes.items():
            self.observer[name] = max(self.observer[name], *map(_relative, changes.values()), 0.0)
            changes.clear()


@contextmanager
def _started(sides: Mapping[str, Side], batch: Sequence[str]) -> Iterator[Mapping[str, Reader]]:
    """All sides, ready to hand out ``batch``."""
    with ExitStack() as stack:
        readers = {name: side.start(batch) for name, side in sides.items()}
        for reader in readers.values():
            stack.enter_context(reader)
        yield readers


def _outputs(side: Side, samples: Sequence[Sample]) -> Iterator[Feed]:
    """What ``side`` makes of each sample while nobody looks."""
    with _started({"plain": side}, ()) as readers:
        yield from (readers["plain"](dict(sample.feed)) for sample in samples)


def _shared(batch: Sequence[str], reference: Feed, candidate: Feed) -> Feed:
    """What the reference made of ``batch``, as far as both handed it out; a fused layer may lay it out otherwise."""
    both = [name for name in batch if name in reference and name in candidate]
    return {name: reference[name] for name in both if reference[name].shape == candidate[name].shape}


def _add(changes: dict[str, Energy], plain: Mapping[str, Array], marked: Feed) -> None:
    for name, expected in plain.items():
        if expected.dtype.kind == "f":
            changes[name] = changes.get(name, Energy()) + measure(expected, marked[name])


def _relative(change: Energy) -> float:
    """√(Σe² / Σr²): 0 without a change, infinite where a value is no longer finite, or all were zero."""
    decibels = change.sqnr_db()
    return 0.0 if math.isnan(decibels) else 10 ** (-decibels / 20)
