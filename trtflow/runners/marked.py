"""Compare sides that are read inside batch by batch, each batch in an engine of its own, and what marking changes.

Marks end fusions, and so may change what an engine computes: its own outputs with and without marks tell how much.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from trtflow.data import Feed, Sample
from trtflow.numerics.energy import Energy, measure
from trtflow.precision import Precision
from trtflow.progress import Progress
from trtflow.runners.known import Known, spreads
from trtflow.runners.lockstep import Statistics, read_inputs, reduce_tensors
from trtflow.runners.outputs import Kept
from trtflow.runners.sides import Side


@dataclass(frozen=True)
class MarkedCandidate:
    """A side, and the precision in which it reads its inputs."""

    side: Side
    precision: Precision


@dataclass(frozen=True)
class Compared:
    """Statistics per candidate and tensor; the ``tensors`` that all sides could read.

    ``observer``: per observed side, by its name or ``reference``, what marking changes of its outputs: the largest
    root mean square of the change over that of the output.
    """

    statistics: Statistics
    tensors: tuple[str, ...]
    observer: Mapping[str, float]


def compare_marked(
    reference: Side,
    candidates: Mapping[str, MarkedCandidate],
    tensors: Sequence[str],
    outputs: Collection[str],
    samples: Sequence[Sample],
    progress: Progress,
    known: Known,
) -> Compared:
    """Hold ``candidates`` against ``reference`` in all of ``tensors`` that they share, over ``samples``.

    ``outputs`` are those of the network, by which ``known`` judges the reference.

    Raises:
        DataError: ``known`` refuses what a sample makes of the reference.
        BackendError: a side cannot be started, or stops.
    """
    sides = {"reference": reference, **{name: candidate.side for name, candidate in candidates.items()}}
    plain = {name: Kept(_outputs(side, samples)) for name, side in sides.items() if side.observed}
    statistics: Statistics = {name: {} for name in candidates}
    effect = dict.fromkeys(plain, 0.0)
    batches = common_batches([*sides.values()], tensors) or [()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, batch in enumerate(batches):
            changes = {name: dict[str, Energy]() for name in plain}
            for index, found in enumerate(_run(sides, batch, samples)):
                progress(number * len(samples) + index, len(batches) * len(samples), f"sample {index}")
                if number == 0:
                    known.see(
                        samples[index], spreads({n: a for n, a in found["reference"].items() if n not in batch})
                    )
                    for name, candidate in candidates.items():
                        inputs = read_inputs(samples[index].feed, candidate.precision)
                        reduce_tensors(statistics[name], *inputs, index, pool)
                expected = {name: found["reference"][name] for name in batch}
                for name in candidates:
                    reduce_tensors(statistics[name], expected, found[name], index, pool)
                for name, ends in plain.items():
                    _add(changes[name], ends[index], found[name])
            effect = {name: max(effect[name], *map(_relative, changes[name].values())) for name in plain}
    known.finish()
    return Compared(statistics, tuple(name for batch in batches for name in batch), effect)


def common_batches(sides: Sequence[Side], tensors: Sequence[str]) -> list[tuple[str, ...]]:
    """Batches of the tensors that all of ``sides`` can read, each of which suits all of them."""
    batches: list[tuple[str, ...]] = [tuple(tensors)]
    for side in sides:
        batches = [tuple(part) for batch in batches for part in side.batches(batch) if part]
    return batches


def _run(sides: Mapping[str, Side], batch: Sequence[str], samples: Sequence[Sample]) -> Iterator[Mapping[str, Feed]]:
    """What all sides make of each sample, their tensors of ``batch`` among it."""
    with ExitStack() as stack:
        runners = {name: side.start(batch) for name, side in sides.items()}
        for runner in runners.values():
            stack.enter_context(runner)
        for sample in samples:
            yield {name: runner(dict(sample.feed)) for name, runner in runners.items()}


def _outputs(side: Side, samples: Sequence[Sample]) -> Iterator[Feed]:
    """What ``side`` makes of each sample while nobody looks."""
    return (found["plain"] for found in _run({"plain": side}, (), samples))


def _add(changes: dict[str, Energy], plain: Feed, marked: Feed) -> None:
    for name, expected in plain.items():
        if expected.dtype.kind == "f":
            changes[name] = changes.get(name, Energy()) + measure(expected, marked[name])


def _relative(change: Energy) -> float:
    """√(Σe² / Σr²): 0 without a change, infinite where a value is no longer finite, or all were zero."""
    decibels = change.sqnr_db()
    return 0.0 if math.isnan(decibels) else 10 ** (-decibels / 20)
