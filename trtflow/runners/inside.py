"""Look inside a plan: where it is not finite and FP32 is, and what the readers of such values make of them.

One emulated pass beside the reference, a batch of tensors at a time as in ``lockstep``; of tensors that are not
finite it is remembered where, until the sample is done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from trtflow.data import Array, Sample
from trtflow.diagnosis.saturation import OUTPUT, Inside, Reading
from trtflow.emulation.emulate import Rounding, instrument
from trtflow.emulation.fusion import fused
from trtflow.files.statistics import WRONG
from trtflow.model.analysis import analyse
from trtflow.model.assignment import edges
from trtflow.model.edit import clone, fresh_names
from trtflow.model.layers import layers
from trtflow.model.mapped import weight_bytes
from trtflow.model.scopes import CONTROL_FLOW
from trtflow.model.stages import reads
from trtflow.numerics.formats import round_to
from trtflow.numerics.statistics import compare
from trtflow.plan import PrecisionPlan
from trtflow.precision import ROWS, Precision
from trtflow.progress import Progress, silent
from trtflow.runners.quantized import Ranges
from trtflow.runners.room import share
from trtflow.runners.staged import Staged

_OPEN = 2 / 3  # of the memory for the weights of open sessions: to open them for each sample costs more than the look
Mask = NDArray[np.bool_]
Key = tuple[str, str]


def look_inside(
    model: ModelProto,
    plan: PrecisionPlan,
    samples: Iterable[Sample],
    memory: int,
    *,
    ranges: Ranges | None = None,
    rounding: Rounding = "tensor",
    progress: Progress = silent,
) -> Inside:
    """What ``plan`` has inside on ``samples``; ``ranges`` for INT8 and FP8. ``memory``: bytes to use."""
    quantized = (ranges or Ranges({})).quantize(model, plan)
    rounds = _rounding_reads(quantized.model, quantized.plan, rounding)
    watch = _Watch(_Graph.of(model), rounds)
    make = partial(instrument, quantized.model, quantized.plan, rounding)
    room = share(memory, weight_bytes(model), 2, _OPEN)
    staged = Staged(model, watch.graph.tensors, samples, 2 * room.batch, [make], keep=room.keep)
    for index, visit in enumerate(staged):
        progress(index, None, f"looking inside, sample {index}")
        seen = _Seen()
        for name, array in visit.sample.feed.items():
            if array.dtype == np.float32:
                watch.see(seen, name, array, array)
        for expected, actual in visit.batches:
            for name, array in expected.items():
                watch.see(seen, name, array, actual[name])
    return watch.inside()


def _rounding_reads(model: ModelProto, plan: PrecisionPlan, rounding: Rounding) -> dict[str, dict[str, Precision]]:
    """Tensor → the nodes of the main graph that round what they read of it, and to what."""
    copy = clone(model)
    analysis = analyse(copy)
    assigned = edges(analysis, plan)
    if rounding == "unit":
        assigned = fused(analysis, assigned, fresh_names(copy))
    found: dict[str, dict[str, Precision]] = defaultdict(dict)
    for node in copy.graph.node:
        for index, precision in assigned.inputs.get(node.name, {}).items():
            found[node.input[index]][node.name] = precision
    return found


@dataclass(frozen=True)
class _Graph:
    """The main graph by names. ``hidden``: nodes of which some output that matters is not among ``tensors``."""

    tensors: tuple[str, ...]
    order: tuple[str, ...]
    ops: Mapping[str, str]
    inputs: Mapping[str, frozenset[str]]
    source: Mapping[str, str]
    readers: Mapping[str, tuple[str, ...]]
    outputs: frozenset[str]
    hidden: frozenset[str]

    @classmethod
    def of(cls, model: ModelProto) -> _Graph:
        """That of ``model``."""
        tensors = {layer.tensor for layer in layers(model)} | _made_by_bodies(model)
        inputs = {node.name: frozenset(reads(node)) for node in model.graph.node}
        readers: dict[str, tuple[str, ...]] = defaultdict(tuple)
        for node, names in inputs.items():
            for name in names:
                readers[name] += (node,)
        outputs = frozenset(value.name for value in model.graph.output)
        used = outputs | readers.keys()
        return cls(
            tuple(tensors),
            tuple(node.name for node in model.graph.node if not tensors.isdisjoint(node.output)),
            {node.name: node.op_type for node in model.graph.node},
            inputs,
            {name: node.name for node in model.graph.node for name in node.output},
            readers,
            outputs,
            frozenset(node.name for node in model.graph.node if used.intersection(node.output) - tensors),
        )


def observed(model: ModelProto) -> tuple[str, ...]:
    """The nodes of which ``look_inside`` sees what they write."""
    return _Graph.of(model).order


def _made_by_bodies(model: ModelProto) -> set[str]:
    """The FP32 tensors that control flow leaves in the main graph: of its inside nothing else is seen."""
    analysis = analyse(model)
    main = analysis.scopes[0]
    made = {name for node in model.graph.node if node.op_type in CONTROL_FLOW for name in node.output if name}
    return {name for name in made if analysis.types.of(main, name).is_float}


@dataclass
class _Seen:
    """Of one sample: where tensors are not finite, and where their readers' rounding makes them so."""

    stored: dict[str, Mask] = field(default_factory=dict)
    read: dict[Key, Mask] = field(default_factory=dict)
    nan: dict[str, Mask] = field(default_factory=dict)


@dataclass
class _Found:
    """A ``Reading`` in the making."""

    overflows: bool = False
    goes_on: bool = False
    lost: bool = False
    nan: bool = False
    agrees: bool = True


class _Watch:
    """Adds up what is seen."""

    def __init__(self, graph: _Graph, rounds: Mapping[str, Mapping[str, Precision]]) -> None:
        self.graph, self.rounds = graph, rounds
        self.tensors: set[str] = set()
        self.beyond: set[str] = set()
        self.found: dict[Key, _Found] = defaultdict(_Found)
        formats = {precision for readers in rounds.values() for precision in readers.values()}
        self._quiet = min((ROWS[precision].largest for precision in formats), default=np.inf)

    def see(self, seen: _Seen, name: str, expected: Array, actual: Array) -> None:
        """One tensor of one sample, after all that its writer reads."""
        self._note(seen, name, expected, actual)
        writer = self.graph.source.get(name, "")
        for tensor in self.graph.inputs.get(writer, ()):
            places = _either(seen.stored.get(tensor), seen.read.get((tensor, writer)))
            if places is not None:
                self._follow(seen, (tensor, writer), places, name, expected, actual)

    def _note(self, seen: _Seen, name: str, expected: Array, actual: Array) -> None:
        """Where the tensor is not finite, stored or as it is read."""
        if not actual.size or max(actual.max(), -actual.min()) < self._quiet:  # not so where there is a NaN
            return
        meant = np.isfinite(expected)
        stored = ~np.isfinite(actual) & meant
        if stored.any():
            self.tensors.add(name)
            seen.stored[name], seen.nan[name] = stored, np.isnan(actual) & meant
            if np.abs(expected[stored]).max() > self._quiet:
                self.beyond.add(name)
            self._hide(name, seen.nan[name])
        for reader, precision in self.rounds.get(name, {}).items():
            read = ~np.isfinite(round_to(actual, precision)) & np.isfinite(actual) & meant
            if read.any():
                seen.read[name, reader] = read
                self.found[name, reader].overflows = True
                if reader in self.graph.hidden:
                    self.found[name, reader].lost = True

    def _hide(self, name: str, nan: Mask) -> None:
        """What nobody sees the outcome of is lost there."""
        ends = [""] if name in self.graph.outputs else []
        for reader in (*ends, *(node for node in self.graph.readers[name] if node in self.graph.hidden)):
            self.found[name, reader].lost = True
            self.found[name, reader].nan |= bool(nan.any())

    def _follow(self, seen: _Seen, key: Key, places: Mask, name: str, expected: Array, actual: Array) -> None:
        """What became of the ``places`` of a tensor in ``name``, which its reader writes."""
        found = self.found[key]
        after = seen.stored.get(name, np.zeros(actual.shape, bool))
        found.goes_on |= bool(after.any())
        before, nan = (_spread(mask, after) for mask in (places, seen.nan.get(key[0], np.zeros(places.shape, bool))))
        lost = before & ~after & np.isfinite(actual)
        if lost.any():
            found.lost = True
            found.nan |= bool((nan & lost).any())
            found.agrees &= compare(expected[lost], actual[lost]).differing_share <= WRONG

    def inside(self) -> Inside:
        """The sum."""
        graph = self.graph
        readings = tuple(
            Reading(tensor, graph.source.get(tensor, ""), node, graph.ops.get(node, OUTPUT), **vars(found))
            for (tensor, node), found in self.found.items()
        )
        return Inside(graph.order, frozenset(self.tensors), frozenset(self.beyond), readings)


def _either(stored: Mask | None, read: Mask | None) -> Mask | None:
    return read if stored is None else stored if read is None else stored | read


def _spread(mask: Mask, after: Mask) -> Mask:
    """``mask`` as far as an elementwise operator spreads it; where shapes do not tell, everywhere or nowhere."""
    try:
        return np.broadcast_to(mask, after.shape)
    except ValueError:
        return np.full(after.shape, mask.any() and not after.any())
