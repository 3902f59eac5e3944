"""All wanted tensors of a model over samples, batch by batch within a memory budget, each node executed about once.

The samples are read once a pass, and of each sample's tensors one batch is in memory at a time. Several models can
advance side by side, to be compared; or one model's tensors are folded into something small at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from onnx import ModelProto

from trtflow.data import Array, Feed, Sample
from trtflow.doing import doing
from trtflow.model.fed import not_run
from trtflow.model.layers import layers
from trtflow.model.mapped import MappedWeights
from trtflow.model.shapes import inferred_shapes
from trtflow.progress import Progress, silent
from trtflow.runners.batches import make_batches, sizes_of
from trtflow.runners.room import first_read
from trtflow.runners.sessions import StageSessions

BUDGET = 256_000_000
"""Bytes of activations to hold at once."""

Kept = TypeVar("Kept")
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Visit:
    """One sample, and its tensors batch by batch: for each model what it computes, overwritten by the next batch."""

    sample: Sample
    batches: Iterator[tuple[Feed, ...]]


class Staged:
    """The FP32 ``tensors`` of ``model`` over ``samples``, which are read again for each pass.

    ``beside``: what makes the models that advance beside it, and is called once. They have the same tensors, and are
    compared with it: all of them compute in one layout, so that nothing but their precisions tells them apart.
    ``budget``: bytes of a batch of all models. Batches are made for the first sample's shapes. ``keep``: sessions of
    all batches stay open; else those of one batch are, and its weights count as part of it. ``log`` is told where
    one tensor alone exceeds the budget.
    """

    def __init__(
        self,
        model: ModelProto,
        tensors: Iterable[str],
        samples: Iterable[Sample],
        budget: int = BUDGET,
        beside: Sequence[Callable[[], ModelProto]] = (),
        *,
        keep: bool = True,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._log = log
        self._model, self._samples, self._budget, self._beside, self._keep = model, samples, budget, beside, keep
        wanted, fed = set(tensors), {value.name for value in model.graph.input}
        self._fed = [value.name for value in model.graph.input if value.name in wanted]
        self._floats = floats_of(model)
        made = [name for node in model.graph.node for name in node.output]
        held = [tensor.name for tensor in model.graph.initializer]
        self._computed = [name for name in (*held, *made) if name in wanted - fed]
        self._sides: list[StageSessions] = []

    def __iter__(self) -> Iterator[Visit]:
        """One pass. Wanted inputs of the model come as a batch of their own, before all others."""
        for sample, shapes in self._shaped():
            self._start(sample.feed)
            yield Visit(sample, self._run(sample.feed, shapes))

    def fold(
        self,
        reduce: Callable[[str, Array], Kept],
        join: Callable[[Kept, Kept], Kept],
        text: str = "",
        progress: Progress = silent,
    ) -> dict[str, Kept]:
        """One pass: ``reduce`` each tensor of each sample at once, and ``join`` the results over the samples."""
        found: dict[str, Kept] = {}
        for index, visit in enumerate(self):
            progress(index, None, text)
            for arrays, *_ in visit.batches:
                for name, array in arrays.items():
                    kept = reduce(name, array)
                    found[name] = join(found[name], kept) if name in found else kept
        return found

    def _start(self, feed: Feed) -> None:
        if self._sides:
            return
        sizes = sizes_of(self._model, self._computed, feed)
        if not self._keep:
            weights = first_read(self._model, self._computed)
            sizes = {name: size + weights[name] for name, size in sizes.items()}
        self._complain(sizes)
        batches = make_batches(sizes, self._budget // (1 + len(self._beside)))
        mapped, compared = MappedWeights(), bool(self._beside)
        for index, make in enumerate((lambda: self._model, *self._beside)):
            floats = () if compared else self._floats
            with doing(f"reading the tensors of candidate {index}" if index else "reading the tensors of FP32"):
                model = mapped.light(make())
                self._sides.append(StageSessions(model, batches, floats, keep_layout=compared, keep=self._keep))
        self._mapped = mapped  # the file must outlive them

    def _complain(self, sizes: Mapping[str, int]) -> None:
        models = 1 + len(self._beside)
        largest = max(sizes, key=sizes.__getitem__, default="")
        if largest and models * sizes[largest] > self._budget:
            found, least = 2 * self._budget / 1e6, 2 * models * sizes[largest] / 1e6
            self._log(
                f"memory: '{largest}' in {models} models, its weights included, needs {least:.0f} MB, "
                f"but {found:.0f} MB are left for tensors: more will be used. Give that much more memory."
            )

    def _run(self, feed: Feed, shapes: Shapes) -> Iterator[tuple[Feed, ...]]:
        if self._fed:
            yield ({name: feed[name] for name in self._fed},) * len(self._sides)
        try:
            yield from zip(*(side.run(feed, shapes) for side in self._sides), strict=True)
        except Exception as error:  # ONNX Runtime raises a dozen classes without a common base
            raise not_run(self._model, feed, error) from error

    def _shaped(self) -> Iterator[tuple[Sample, Shapes]]:
        """Each sample with the shapes that FP32 tensors take for it, as far as inference can tell."""
        fed: Shapes | None = None
        shapes: Shapes = {}
        for sample in self._samples:
            now = {name: array.shape for name, array in sample.feed.items()}
            if now != fed:
                known = inferred_shapes(self._model, now)
                fed, shapes = now, {name: shape for name, shape in known.items() if name in self._floats}
            yield sample, shapes


def floats_of(model: ModelProto) -> frozenset[str]:
    """The FP32 tensors of the main graph that depend on what the network is fed."""
    return frozenset(layer.tensor for layer in layers(model))
