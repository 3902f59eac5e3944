"""Which tensors to read at a time, so that those of a batch fit a memory budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from onnx import ModelProto

from trtflow.data import Feed
from trtflow.model.shapes import tensor_bytes, tensor_shapes

SESSIONS = 16
"""How many batches there are at most, where memory allows so few."""
ENOUGH = 1 << 25
"""Bytes of a batch that need no splitting: about what stays in a CPU's cache until it is reduced."""


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


def make_batches(sizes: Mapping[str, int], budget: int) -> list[list[str]]:
    """Split tensors of ``sizes``, in topological order: into few batches, each within ``budget`` bytes."""
    return batch_tensors(sizes, min(budget, max(ENOUGH, sum(sizes.values()) // SESSIONS)))


def sizes_of(model: ModelProto, tensors: Sequence[str], feed: Feed) -> dict[str, int]:
    """Bytes of FP32 ``tensors`` for ``feed``.

    Raises:
        ModelError: ONNX Runtime cannot run the model on ``feed``, and inference cannot tell the sizes.
    """
    return tensor_bytes(tensor_shapes(model, tensors, feed))
