"""Stream samples through the FP32 model: one pass for ranges, one for histograms, the memory of one sample.

The tensors are marked as outputs in batches that fit a memory budget, as when layers are compared; of each sample's
tensor only counts and a few numbers are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from onnx import ModelProto

from trtflow.data import Array, Sample
from trtflow.model.ports import mark_only
from trtflow.model.session import create_session
from trtflow.model.shapes import inferred_shapes, tensor_bytes
from trtflow.numerics.calibration import Magnitudes, Method, count
from trtflow.numerics.ranges import TensorRange, merge, observe
from trtflow.runners.staged import batch_tensors

Progress = Callable[[int, int | None, str], None]
Kept = TypeVar("Kept")

BUDGET = 256_000_000
"""Bytes of activations to hold at once."""


class Stream:
    """The tensors ``names`` of ``model`` over ``samples``, which are read again for each pass and batch."""

    def __init__(
        self,
        model: ModelProto,
        names: Sequence[str],
        samples: Iterable[Sample],
        budget: int = BUDGET,
        progress: Progress = lambda done, total, text: None,
    ) -> None:
        self._model, self._samples, self._progress = model, samples, progress
        inputs = {value.name for value in model.graph.input}
        self._fed = [name for name in names if name in inputs]
        first = next(iter(samples))
        sizes = tensor_bytes(inferred_shapes(model, {name: array.shape for name, array in first.feed.items()}))
        computed = {name: sizes.get(name, 0) for name in names if name not in inputs}
        self._batches = batch_tensors(computed, budget) or [[]]

    def ranges(self, axes: Mapping[str, int] = MappingProxyType({})) -> dict[str, TensorRange]:
        """The first pass: what range each tensor takes, and its channels where ``axes`` says where they lie."""
        return self.fold("ranges", lambda name, array: observe(array, moments=False, axis=axes.get(name)), merge)

    def magnitudes(self, ranges: Mapping[str, TensorRange], methods: Iterable[Method]) -> dict[str, Magnitudes]:
        """The second pass: histograms within those ``ranges``, as far as ``methods`` need them."""
        wanted = frozenset(methods)
        return self.fold(
            "histograms",
            lambda name, array: count(array, ranges[name].amax, wanted),
            lambda first, second: first + second,
        )

    def fold(
        self, text: str, reduce: Callable[[str, Array], Kept], join: Callable[[Kept, Kept], Kept]
    ) -> dict[str, Kept]:
        """One pass: ``reduce`` each tensor of each sample at once, and ``join`` the results over the samples."""
        found: dict[str, Kept] = {}

        def take(name: str, array: Array) -> None:
            kept = reduce(name, array)
            found[name] = join(found[name], kept) if name in found else kept

        for number, batch in enumerate(self._batches):
            session = create_session(mark_only(self._model, batch)) if batch else None
            for index, sample in enumerate(self._samples):
                self._progress(index, None, text)
                for name in self._fed if number == 0 else ():
                    take(name, sample.feed[name])
                arrays = session.run(batch, sample.feed) if session else []
                for place, name in enumerate(batch):
                    take(name, arrays[place])
                    arrays[place] = None  # freed before the next tensor is reduced
        return found
