"""Compare every tensor of a model under several precisions, in lockstep, keeping statistics and no tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto

from trtflow.data import Sample
from trtflow.numerics.formats import round_to
from trtflow.numerics.statistics import TensorStatistics, compare, merge
from trtflow.precision.plan import Precision
from trtflow.runners.onnxrt import create_session, mark_outputs

Progress = Callable[[int, int | None, str], None]
Statistics = dict[str, dict[str, TensorStatistics]]


def compare_tensors(
    reference: ModelProto,
    candidates: Mapping[str, ModelProto],
    batches: Sequence[Sequence[str]],
    samples: Iterable[Sample],
    progress: Progress,
) -> Statistics:
    """Statistics per candidate and tensor, over all ``samples``, which are read once for each batch.

    The tensors are marked as outputs one batch after another, so that at most one batch of them is in memory; a
    session computes no more than its batch needs.
    """
    found: Statistics = {name: {} for name in candidates}
    for index, batch in enumerate(batches):
        progress(index, len(batches), f"tensors from {batch[0]}")
        sessions = {name: create_session(mark_only(model, batch)) for name, model in candidates.items()}
        exact = create_session(mark_only(reference, batch))
        for sample in samples:
            expected = exact.run(list(batch), sample.feed)
            for name, session in sessions.items():
                _reduce(found[name], batch, expected, session.run(list(batch), sample.feed))
    progress(len(batches), len(batches), "")
    return found


def compare_inputs(samples: Iterable[Sample], precision: Precision) -> dict[str, TensorStatistics]:
    """Statistics of the float inputs against themselves in ``precision``: what a first layer reads."""
    found: dict[str, TensorStatistics] = {}
    for sample in samples:
        for name, array in sample.feed.items():
            if array.dtype == np.float32:
                _reduce(found, [name], [array], [round_to(array, precision)])
    return found


def mark_only(model: ModelProto, tensors: Iterable[str]) -> ModelProto:
    """A copy of ``model`` that returns ``tensors`` and nothing else."""
    bare = mark_outputs(model, tensors)
    wanted = set(tensors)
    kept = [value for value in bare.graph.output if value.name in wanted]
    del bare.graph.output[:]
    bare.graph.output.extend(kept)
    return bare


def _reduce(found: dict[str, TensorStatistics], names: Sequence[str], expected: list[Any], actual: list[Any]) -> None:
    for position, name in enumerate(names):
        statistics = compare(expected[position], actual[position])
        actual[position] = None  # freed before the next tensor is reduced
        found[name] = merge(found[name], statistics) if name in found else statistics


def batch_tensors(sizes: Mapping[str, int], budget: int) -> list[list[str]]:
    """Split tensors, in their order, so that no batch holds more than ``budget`` bytes (one tensor at least)."""
    batches: list[list[str]] = []
    room = -math.inf
    for name, size in sizes.items():
        if size > room:
            batches.append([])
            room = budget
        batches[-1].append(name)
        room -= size
    return batches
