"""Measure a model by its end metrics: the one way in which trtflow decides whether a plan or a file is good."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trtflow.data import Array, Sample
from trtflow.errors import MetricError
from trtflow.numerics.accept import Accept, Verdict
from trtflow.numerics.metrics import METRICS, start
from trtflow.progress import Progress, silent
from trtflow.runners.backend import Runner
from trtflow.runners.known import Known, spreads

UserMetric = Callable[[Sequence[Mapping[str, Array]], Sequence[object]], Mapping[str, float]]


@dataclass(frozen=True)
class Measurement:
    """End metrics over samples, and the SQNR of each sample in dB.

    -inf: not finite where FP32 is; NaN: nothing was compared.
    """

    metrics: Mapping[str, float]
    sample_sqnr: tuple[float, ...]

    @property
    def error(self) -> float:
        """Noise over signal as a ratio of energies, over all samples; inf when anything is not finite."""
        sqnr = self.metrics["sqnr"]
        return math.inf if math.isnan(sqnr) or sqnr == -math.inf else 10.0 ** (-sqnr / 10.0)

    def hardest(self, count: int) -> tuple[int, ...]:
        """The places of the ``count`` samples of lowest SQNR, those last of which nothing could be compared."""
        levels = [math.inf if math.isnan(level) else level for level in self.sample_sqnr]
        return tuple(sorted(range(len(levels)), key=levels.__getitem__)[:count])


class Evaluator:
    """Holds the samples and the reference's outputs, and measures runners against them.

    ``metric`` is the user's function; metrics that ``accept`` names and the function does not return are the
    built-in ones. SQNR is always measured, since it tells by how much a refused plan failed.

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
    ) -> None:
        self.samples, self._metric, self._known = samples, metric, known
        with reference:
            self._expected = [self._forward(reference, sample, i, progress) for i, sample in enumerate(samples)]
        self.silent = known.finish() if known else ()
        own = {} if metric is None else self._call(self._expected, range(len(samples)))
        self._builtins = tuple(dict.fromkeys([*(name for name in accept if name not in own), "sqnr"]))
        self.accept = Accept.parse(accept, known=(*own, *METRICS))
        self.reference = self._score(self._expected, range(len(samples)))

    def _forward(self, runner: Runner, sample: Sample, index: int, progress: Progress) -> dict[str, Array]:
        progress(index, len(self.samples), "reference")
        outputs = runner(sample.feed)
        if self._known:
            self._known.see(sample, spreads(outputs))
        return outputs

    def over(self, chosen: Sequence[int]) -> Evaluator:
        """What measures on the samples at ``chosen`` alone; the reference does not run again."""
        part = copy.copy(self)
        part.samples = [self.samples[index] for index in chosen]
        part._expected = [self._expected[index] for index in chosen]
        part.reference = part.subset(range(len(chosen)))
        return part

    def measure(self, runner: Runner, indices: Sequence[int] | None = None) -> Measurement:
        """The metrics of ``runner`` over all samples, or those at ``indices``."""
        chosen = range(len(self.samples)) if indices is None else indices
        return self._score(self.run(runner, chosen), chosen)

    def run(self, runner: Runner, indices: Sequence[int]) -> list[Mapping[str, Array]]:
        """The outputs of ``runner`` on the samples at ``indices``."""
        with runner:
            return [runner(self.samples[index].feed) for index in indices]

    def score(self, outputs: Sequence[Mapping[str, Array]], indices: Sequence[int]) -> Measurement:
        """The metrics of ``outputs`` on the samples at ``indices``."""
        return self._score(outputs, indices)

    @property
    def expected(self) -> Sequence[Mapping[str, Array]]:
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
        return self.accept.judge(same.metrics, measured.metrics)

    def subset(self, indices: Sequence[int]) -> Measurement:
        """The reference's own metrics over the samples at ``indices``."""
        return self._score([self._expected[index] for index in indices], indices)

    def _score(self, outputs: Sequence[Mapping[str, Array]], indices: Sequence[int]) -> Measurement:
        metrics = start(self._builtins)
        levels = []
        for index, output in zip(indices, outputs, strict=True):
            single = start(["sqnr"])["sqnr"]
            for metric in (*metrics.values(), single):
                metric.update(output, self._expected[index], self.samples[index].label)
            levels.append(single.value())
        own = {} if self._metric is None else self._call(outputs, indices)
        return Measurement({**{name: metric.value() for name, metric in metrics.items()}, **own}, tuple(levels))

    def _call(self, outputs: Sequence[Mapping[str, Array]], indices: Sequence[int]) -> dict[str, float]:
        assert self._metric is not None  # noqa: S101 - only called when there is one
        labels = [self.samples[index].label for index in indices]
        try:
            found: Any = self._metric(outputs, labels)
            return {str(name): float(value) for name, value in found.items()}
        except Exception as error:  # the user's function may raise anything
            raise MetricError(
                f"the metric function raised {type(error).__name__}: {error}; expected "
                "(outputs, labels) -> {name: number}, outputs in the order of the samples."
            ) from error
