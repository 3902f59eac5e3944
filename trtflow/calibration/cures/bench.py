"""What cures are tried on: a network whose quantized nodes can be measured alone, at the end outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto

from trtflow.cures import Cure
from trtflow.data import Dataset, Sample
from trtflow.files.scales import TensorScale
from trtflow.model.analysis import analyse
from trtflow.model.constants import values
from trtflow.model.scopes import Scope
from trtflow.model.selection import selection
from trtflow.numerics.calibration import Settings
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32
from trtflow.progress import Progress
from trtflow.qdq.insertion import channels
from trtflow.qdq.placement import Site
from trtflow.qdq.quantize import quantizable
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.quantized import QuantizedRunner, Ranges
from trtflow.runners.reference import ReferenceRunner
from trtflow.runners.staged import Staged
from trtflow.text import six_digits

HARM = 1e-4  # noise over signal of a node alone (40 dB) from which on a cure is worth trying
MOST = 32  # nodes that are tried at most, the worst ones


@dataclass(frozen=True)
class State:
    """A network (the same in FP32), the ranges of its activations, and the cures applied, in order."""

    model: ModelProto
    tensors: Mapping[str, TensorScale]
    cures: tuple[Cure, ...] = ()

    @property
    def ranges(self) -> Ranges:
        """What the network is quantized with."""
        return Ranges({name: entry.amax for name, entry in self.tensors.items()}, self.cures)


@dataclass(frozen=True)
class Trial:
    """A cure, measured, and the state with it applied."""

    cure: Cure
    state: State


@dataclass(frozen=True)
class WeightedNode:
    """A node that is harmed, with constant weights. ``axis``: of the channels that have a step each, if any."""

    site: Site
    node: NodeProto
    scope: Scope
    axis: int | None

    @property
    def weight(self) -> NDArray[np.float32]:
        """The weights, as the network has them now."""
        held = self.scope.constant(self.node.input[self.site.weights[0].slot])
        assert held is not None  # noqa: S101 - a site's weight is a constant
        return values(held).astype(np.float32)


class Bench:
    """``samples`` judge, ``data`` calibrate anew. ``state`` is what the cures so far have led to."""

    def __init__(
        self, state: State, data: Dataset, samples: Sequence[Sample], settings: Settings, progress: Progress
    ) -> None:
        self.state, self.settings, self.progress = state, settings, progress
        self._data = data
        selected, model = selection(state.model), state.model
        runner = ReferenceRunner(model, taps=selected.before)
        self._evaluator = Evaluator(runner, samples, {"sqnr": {"min": 0.0}}, selection=selected, model=model)
        amax = state.ranges.activations
        found = quantizable(state.model, outputs=True)
        self.sites = {site.node: site for site in found if all(amax.get(name, 0) > 0 for name in site.tensors)}
        self.harmed = frozenset(_most({node: self.error((node,)) for node in self.sites}))

    def error(self, nodes: Iterable[str], state: State | None = None) -> float:
        """Noise over signal at the end outputs with only ``nodes`` quantized, in ``state`` or as things are."""
        tried = state or self.state
        plan = PrecisionPlan(FP32).assign(nodes, self.settings.precision)
        taps = self._evaluator.selection.before
        return six_digits(self._evaluator.measure(QuantizedRunner(tried.model, plan, tried.ranges, taps=taps)).error)

    def measure(self, cure: Cure) -> Trial:
        """``cure`` of a node, whose ``after`` is not known yet, tried on the network as it is."""
        tried = replace(self.state, cures=(*self.state.cures, cure))
        known = cure.model_copy(update={"after": self.error(cure.nodes, tried)})
        return Trial(known, replace(tried, cures=(*self.state.cures, known)))

    def staged(self, tensors: Iterable[str]) -> Staged:
        """``tensors`` of the network as it is, over all calibration data."""
        return Staged(self.state.model, tensors, self._data)

    def weighted(self) -> list[WeightedNode]:
        """The nodes that are harmed and have constant weights, in topological order."""
        scope = analyse(self.state.model).scopes[0]
        nodes = {node.name: node for node in self.state.model.graph.node}
        return [
            WeightedNode(site, nodes[name], scope, channels(site.weights[0], self.settings.precision))
            for name, site in self.sites.items()
            if name in self.harmed and site.weights
        ]


def _most(errors: Mapping[str, float]) -> list[str]:
    """The nodes that are harmed, worst first."""
    harmed = [node for node, error in errors.items() if error >= HARM]
    return sorted(harmed, key=errors.__getitem__, reverse=True)[:MOST]
