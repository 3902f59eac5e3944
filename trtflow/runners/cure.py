"""Cures for INT8, each measured before and after at the end outputs, and applied only where it wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from trtflow.data import Array, Dataset, Sample
from trtflow.graph.constants import values
from trtflow.graph.correct import bias_correction, clipped_amax
from trtflow.graph.equalize import Transfer, target_amax, transfer_ranges, transfers
from trtflow.graph.nodes import analyse
from trtflow.graph.placement import Site, Weight
from trtflow.graph.quantize import quantizable
from trtflow.numerics.calibration import METHODS, Method
from trtflow.numerics.quantise import on_grid, scale_for
from trtflow.precision.plan import PrecisionPlan
from trtflow.precision.scales import TensorScale
from trtflow.runners.calibrate import Choice, calibrate
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.onnxrt import ReferenceRunner
from trtflow.runners.quantized import QuantizedRunner, Ranges
from trtflow.runners.stream import Stream

Progress = Callable[[int, int | None, str], None]
Precision = Literal["int8", "fp8"]

WINS = 0.9  # of the error before: a cure that does not save a tenth is not worth a changed network
HARM = 1e-4  # noise over signal of a node alone (40 dB) from which on a cure is worth trying
MOST = 32  # nodes that are tried at most, the worst ones
BALANCES = (0.5, 0.75)  # how much of the spread moves from the activations into the weights
LIMIT = 64.0  # a channel's factor at most, either way


@dataclass(frozen=True)
class Attempt:
    """One cure tried: the noise over signal at the end outputs with only ``nodes`` quantised, before and after."""

    kind: str
    subject: str
    nodes: tuple[str, ...]
    before: float
    after: float
    applied: bool


@dataclass(frozen=True)
class Cured:
    """The network (the same in FP32), the scales that changed with it, the adjustments, and all attempts."""

    model: ModelProto
    tensors: Mapping[str, TensorScale]
    ranges: Ranges
    attempts: tuple[Attempt, ...]


def cure(
    model: ModelProto,
    tensors: Mapping[str, TensorScale],
    data: Dataset,
    samples: Sequence[Sample],
    precision: Precision = "int8",
    progress: Progress = lambda done, total, text: None,
) -> Cured:
    """Try every cure at the nodes that ``precision`` harms most; ``samples`` judge, ``data`` calibrate anew."""
    work = _Work(model, dict(tensors), data, samples, precision, progress)
    work.transfer()
    work.adjust()
    return Cured(work.model, work.tensors, work.ranges, tuple(work.attempts))


@dataclass
class _Work:
    model: ModelProto
    tensors: dict[str, TensorScale]
    data: Dataset
    samples: Sequence[Sample]
    precision: Precision
    progress: Progress
    attempts: list[Attempt] = field(default_factory=list)
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    biases: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._evaluator = Evaluator(ReferenceRunner(self.model), self.samples, {"sqnr": {"min": 0.0}})
        amax = self.ranges.activations
        found = quantizable(self.model, outputs=True)
        self.sites = {site.node: site for site in found if all(amax.get(name, 0) > 0 for name in site.tensors)}
        alone = {node: self._error((node,)) for node in self.sites}
        self._harmed = set(_most(alone))

    @property
    def ranges(self) -> Ranges:
        return Ranges({name: scale.amax for name, scale in self.tensors.items()}, self.weights, self.biases)

    def _error(self, nodes: Iterable[str], model: ModelProto | None = None, ranges: Ranges | None = None) -> float:
        plan = PrecisionPlan("fp32").assign(nodes, self.precision)
        return self._evaluator.measure(QuantizedRunner(model or self.model, plan, ranges or self.ranges)).error

    def transfer(self) -> None:
        """Equalisation and migration, tensor by tensor."""
        found = [t for t in transfers(self.model) if self._harmed.intersection(t.readers) <= self.sites.keys()]
        found = [t for t in found if self._harmed.intersection(t.readers) and self.sites.keys() >= set(t.readers)]
        if not found:
            return
        axes = {transfer.tensor: transfer.axis for transfer in found}
        stream = Stream(self.model, list(axes), self.data)
        peaks = stream.fold("channels", lambda name, array: _channel_peaks(array, axes[name]), np.maximum)
        for index, transfer in enumerate(found):
            self.progress(index, len(found), f"{transfer.kind} at {transfer.tensor}")
            self._try_transfer(transfer, peaks[transfer.tensor])

    def _try_transfer(self, transfer: Transfer, peaks: NDArray[np.float32]) -> None:
        before = self._error(transfer.readers)
        trials = []
        for balance in BALANCES:
            factors = _factors(peaks, target_amax(self.model, transfer), balance)
            changed = transfer_ranges(self.model, transfer, factors)
            scale = self._calibrated(changed, transfer)
            ranges = replace(self.ranges, activations={**self.ranges.activations, transfer.tensor: scale.amax})
            trials.append((self._error(transfer.readers, changed, ranges), changed, scale))
        after, changed, scale = min(trials, key=lambda trial: trial[0])
        applied = after < WINS * before
        self.attempts.append(Attempt(transfer.kind, transfer.tensor, transfer.readers, before, after, applied))
        if applied:
            self.model, self.tensors[transfer.tensor] = changed, scale

    def _calibrated(self, model: ModelProto, transfer: Transfer) -> TensorScale:
        """The scale of the rescaled tensor, by the method that it had."""
        method: Method = next((m for m in METHODS if m == self.tensors[transfer.tensor].method), "minmax")
        sites = [self.sites[node] for node in transfer.readers]
        return calibrate(model, sites, self.data, Choice(method, precision=self.precision)).tensors[transfer.tensor]

    def adjust(self) -> None:
        """Clipped weights, then corrected biases, node by node."""
        chosen = [site for node, site in self.sites.items() if node in self._harmed and site.weights]
        nodes = {node.name: node for node in self.model.graph.node}
        main = analyse(self.model).scopes[0]
        for index, site in enumerate(chosen):
            self.progress(index, len(chosen), f"weights of {site.node}")
            weight = site.weights[0]
            slot = nodes[site.node].input[weight.slot]  # a transfer may have renamed it
            held = main.constant(slot)
            assert held is not None  # noqa: S101 - a site's weight is a constant
            array = values(held).astype(np.float32)
            axis = weight.axis if self.precision == "int8" else None
            clipped = clipped_amax(array, axis, self.precision)
            self._try("weight clipping", site, replace(self.ranges, weights={**self.weights, slot: clipped}))
            if nodes[site.node].op_type in ("Conv", "Gemm"):
                self._try_bias(site, nodes[site.node], array, replace(weight, tensor=slot, axis=axis))

    def _try_bias(self, site: Site, node: Any, array: NDArray[np.float32], weight: Weight) -> None:
        tensor, axis = site.tensors[0], 1 if node.op_type == "Conv" else -1
        step = scale_for(self.tensors[tensor].amax, self.precision)

        def sums(name: str, found: Array) -> NDArray[np.float64]:
            both = (found, on_grid(found.astype(np.float32), step, self.precision))
            return np.stack([*(_channel_sums(part, axis) for part in both), _channel_sums(np.ones_like(found), axis)])

        total = Stream(self.model, [tensor], self.data).fold("means", sums, lambda a, b: a + b)[tensor]
        exact, quantised = total[:2] / total[2]
        rounded = _rounded(array, weight.axis, self.weights.get(weight.tensor), self.precision)
        shift = bias_correction(node, array, rounded, exact, quantised)
        self._try("bias correction", site, replace(self.ranges, biases={**self.biases, site.node: shift}))

    def _try(self, kind: str, site: Site, ranges: Ranges) -> None:
        before, after = self._error((site.node,)), self._error((site.node,), ranges=ranges)
        applied = after < WINS * before
        self.attempts.append(Attempt(kind, site.node, (site.node,), before, after, applied))
        if applied:
            self.weights, self.biases = dict(ranges.weights), dict(ranges.biases)


def _most(errors: Mapping[str, float]) -> list[str]:
    """The nodes that are harmed, worst first."""
    harmed = [node for node, error in errors.items() if error >= HARM]
    return sorted(harmed, key=errors.__getitem__, reverse=True)[:MOST]


def _factors(peaks: NDArray[np.float32], weights: NDArray[np.float32], balance: float) -> NDArray[np.float32]:
    """SmoothQuant's factors, scaled so that the tensor's largest magnitude stays; 1 for dead channels."""
    live = (peaks > 0) & (weights > 0)
    ratio = np.where(live, peaks, 1.0) ** balance / np.where(live, weights, 1.0) ** (1 - balance)
    ratio = np.where(live, ratio, 1.0).astype(np.float64)
    ratio *= (peaks / ratio).max() / max(float(peaks.max()), 1e-30)
    return np.asarray(np.where(live, np.clip(ratio, 1 / LIMIT, LIMIT), 1.0), np.float32)


def _rest(array: Array, axis: int) -> tuple[int, ...]:
    return tuple(place for place in range(array.ndim) if place != axis % array.ndim)


def _channel_peaks(array: Array, axis: int) -> NDArray[np.float32]:
    return np.asarray(np.abs(array).max(axis=_rest(array, axis)), np.float32)


def _channel_sums(array: Array, axis: int) -> NDArray[np.float64]:
    return np.asarray(array.sum(axis=_rest(array, axis), dtype=np.float64))


def _rounded(
    array: NDArray[np.float32], axis: int | None, amax: NDArray[np.float32] | None, precision: str
) -> NDArray[np.float32]:
    """The weight as its codes stand for it."""
    rest = tuple(place for place in range(array.ndim) if place != axis)
    widest = np.abs(array).max(axis=rest if axis is not None else None) if amax is None else amax
    shape = [-1 if place == axis else 1 for place in range(array.ndim)] if axis is not None else [1] * array.ndim
    safe = np.where(widest > 0, widest, 1.0)
    return on_grid(array, scale_for(safe, precision).reshape(shape), precision)
