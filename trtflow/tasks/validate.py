"""Hold a rewritten model, executed as it is typed, against the FP32 reference."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.files.outcomes import VerdictDocument
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.evaluate import UserMetric
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.judge import Conditions, Judge


def validate(
    reference: ModelProto,
    candidate: ModelProto,
    data: Iterable[Sample],
    *,
    accept: Conditions | None = None,
    metric: UserMetric | None = None,
    hooks: Hooks = SILENT,
) -> VerdictDocument:
    """Measure ``candidate`` on all of ``data`` and judge it.

    Raises:
        MetricError: a condition names a metric that cannot be measured.

    Example:
        >>> trtflow.validate(model, mixed, data, accept={"iou": {"drop": 0.005}}).accepted
        True
    """
    judge = Judge(metric=metric) if accept is None else Judge(accept, metric)
    evaluator = judge.evaluator(reference, list(data), hooks)
    measured = evaluator.measure(TypedRunner(candidate))
    verdict = evaluator.judge(measured)
    return VerdictDocument(
        accepted=verdict.accepted,
        samples=len(evaluator.samples),
        reference=evaluator.reference.metrics,
        candidate=measured.metrics,
        margins=verdict.margins,
        accept=judge.accept,
    )
