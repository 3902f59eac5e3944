"""One model as sessions that run one behind another, each a stage that computes one batch of its tensors."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from trtflow.data import Array, Feed
from trtflow.model.session import create_session
from trtflow.model.stages import stages

Shapes = Mapping[str, tuple[int, ...]]
_ALIGNMENT = 64


class StageSessions:
    """The FP32 tensors of one model, batch by batch.

    ``floats``: FP32 tensors that need not be read, and are handed on where a later stage needs them; others are
    computed again there. ``keep_layout``: see ``create_session``.
    ``keep``: all sessions are made at once and kept; else each is made for a run of its stage, and only then there.
    """

    def __init__(
        self,
        model: ModelProto,
        batches: Sequence[Sequence[str]],
        floats: Collection[str],
        *,
        keep_layout: bool,
        keep: bool = True,
    ) -> None:
        self._buffer = Buffer()
        self._misjudged: set[str] = set()
        self._stages = []
        for batch, stage in zip(batches, stages(model, batches, floats), strict=True):
            make = partial(create_session, stage.model, many=True, keep_layout=keep_layout)
            opened = _same(make()) if keep and stage.outputs else make
            self._stages.append((batch, stage.fed, stage.inputs, stage.outputs, opened))

    def run(self, feed: Feed, shapes: Shapes) -> Iterator[dict[str, Array]]:
        """The tensors of each batch for ``feed``; they are overwritten when the next batch is asked for.

        ``shapes`` are those that the tensors are said to take for this feed. ONNX Runtime finds memory for what is
        not there, and for what once took another shape: inference is wrong about STFT, say.
        """
        kept: dict[str, Array] = {}
        self._buffer.reserve([self._sure(stage[0], stage[3], shapes) for stage in self._stages])
        for index, (batch, fed, inputs, outputs, opened) in enumerate(self._stages):
            arrays = self._buffer.arrays(self._sure(batch, outputs, shapes))
            given = {name: np.asarray(feed[name], order="C") for name in fed}
            given |= {name: kept[name] for name in inputs}
            found = self._run(opened(), given, arrays, outputs) if outputs else {}
            yield {name: found[name] if name in found else kept[name] for name in batch}
            later: Set[str] = {name for stage in self._stages[index + 1 :] for name in stage[2]}
            kept = {name: array for name, array in kept.items() if name in later}
            kept |= {name: array.copy() for name, array in found.items() if name in later}
            del found

    def _sure(self, batch: Collection[str], outputs: Sequence[str], shapes: Shapes) -> Shapes:
        """The shapes of what is computed for ``batch``, as far as they are known."""
        known = (name for name in outputs if name in shapes and name in batch and name not in self._misjudged)
        return {name: shapes[name] for name in known}

    def _run(self, session: Any, feed: Feed, arrays: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs, in ``arrays`` where ONNX Runtime takes these."""
        try:
            return _run(session, feed, arrays, outputs)
        except Exception:  # ONNX Runtime raises a dozen classes without a common base
            found = _run(session, feed, {}, outputs)
        self._misjudged.update(name for name, array in arrays.items() if found[name].shape != array.shape)
        return found


def _same(session: Any) -> Callable[[], Any]:
    return lambda: session


def _run(session: Any, feed: Feed, arrays: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
    if any(array.dtype.kind == "O" for array in feed.values()):  # ONNX Runtime binds no strings
        return dict(zip(outputs, session.run(outputs, feed), strict=True))
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

    def reserve(self, batches: Iterable[Shapes]) -> None:
        """Make room for the largest of ``batches``.

        Whoever reads a batch holds it until the next one is there: growing in between would hold both.
        """
        needed = max((_starts(shapes)[-1] for shapes in batches), default=0)
        if needed > self._memory.size:
            self._memory = np.empty(0, np.uint8)  # the old one goes first
            self._memory = np.empty(needed, np.uint8)

    def arrays(self, shapes: Shapes) -> dict[str, NDArray[np.float32]]:
        """FP32 arrays side by side; what earlier ones held is overwritten."""
        self.reserve([shapes])
        return {
            name: self._memory[start : start + 4 * math.prod(shape)].view(np.float32).reshape(shape)
            for (name, shape), start in zip(shapes.items(), _starts(shapes), strict=False)
        }


def _starts(shapes: Shapes) -> list[int]:
    """Where FP32 arrays of ``shapes`` begin, in bytes, and at last where they all end."""
    sizes = (4 * math.prod(shape) for shape in shapes.values())
    return list(itertools.accumulate((size + -size % _ALIGNMENT for size in sizes), initial=0))
