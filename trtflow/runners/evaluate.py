"""Measure a model by its end metrics: the one way in which trtflow decides whether a plan or a file is good."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from onnx import ModelProto

from trtflow.data import Array, Sample
from trtflow.errors import MetricError
from trtflow.model.selection import NOTHING, Selection
from trtflow.numerics.accept import Accept, Verdict
from trtflow.numerics.accumulators import Distance
from trtflow.numerics.matched import Matched
from trtflow.numerics.metrics import DISTANCES, MATCHED, METRICS, Metric, start
from trtflow.numerics.parts import Parts
from trtflow.progress import Progress, silent
from trtflow.runners.backend import Runner
from trtflow.runners.known import Known, spreads
from trtflow.runners.outputs import Kept
from trtflow.runners.parts import learn_parts
from trtflow.runners.user_metric import UserMetric as UserMetric
from trtflow.runners.user_metric import measured_by
from trtflow.user_code import place


@dataclass(frozen=True)
class Measurement:
    """End metrics over samples, and the SQNR of each sample in dB.

    -inf: not finite where FP32 is; NaN: nothing was compared. ``decided_by`` names, by metric, the worst of several
    outputs or parts of one.
    """

    metrics: Mapping[str, float]
    sample_sqnr: tuple[float, ...]
    decided_by: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> float:
        """Noise over signal as a ratio of energies, over all samples; inf when anything is not finite."""
        sqnr = self.metrics.get("sqnr", math.nan)
        return math.inf if math.isnan(sqnr) or sqnr == -math.inf else 10.0 ** (-sqnr / 10.0)

    def hardest(self, count: int) -> tuple[int, ...]:
        """The places of the ``count`` samples of lowest SQNR, those last of which nothing could be compared."""
        levels = [math.inf if math.isnan(level) else level for level in self.sample_sqnr]
        return tuple(sorted(range(len(levels)), key=levels.__getitem__)[:count])


class Evaluator:
    """Holds the samples and the reference's outputs, and measures runners against them.

    ``metric`` is the user's function; metrics that ``accept`` names and the function does not return are the
    built-in ones. SQNR is always measured, since it tells by how much a refused plan failed.

    ``selection`` says which outputs SQNR and its kin leave to ``matched``, and which tensors they look at instead,
    which runners return behind the outputs. A runner that returns none of them (an engine) is judged without. With
    ``model``, which the reference runs, they judge each part of each of these; the worst counts.

    Outputs beyond ``outputs.LIMIT`` bytes lie in a file, and built-in metrics read them sample by sample.

    With ``known``, outputs that are no reference are refused, and ``silent`` names the samples that tell nothing.

    Raises:
        DataError: they are refused.
        MetricError: the user's function fails, or a condition names an unknown metric.
    """

    def __init__(
        self,
        reference: Runner,
        samples: Sequence[Sample],
        accept: Mapping[str, object],
        metric: UserMetric | None = None,
        progress: Progress = silent,
        known: Known | None = None,
        selection: Selection = NOTHING,
        model: ModelProto | None = None,
    ) -> None:
        self.samples, self._metric, self._known, self.selection = samples, metric, known, selection
        with reference:
            self._expected = Kept(self._forward(reference, sample, i, progress) for i, sample in enumerate(samples))
        self.silent = known.finish() if known else ()
        self._parts = Parts() if model is None else learn_parts(model, samples, self._expected)
        self._sounding = [self._parts.sounding(outputs) for outputs in self._expected]
        own = {} if metric is None else self._call(self._expected, range(len(samples)))
        self._builtins = tuple(dict.fromkeys([*(name for name in accept if name not in own), "sqnr"]))
        self.accept = Accept.parse(accept, known=(*own, *METRICS))
        self.reference = self.score(self._expected, range(len(samples)))
        self._check_numbers(own)
        for name in self.accept.metrics:
            if name not in self.reference.metrics:
                raise MetricError(f"{name}: no floating-point output was evaluated; expected at least one")

    def _check_numbers(self, own: Mapping[str, float]) -> None:
        """A metric that is NaN on the reference's own outputs judges no other's."""
        nan = [name for name in self.accept.metrics if math.isnan(own.get(name, 0.0))]
        if nan and self._metric is not None:
            where = place(self._metric)
            raise MetricError(
                f"the metric function ({where}) returned NaN for '{nan[0]}' on FP32's own outputs, so nothing can be "
                "judged by it; expected a number. An empty mean or 0/0 is NaN: leave out what has no such case."
            )

    def _forward(self, runner: Runner, sample: Sample, index: int, progress: Progress) -> dict[str, Array]:
        progress(index, len(self.samples), "reference")
        outputs = runner(sample.feed)
        if self._known:
            self._known.see(sample, spreads(self._own(outputs)))
        return outputs

    def over(self, chosen: Sequence[int]) -> Evaluator:
        """What measures on the samples at ``chosen`` alone; the reference does not run again."""
        part = copy.copy(self)
        part.samples = [self.samples[index] for index in chosen]
        part._expected = self._expected.at(chosen)
        part._sounding = [self._sounding[index] for index in chosen]
        part.reference = part.subset(range(len(chosen)))
        return part

    def measure(self, runner: Runner, indices: Sequence[int] | None = None) -> Measurement:
        """The metrics of ``runner`` over all samples, or those at ``indices``."""
        chosen = range(len(self.samples)) if indices is None else indices
        if self._metric is not None:
            return self.score(self.run(runner, chosen), chosen)
        with runner:
            return self._compared((runner(self.samples[index].feed) for index in chosen), chosen)

    def run(self, runner: Runner, indices: Sequence[int]) -> Kept:
        """The outputs of ``runner`` on the samples at ``indices``."""
        with runner:
            return Kept(runner(self.samples[index].feed) for index in indices)

    def score(self, outputs: Sequence[Mapping[str, Array]], indices: Sequence[int]) -> Measurement:
        """The metrics of ``outputs`` on the samples at ``indices``."""
        found = self._compared(outputs, indices)
        if self._metric is None:
            return found
        own = self._call(outputs if isinstance(outputs, Kept) else Kept(outputs), indices)
        decided_by = {name: part for name, part in found.decided_by.items() if name not in own}
        return Measurement({**found.metrics, **own}, found.sample_sqnr, decided_by)

    def level(self, output: Mapping[str, Array], index: int) -> float:
        """The SQNR of ``output`` on the sample at ``index`` alone, in dB; NaN where nothing can be compared."""
        return self._level(output, self._expected[index], index)

    def _level(self, output: Mapping[str, Array], expected: Mapping[str, Array], index: int) -> float:
        alone = start(["sqnr"])
        self._update(alone, output, expected, index, self._sounding[index])
        return _told(alone).get("sqnr", math.nan)

    @property
    def expected(self) -> Kept:
        """The reference's outputs on all samples."""
        return self._expected

    def builtin(self) -> Evaluator:
        """What measures the built-in metrics alone, and does not call the user's function."""
        part = copy.copy(self)
        part._metric = None
        return part

    def judge(self, measured: Measurement, indices: Sequence[int] | None = None) -> Verdict:
        """Hold ``measured`` against the conditions, relative to the reference over the same samples."""
        same = self.reference if indices is None else self.subset(indices)
        told = [c for c in self.accept.conditions if c.metric in measured.metrics or c.metric not in DISTANCES]
        unseen = dict.fromkeys(DISTANCES - measured.metrics.keys(), math.nan)
        accept = Accept(tuple(told)) if told else self.accept
        return accept.judge(same.metrics, {**unseen, **measured.metrics})

    def subset(self, indices: Sequence[int]) -> Measurement:
        """The reference's own metrics over the samples at ``indices``."""
        return self.score(self._expected.at(indices), indices)

    def _compared(self, outputs: Iterable[Mapping[str, Array]], indices: Sequence[int]) -> Measurement:
        """The built-in metrics; one sample of ``outputs`` is looked at at a time."""
        metrics = start(self._builtins)
        if MATCHED in metrics:
            metrics[MATCHED] = Matched(self.selection.groups)
        sounding = frozenset[str]().union(*(self._sounding[index] for index in indices))
        levels = []
        for index, output in zip(indices, outputs, strict=True):
            expected = self._expected[index]
            self._update(metrics, output, expected, index, sounding)
            levels.append(self._level(output, expected, index))
        worst = {name: metric.decided_by() for name, metric in metrics.items() if isinstance(metric, Distance)}
        return Measurement(_told(metrics), tuple(levels), {name: part for name, part in worst.items() if part})

    def _update(
        self,
        metrics: Mapping[str, Metric],
        output: Mapping[str, Array],
        expected: Mapping[str, Array],
        index: int,
        sounding: frozenset[str],
    ) -> None:
        """Take in a sample. Distances hear what no selection decides, part by part, of those where FP32 has a signal.

        All others look at the model's own outputs.
        """
        label = self.samples[index].label
        numbers = self._numbers(expected, output)
        shown = {name: array for name, array in output.items() if name in numbers}
        parts = self._parts.split(shown, sounding), self._parts.split(numbers, sounding)
        own = self._own(output), self._own(expected)
        for metric in metrics.values():
            metric.update(*(parts if isinstance(metric, Distance) else own), label)

    def _own(self, outputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs of the model, without the tensors before a selection."""
        return {name: array for name, array in outputs.items() if name not in self.selection.before}

    def _numbers(self, expected: Mapping[str, Array], output: Mapping[str, Array]) -> dict[str, Array]:
        """What no selection decides, as far as the runner shows it."""
        hidden = {*self.selection.outputs, *(set(self.selection.before) - output.keys())}
        return {name: array for name, array in expected.items() if name not in hidden}

    def _call(self, outputs: Kept, indices: Sequence[int]) -> dict[str, float]:
        assert self._metric is not None  # noqa: S101 - only called when there is one
        labels = [self.samples[index].label for index in indices]
        return measured_by(self._metric, outputs.without(self.selection.before), labels)


def _told(metrics: Mapping[str, Metric]) -> dict[str, float]:
    """The values of ``metrics``, less those of distances to which the runner showed nothing."""
    seen = {name: metric for name, metric in metrics.items() if not isinstance(metric, Distance) or metric.energies}
    return {name: metric.value() for name, metric in seen.items()}
