"""Competing ranges, tried on the end outputs: what ``method: auto`` decides by.

A local error would mislead: clipping one hot pixel costs more squared error than it gains at its own layer, and is
what saves the mask at the end. So each tensor is quantized alone, by each method's range, and the end outputs judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import ModelProto

from trtflow.data import Array, Sample
from trtflow.model.selection import selection, tapped
from trtflow.model.session import create_session
from trtflow.numerics.metrics import start
from trtflow.precision import INT8, Precision
from trtflow.progress import Progress, silent
from trtflow.qdq.placement import Site
from trtflow.qdq.trial_graph import gated
from trtflow.runners.outputs import Kept
from trtflow.runners.parts import learn_parts

EARNS = 0.6  # of the widest range's noise: what a clipped one may leave, for it clips more of samples not tried
DROWNS = 0.1  # noise over signal at the end outputs: 10 dB
ALIKE = 0.1  # ranges that differ by less are the same: a step 10 % wider is 0.8 dB more noise


class RangeTrial:
    """Tries ranges of activations on the end outputs, everything else in FP32."""

    def __init__(
        self, model: ModelProto, sites: Sequence[Site], samples: Sequence[Sample], precision: Precision = INT8
    ) -> None:
        self._gated, self._samples = gated(model, sites, precision), samples
        selected = selection(model)
        outputs = {value.name for value in model.graph.output} - selected.outputs
        self._names = [*sorted(outputs), *selected.before]
        self._session = create_session(tapped(self._gated.model, selected.before))
        self._exact = Kept(self._run(sample, {}) for sample in samples)
        self._parts = learn_parts(model, samples, self._exact)
        self._sounding = frozenset[str]().union(*map(self._parts.sounding, self._exact))

    def error(self, amax: Mapping[str, float]) -> float:
        """Noise over signal when the tensors of ``amax`` are quantized, of what hears it most.

        That is an output, a part of one, or a tensor before a selection.
        """
        metric = start(["sqnr"])["sqnr"]
        for sample, exact in zip(self._samples, self._exact, strict=True):
            found = self._run(sample, amax)
            metric.update(*(self._parts.split(outputs, self._sounding) for outputs in (found, exact)))
        return float(10.0 ** (-metric.value() / 10.0))

    def _run(self, sample: Sample, amax: Mapping[str, float]) -> dict[str, Array]:
        values = self._session.run(self._names, {**sample.feed, **self._gated.feed(amax)})
        return dict(zip(self._names, values, strict=True))


def best_ranges(
    trial: RangeTrial,
    thresholds: Mapping[str, Mapping[str, float]],
    progress: Progress = silent,
) -> dict[str, tuple[str, float]]:
    """Per tensor the method and amax of least error at the end outputs. ``thresholds``: tensor → method → amax.

    The widest range, ``minmax`` where it is asked for, comes first; another has to earn its clipping.
    Each tensor is tried alone, so that no other masks what a range does. Then all together, by these choices or by
    one method throughout, whichever is better: errors add up in ways that no tensor shows alone. A tensor that alone
    drowns the outputs is left out of that: beside it nothing else counts.
    """
    chosen: dict[str, tuple[str, float]] = {}
    audible: dict[str, tuple[str, float]] = {}
    for index, (tensor, found) in enumerate(thresholds.items()):
        progress(index, len(thresholds), tensor)
        distinct = _distinct(found)
        errors = {method: trial.error({tensor: amax}) for method, amax in distinct.items()}
        widest, best = next(iter(errors)), min(errors, key=errors.__getitem__)
        method = best if errors[best] <= EARNS * errors[widest] else widest
        chosen[tensor] = (method, distinct[method])
        if errors[method] < DROWNS:
            audible[tensor] = chosen[tensor]
    return {**chosen, **_together(trial, thresholds, audible)}


def _together(
    trial: RangeTrial, thresholds: Mapping[str, Mapping[str, float]], alone: Mapping[str, tuple[str, float]]
) -> Mapping[str, tuple[str, float]]:
    """The choices of ``alone``, or one method for all of its tensors; the widest need not earn anything."""
    methods = list(dict.fromkeys(method for tensor in alone for method in thresholds[tensor]))
    plans = [alone, *({t: (method, thresholds[t][method]) for t in alone} for method in methods)]
    errors = [trial.error({tensor: amax for tensor, (_, amax) in plan.items()}) for plan in plans]
    weighed = [*errors[:2], *(error / EARNS for error in errors[2:])]
    return plans[weighed.index(min(weighed))]


def _distinct(found: Mapping[str, float]) -> dict[str, float]:
    """The methods whose ranges are not those of an earlier one."""
    kept: dict[str, float] = {}
    for method, amax in found.items():
        if amax > 0 and not any(abs(amax - other) <= ALIKE * other for other in kept.values()):
            kept[method] = amax
    return kept or dict(found)
