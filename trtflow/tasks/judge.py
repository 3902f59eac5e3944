"""By what a model is judged: conditions on end metrics, some of them the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.numerics.accept import Kind
from trtflow.runners.evaluate import Evaluator, UserMetric
from trtflow.runners.known import Known
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.hooks import SILENT, Hooks

Conditions = Mapping[str, Mapping[Kind, float]]


@dataclass(frozen=True)
class Judge:
    """``accept`` as in a config, ``{"iou": {"drop": 0.005}}``; ``metric``: (outputs, labels) → {name: number}.

    ``allow_nonfinite``: FP32's own outputs may hold NaN and infinity.
    """

    accept: Conditions = field(default_factory=lambda: {"sqnr": {"min": 30.0}})
    metric: UserMetric | None = None
    allow_nonfinite: bool = False

    def evaluator(self, reference: ModelProto, samples: Sequence[Sample], hooks: Hooks = SILENT) -> Evaluator:
        """What measures candidates against ``reference`` on ``samples``.

        Raises:
            DataError: the outputs of ``reference`` are none to judge by.
            MetricError: a condition names a metric that cannot be measured.
        """
        known = Known(self.allow_nonfinite)
        runner = ReferenceRunner(reference)
        found = Evaluator(runner, samples, self.accept, self.metric, hooks.progress, known, reference)
        for origin in found.silent:
            hooks.log(f"{origin}: FP32's outputs are zero, so it judges nothing")
        return found


def judge_by(accept: Conditions | None, metric: UserMetric | None, allow_nonfinite: bool) -> Judge:
    """The judge of these conditions, or of the usual ones."""
    judge = Judge(metric=metric, allow_nonfinite=allow_nonfinite)
    return judge if accept is None else replace(judge, accept=accept)
