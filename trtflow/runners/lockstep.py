"""Compare every tensor of a model under several precisions, in lockstep, keeping statistics and no tensors."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from onnx import ModelProto

from trtflow.data import Array, Feed, Sample
from trtflow.model.mapped import weight_bytes
from trtflow.numerics.formats import round_to
from trtflow.numerics.record import Spread
from trtflow.numerics.statistics import TensorStatistics, compare
from trtflow.numerics.worst import OverSamples
from trtflow.precision import Precision
from trtflow.progress import Progress
from trtflow.runners.known import Known
from trtflow.runners.room import share
from trtflow.runners.staged import Staged

Statistics = dict[str, dict[str, OverSamples]]


@dataclass(frozen=True)
class Candidate:
    """What is compared with the reference, and the precision in which it reads its inputs.

    ``make`` gives the model, which is dropped as soon as it has sessions: it may be large.
    """

    make: Callable[[], ModelProto]
    precision: Precision


def compare_tensors(
    reference: ModelProto,
    candidates: Mapping[str, Candidate],
    tensors: Sequence[str],
    samples: Iterable[Sample],
    memory: int,
    progress: Progress,
    known: Known | None = None,
    log: Callable[[str], None] = lambda _: None,
    *,
    ragged: Collection[str] = (),
) -> tuple[Statistics, int]:
    """Statistics per candidate and tensor, and over how many samples, which are read once.

    ``tensors`` are FP32 and no inputs of the model; its float inputs come before them, compared with themselves
    rounded.

    Reference and candidates advance together, a batch of tensors at a time, and a batch is reduced before the next
    one is computed. ``memory``: bytes for tensors, and for what sessions hold of weights, beside ``reference``
    itself; where it does not do for one tensor of each model, ``log`` is told. ``ragged`` tensors are rows of which a
    candidate may have fewer or more, where its loops end or its branches go otherwise: those that both have count.

    Raises:
        DataError: ``known`` refuses what a sample makes of the reference.
    """
    found: Statistics = {name: {} for name in candidates}
    makes = [candidate.make for candidate in candidates.values()]
    outputs = {value.name for value in reference.graph.output}
    count, models, weights = 0, 1 + len(makes), weight_bytes(reference)
    room = share(memory, weights, models)
    staged = Staged(reference, tensors, samples, room.batch * models, makes, keep=room.keep, log=log)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for visit in staged:
            for name, candidate in candidates.items():
                reduce_tensors(found[name], *read_inputs(visit.sample.feed, candidate.precision), count, pool)
            held: dict[str, Spread] = {}
            for expected, *actual in visit.batches:
                progress(count, None, f"sample {count}, tensors from {next(iter(expected), 'nothing')}")
                for statistics, arrays in zip(found.values(), actual, strict=True):
                    alone = reduce_tensors(statistics, *_shared(expected, arrays, ragged), count, pool)
                    held |= {name: alone[name].reference for name in outputs & alone.keys()}
            if known:
                known.see(visit.sample, held)
            count += 1
    if known:
        known.finish()
    return found, count


def read_inputs(feed: Feed, precision: Precision) -> tuple[Feed, Feed]:
    """The float inputs, and what a first layer in ``precision`` reads of them."""
    floats = {name: array for name, array in feed.items() if array.dtype == np.float32}
    return floats, {name: round_to(array, precision) for name, array in floats.items()}


def _shared(expected: Feed, actual: Feed, ragged: Collection[str]) -> tuple[Feed, Feed]:
    """Both sides with the rows of ``ragged`` tensors that both have."""
    for name in [n for n in expected if n in ragged and expected[n].shape != actual[n].shape]:
        one, other = expected[name], actual[name]
        rows = min(len(one), len(other)) if one.shape[1:] == other.shape[1:] else 0
        expected, actual = {**expected, name: one[:rows]}, {**actual, name: other[:rows].reshape(one[:rows].shape)}
    return expected, actual


def reduce_tensors(
    found: dict[str, OverSamples], expected: Feed, actual: Feed, sample: int, pool: ThreadPoolExecutor
) -> dict[str, TensorStatistics]:
    """Add the tensors of one batch to ``found``; their statistics for ``sample`` alone."""

    def reduce(name: str, reference: Array) -> tuple[str, TensorStatistics]:
        return name, compare(reference, actual[name])

    alone = dict(pool.map(reduce, expected, expected.values()))
    for name, statistics in alone.items():
        one = OverSamples.of(sample, statistics)
        found[name] = found[name] + one if name in found else one
    return alone
