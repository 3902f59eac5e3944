"""Cures for INT8, each measured before and after at the end outputs, and applied only where it wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto

from trtflow.calibration.rescaled import Candidates, Shifts, rescaled_scales
from trtflow.calibration.stream import Stream
from trtflow.data import Array, Dataset, Sample
from trtflow.files.cures import Clipping, Correction, Cure, Rescaling
from trtflow.files.scales import TensorScale
from trtflow.model.analysis import analyse
from trtflow.model.constants import values
from trtflow.numerics.calibration import Settings
from trtflow.numerics.quantize import along, on_grid, scale_for, weight_scale
from trtflow.numerics.ranges import channel_peaks
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32
from trtflow.qdq.insertion import channels
from trtflow.qdq.placement import Site
from trtflow.qdq.quantize import quantizable
from trtflow.qdq.rescaling import Transfer, target_amax, transfer_ranges, transfers
from trtflow.qdq.weights import bias_correction, clip_shares, takes_correction
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.quantized import QuantizedRunner, Ranges
from trtflow.runners.reference import ReferenceRunner
from trtflow.text import six_digits

Progress = Callable[[int, int | None, str], None]

DEFAULTS = Settings()
WINS = 0.9  # of the error before: a cure that does not save a tenth is not worth a changed network
HARM = 1e-4  # noise over signal of a node alone (40 dB) from which on a cure is worth trying
MOST = 32  # nodes that are tried at most, the worst ones
BALANCES = (
    0.5,
    0.5625,
    0.625,
    0.6875,
    0.75,
)  # shares of the spread that are moved into the weights; rounding is luck
LIMIT = 6  # powers of two that a channel moves at most, either way


@dataclass(frozen=True)
class Attempt:
    """One cure tried, and whether it is applied."""

    cure: Cure
    applied: bool


@dataclass(frozen=True)
class Cured:
    """The network (the same in FP32), the scales that changed with it, and all attempts."""

    model: ModelProto
    tensors: Mapping[str, TensorScale]
    attempts: tuple[Attempt, ...]

    @property
    def cures(self) -> tuple[Cure, ...]:
        """Those that are applied, in order."""
        return tuple(attempt.cure for attempt in self.attempts if attempt.applied)

    @property
    def ranges(self) -> Ranges:
        """What the network is quantised with."""
        return Ranges({name: scale.amax for name, scale in self.tensors.items()}, self.cures)


def cure(
    model: ModelProto,
    tensors: Mapping[str, TensorScale],
    data: Dataset,
    samples: Sequence[Sample],
    settings: Settings = DEFAULTS,
    progress: Progress = lambda done, total, text: None,
) -> Cured:
    """Try every cure at the nodes that eight bits harm most; ``samples`` judge, ``data`` calibrate anew.

    ``settings`` are those of the calibration: its percentile holds for rescaled tensors, too.
    """
    work = _Work(model, dict(tensors), data, samples, settings, progress)
    work.transfer()
    work.adjust()
    return work.cured


@dataclass
class _Work:
    model: ModelProto
    tensors: dict[str, TensorScale]
    data: Dataset
    samples: Sequence[Sample]
    settings: Settings
    progress: Progress
    attempts: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._evaluator = Evaluator(ReferenceRunner(self.model), self.samples, {"sqnr": {"min": 0.0}})
        amax = self.cured.ranges.activations
        found = quantizable(self.model, outputs=True)
        self.sites = {site.node: site for site in found if all(amax.get(name, 0) > 0 for name in site.tensors)}
        alone = {node: self._error((node,)) for node in self.sites}
        self._harmed = set(_most(alone))

    @property
    def cured(self) -> Cured:
        """What is done so far."""
        return Cured(self.model, dict(self.tensors), tuple(self.attempts))

    def _error(self, nodes: Iterable[str], model: ModelProto | None = None, ranges: Ranges | None = None) -> float:
        plan = PrecisionPlan(FP32).assign(nodes, self.settings.precision)
        runner = QuantizedRunner(model or self.model, plan, ranges or self.cured.ranges)
        return six_digits(self._evaluator.measure(runner).error)

    def _judge(self, cure: Cure) -> bool:
        """Record ``cure``, and whether it is applied."""
        applied = cure.after < WINS * cure.before
        self.attempts.append(Attempt(cure, applied))
        return applied

    def transfer(self) -> None:
        """Equalisation and migration, tensor by tensor."""
        found = [t for t in transfers(self.model) if self._harmed.intersection(t.readers)]
        found = [t for t in found if self.sites.keys() >= set(t.readers)]
        if not found:
            return
        candidates = self._candidates(found)
        stream = Stream(self.model, list(candidates), self.data, progress=self.progress)
        scales = rescaled_scales(stream, candidates, self.settings)
        for index, transfer in enumerate(found):
            self.progress(index, len(found), f"{transfer.kind} at {transfer.tensor}")
            tensor = transfer.tensor
            self._try_transfer(transfer, list(zip(candidates[tensor].shifts, scales[tensor], strict=True)))

    def _candidates(self, found: Sequence[Transfer]) -> dict[str, Candidates]:
        """The ways to rescale each tensor of ``found``."""
        axes = {transfer.tensor: transfer.axis for transfer in found}
        stream = Stream(self.model, list(axes), self.data, progress=self.progress)
        peaks = stream.fold("channels", lambda name, array: np.asarray(channel_peaks(array, axes[name])), np.maximum)
        candidates = {}
        for transfer in found:
            wide, read = peaks[transfer.tensor], target_amax(self.model, transfer)
            shifts = tuple(dict.fromkeys(balanced_shifts(wide, read, balance) for balance in BALANCES))
            scale = self.tensors[transfer.tensor]
            candidates[transfer.tensor] = Candidates(transfer.axis, shifts, wide, scale)
        return candidates

    def _try_transfer(self, transfer: Transfer, ways: Sequence[tuple[Shifts, TensorScale]]) -> None:
        tensor, nodes = transfer.tensor, transfer.readers
        before, ranges = self._error(nodes), self.cured.ranges
        trials = []
        for shifts, scale in ways:
            changed = transfer_ranges(self.model, transfer, shifts)
            tried = replace(ranges, activations={**ranges.activations, tensor: scale.amax})
            trials.append((self._error(nodes, changed, tried), shifts, changed, scale))
        after, shifts, changed, scale = min(trials, key=lambda trial: trial[0])
        cure = Rescaling(kind=transfer.kind, subject=tensor, nodes=nodes, before=before, after=after, shifts=shifts)
        if self._judge(cure):
            self.model, self.tensors[tensor] = changed, scale

    def adjust(self) -> None:
        """Clipped weights, then corrected biases, node by node."""
        chosen = [site for node, site in self.sites.items() if node in self._harmed and site.weights]
        main = analyse(self.model).scopes[0]
        nodes = {node.name: node for node in self.model.graph.node}
        means = self._means({site: nodes[site.node] for site in chosen if takes_correction(nodes[site.node], main)})
        for index, site in enumerate(chosen):
            self.progress(index, len(chosen), f"weights of {site.node}")
            node, axis = nodes[site.node], channels(site.weights[0], self.settings.precision)
            held = main.constant(node.input[site.weights[0].slot])  # a transfer may have renamed it
            assert held is not None  # noqa: S101 - a site's weight is a constant
            weight = values(held).astype(np.float32)
            shares = self._try_clipping(site.node, clip_shares(weight, axis, self.settings.precision))
            if site.tensors[0] in means and takes_correction(node, main):
                grid = along(weight_scale(weight, axis, self.settings.precision, shares), axis, weight.ndim)
                rounded = on_grid(weight, grid, self.settings.precision)
                self._try_correction(site.node, bias_correction(node, weight, rounded, *means[site.tensors[0]]))

    def _means(self, nodes: Mapping[Site, NodeProto]) -> dict[str, NDArray[np.float64]]:
        """Of each tensor that ``nodes`` read, the mean of every channel before and after its Q/DQ pair."""
        axes = {site.tensors[0]: 1 if node.op_type == "Conv" else -1 for site, node in nodes.items()}
        if not axes:
            return {}
        steps = {name: scale_for(self.tensors[name].amax, self.settings.precision) for name in axes}

        def sums(name: str, found: Array) -> NDArray[np.float64]:
            rounded = on_grid(found.astype(np.float32), steps[name], self.settings.precision)
            return np.stack([_channel_sums(part, axes[name]) for part in (found, rounded, np.ones_like(found))])

        stream = Stream(self.model, list(axes), self.data, progress=self.progress)
        totals = stream.fold("means", sums, lambda a, b: a + b)
        return {name: total[:2] / total[2] for name, total in totals.items()}

    def _try_clipping(self, node: str, shares: tuple[float, ...]) -> tuple[float, ...]:
        """The shares that hold from now on."""
        before = self._error((node,))
        applied = self._try(Clipping(subject=node, nodes=(node,), before=before, after=before, shares=shares))
        return shares if applied else (1.0,)

    def _try_correction(self, node: str, shift: NDArray[np.float32]) -> None:
        before, bias = self._error((node,)), tuple(map(six_digits, shift.tolist()))
        self._try(Correction(subject=node, nodes=(node,), before=before, after=before, bias=bias))

    def _try(self, cure: Cure) -> bool:
        """Measure ``cure``, whose ``after`` is not known yet, and apply it where it wins."""
        ranges = replace(self.cured.ranges, cures=(*self.cured.cures, cure))
        return self._judge(cure.model_copy(update={"after": self._error(cure.nodes, ranges=ranges)}))


def _most(errors: Mapping[str, float]) -> list[str]:
    """The nodes that are harmed, worst first."""
    harmed = [node for node, error in errors.items() if error >= HARM]
    return sorted(harmed, key=errors.__getitem__, reverse=True)[:MOST]


def balanced_shifts(peaks: NDArray[np.float32], weights: NDArray[np.float32], balance: float) -> tuple[int, ...]:
    """SmoothQuant's factors as powers of two, so that the tensor's largest magnitude does not grow; 0: dead channels.

    ``peaks`` are the largest magnitudes of the channels, ``weights`` those of the weights that read them.
    """
    live = np.isfinite(peaks) & (peaks > 0) & (weights > 0)
    if not live.any():
        return (0,) * len(peaks)
    wide, read = (np.log2(np.where(live, array, 1.0).astype(np.float64)) for array in (peaks, weights))
    shifts = balance * wide - (1 - balance) * read
    for rounded in (np.rint, np.ceil):  # the largest magnitude stays before rounding, and does not grow by it
        shifts = rounded(shifts + (wide - shifts)[live].max() - wide[live].max())
    return tuple(np.where(live, np.clip(shifts, -LIMIT, LIMIT), 0).astype(int).tolist())


def _rest(array: Array, axis: int) -> tuple[int, ...]:
    return tuple(place for place in range(array.ndim) if place != axis % array.ndim)


def _channel_sums(array: Array, axis: int) -> NDArray[np.float64]:
    return np.asarray(array.sum(axis=_rest(array, axis), dtype=np.float64))
