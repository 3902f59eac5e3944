"""By what a model is judged: conditions on end metrics, some of them the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.model.selection import Selection, selection
from trtflow.numerics.accept import Kind
from trtflow.numerics.metrics import DISTANCES, MATCHED
from trtflow.runners.evaluate import Evaluator, UserMetric
from trtflow.runners.known import Known
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.hooks import SILENT, Hooks

Conditions = Mapping[str, Mapping[Kind, float]]
SAME: Mapping[Kind, float] = {"min": 0.95}
"""The share of what FP32 selects that must be found again where the user's conditions look at numbers alone."""


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

        Where outputs depend on a selection, numbers are compared before it, and ``matched`` joins the conditions if
        they would else look at numbers alone.

        Raises:
            DataError: the outputs of ``reference`` are none to judge by.
            MetricError: a condition names a metric that cannot be measured.
        """
        known = Known(self.allow_nonfinite)
        selected = selection(reference)
        runner = ReferenceRunner(reference, taps=selected.before)
        accept = self.conditions(selected)
        found = Evaluator(runner, samples, accept, self.metric, hooks.progress, known, selected, reference)
        for origin in found.silent:
            hooks.log(f"{origin}: FP32's outputs are zero, so it judges nothing")
        return found

    def conditions(self, selected: Selection) -> Conditions:
        """What must hold for a network of which ``selected`` depends on a selection."""
        joins = selected.groups and self.metric is None and DISTANCES & self.accept.keys()
        return {**self.accept, MATCHED: SAME} if joins and MATCHED not in self.accept else self.accept


def judge_by(accept: Conditions | None, metric: UserMetric | None, allow_nonfinite: bool) -> Judge:
    """The judge of these conditions, or of the usual ones."""
    judge = Judge(metric=metric, allow_nonfinite=allow_nonfinite)
    return judge if accept is None else replace(judge, accept=accept)
