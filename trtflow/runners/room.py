"""How a memory budget is spent on models that advance side by side: their weights, their sessions, their tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onnx import ModelProto

from trtflow.model.mapped import large_bytes
from trtflow.model.stages import reads


@dataclass(frozen=True)
class Room:
    """``batch``: bytes of one batch of one model. ``keep``: all sessions stay open; else one stage's at a time."""

    batch: int
    keep: bool = True


def share(memory: int, weights: int, models: int, most: float = 1 / 3) -> Room:
    """How to spend ``memory`` bytes on ``models`` models with ``weights`` bytes of weights each.

    Sessions stay open where their weights take a third at most (``most``): they hold up to twice as much for a while.
    Half of what is left is for a batch, the other half for what later batches need of it.
    """
    kept = weights * models
    keep = kept <= memory * most
    return Room((memory - kept * keep) // (2 * models), keep)


def first_read(model: ModelProto, tensors: Sequence[str]) -> Mapping[str, int]:
    """Bytes of the weights that are read first on the way to each of ``tensors``, in topological order."""
    sizes = {tensor.name: size for tensor in model.graph.initializer if (size := large_bytes(tensor))}
    found = dict.fromkeys(tensors, 0)
    pending = 0
    for node in model.graph.node:
        pending += sum(sizes.pop(name, 0) for name in reads(node))
        wanted = next((name for name in node.output if name in found), None)
        if wanted is not None:
            found[wanted] += pending
            pending = 0
    return found
