"""Run a model stage by stage and read all its tensors on the way, each node executed about once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from trtflow.data import Array, Feed
from trtflow.model.session import create_session
from trtflow.model.shapes import tensor_bytes, tensor_shapes
from trtflow.model.stages import stages

SESSIONS = 16
"""How many stages there are at most, where memory allows so few."""
ENOUGH = 1 << 25
"""Bytes of a batch that need no splitting: about what stays in a CPU's cache until it is reduced."""
_ALIGNMENT = 64


class Staged:
    """The FP32 tensors of one model, batch by batch; all sessions are made at once and kept."""

    def __init__(self, model: ModelProto, batches: Sequence[Sequence[str]]) -> None:
        self._buffer = Buffer()
        self._stages = []
        for stage in stages(model, batches):
            session = create_session(stage.model, many=True)
            self._stages.append((stage.fed, stage.inputs, stage.outputs, session))

    def run(self, feed: Feed, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[dict[str, Array]]:
        """The tensors of each batch for ``feed``; they are overwritten when the next batch is asked for.

        ``shapes`` are those that the tensors take for this feed; ONNX Runtime finds memory for what is not there.
        """
        kept: dict[str, Array] = {}
        for index, (fed, inputs, outputs, session) in enumerate(self._stages):
            arrays = self._buffer.arrays({name: shapes[name] for name in outputs if name in shapes})
            given = {name: np.ascontiguousarray(feed[name]) for name in fed}
            found = _run(session, given | {name: kept[name] for name in inputs}, arrays, outputs)
            yield found
            later: Set[str] = {name for stage in self._stages[index + 1 :] for name in stage[1]}
            kept = {name: array for name, array in kept.items() if name in later}
            kept |= {name: array.copy() for name, array in found.items() if name in later}


def _run(session: Any, feed: Feed, arrays: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
    binding = session.io_binding()
    for name, array in feed.items():
        binding.bind_cpu_input(name, array)
    for name in outputs:
        if name in arrays:
            place = arrays[name]
            binding.bind_output(name, "cpu", 0, place.dtype, place.shape, place.ctypes.data)
        else:
            binding.bind_output(name, "cpu")
    session.run_with_iobinding(binding)
    if len(arrays) == len(outputs):
        return dict(arrays)
    made = zip(outputs, binding.get_outputs(), strict=True)
    return {name: arrays[name] if name in arrays else value.numpy() for name, value in made}


class Buffer:
    """Memory that batches use one after another, so that its pages are touched for the first time only once."""

    def __init__(self) -> None:
        self._memory: NDArray[np.uint8] = np.empty(0, np.uint8)

    def arrays(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[np.float32]]:
        """FP32 arrays side by side; what earlier ones held is overwritten."""
        sizes = [4 * math.prod(shape) for shape in shapes.values()]
        starts = np.cumsum([0, *(size + -size % _ALIGNMENT for size in sizes)]).tolist()
        if starts[-1] > self._memory.size:
            self._memory = np.empty(0, np.uint8)  # the old one goes first
            self._memory = np.empty(starts[-1], np.uint8)
        return {
            name: self._memory[start : start + size].view(np.float32).reshape(shape)
            for (name, shape), start, size in zip(shapes.items(), starts, sizes, strict=False)
        }


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
    """Split FP32 ``tensors``, in topological order, for `Staged`: into few batches, each within ``budget`` bytes.

    Sizes are those for ``feed``.

    Raises:
        ModelError: ONNX Runtime cannot run the model on ``feed``, and inference cannot tell the sizes.
    """
    sizes = tensor_bytes(tensor_shapes(model, tensors, feed))
    return batch_tensors(sizes, min(budget, max(ENOUGH, sum(sizes.values()) // SESSIONS)))
