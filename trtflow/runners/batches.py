"""Which tensors to read at a time, so that those of a batch fit a memory budget."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from onnx import ModelProto, ValueInfoProto, helper

from trtflow.data import Feed
from trtflow.model.cost import with_shapes
from trtflow.model.facts import tensor_bytes
from trtflow.model.scopes import FreshNames
from trtflow.runners.reference import create_session

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


def make_batches(model: ModelProto, tensors: Sequence[str], feed: Feed, budget: int) -> list[list[str]]:
    """Split FP32 ``tensors``, in topological order: into few batches, each within ``budget`` bytes.

    Sizes are inferred for inputs shaped as in ``feed``, or measured by running the model once.
    """
    sizes = tensor_bytes(model, {name: array.shape for name, array in feed.items()})
    unknown = [name for name in tensors if name not in sizes]
    if unknown:
        sizes |= measured_bytes(model, unknown, feed)
    wanted = {name: sizes[name] for name in tensors}
    return batch_tensors(wanted, min(budget, max(ENOUGH, sum(wanted.values()) // SESSIONS)))


def measured_bytes(model: ModelProto, tensors: Sequence[str], feed: Feed) -> dict[str, int]:
    """Bytes of FP32 ``tensors`` of the main graph for ``feed``, by a session that returns their shapes only.

    ONNX Runtime folds chains of shape computations, which inference does not, and so mostly has nothing to run.
    """
    copy = with_shapes(model, {name: array.shape for name, array in feed.items()})
    fresh = FreshNames(copy)
    names = [fresh(f"{name}__shape") for name in tensors]
    copy.graph.node.extend(
        helper.make_node("Shape", [name], [shape], fresh(f"{shape}__node"))
        for name, shape in zip(tensors, names, strict=True)
    )
    del copy.graph.output[:]
    copy.graph.output.extend(ValueInfoProto(name=name) for name in names)
    session = create_session(copy, many=True, keep_layout=True)
    del copy
    found = session.run(names, feed)
    return {name: 4 * math.prod(shape.tolist()) for name, shape in zip(tensors, found, strict=True)}
