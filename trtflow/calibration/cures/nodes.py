"""Cures of quantized nodes, tried where they suit: each proposes itself, and the end outputs judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from trtflow.calibration.cures.bench import Bench, Trial, WeightedNode
from trtflow.cures import NodeCure, adjustments
from trtflow.cures.base import Adjustment, HarmedNode
from trtflow.data import Array
from trtflow.numerics.quantize import on_grid, scale_for

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class NodeTrials:
    """Trials of one kind of cure."""

    kind: type[NodeCure]

    def places(self, bench: Bench) -> Mapping[str, Callable[[], Trial]]:
        """Every harmed node with constant weights that it suits."""
        chosen = [entry for entry in bench.weighted() if self.kind.suits(entry.node, entry.scope)]
        means = channel_means(bench, chosen) if self.kind.needs_means else {}
        return {entry.site.node: partial(self._try, bench, entry, means) for entry in chosen}

    def _try(self, bench: Bench, entry: WeightedNode, means: Mapping[str, Wide]) -> Trial:
        harmed = HarmedNode(
            node=entry.node,
            weight=entry.weight,
            axis=entry.axis,
            precision=bench.settings.precision,
            adjustment=adjustments(bench.state.cures).get(entry.site.node, Adjustment()),
            means=means.get(entry.site.tensors[0]),
        )
        return bench.measure(self.kind.propose(harmed, bench.error((entry.site.node,))))


def channel_means(bench: Bench, chosen: Sequence[WeightedNode]) -> dict[str, Wide]:
    """Of each tensor that ``chosen`` read, the mean of every channel before and after its Q/DQ pair."""
    axes = {entry.site.tensors[0]: 1 if entry.node.op_type == "Conv" else -1 for entry in chosen}
    if not axes:
        return {}
    precision = bench.settings.precision
    steps = {name: scale_for(bench.state.tensors[name].amax, precision) for name in axes}

    def sums(name: str, found: Array) -> Wide:
        rounded = on_grid(found.astype(np.float32), steps[name], precision)
        return np.stack([_channel_sums(part, axes[name]) for part in (found, rounded, np.ones_like(found))])

    totals = bench.staged(axes).fold(sums, lambda a, b: a + b, "means", bench.progress)
    return {name: total[:2] / total[2] for name, total in totals.items()}


def _channel_sums(array: Array, axis: int) -> Wide:
    rest = tuple(place for place in range(array.ndim) if place != axis % array.ndim)
    return np.asarray(array.sum(axis=rest, dtype=np.float64))
