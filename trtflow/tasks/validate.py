"""Hold a rewritten model, executed as it is typed, against the FP32 reference."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.files.outcomes import VerdictDocument
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.evaluate import UserMetric
from trtflow.tasks.hooks import SILENT, Hooks
from trtflow.tasks.judge import Conditions, judge_by


def validate(
    reference: ModelProto,
    candidate: ModelProto,
    data: Iterable[Sample],
    *,
    accept: Conditions | None = None,
    metric: UserMetric | None = None,
    allow_nonfinite: bool = False,
    hooks: Hooks = SILENT,
) -> VerdictDocument:
    """Measure ``candidate`` on all of ``data`` and judge it.
    ``allow_nonfinite``: FP32's own outputs may hold NaN and infinity, masked scores, say.

    Raises:
        DataError: FP32's own outputs are not finite, or zero on every sample.
        MetricError: a condition names a metric that cannot be measured.

    Example:
        >>> trtflow.validate(model, mixed, data, accept={"iou": {"drop": 0.005}}).accepted
        True
    """
    judge = judge_by(accept, metric, allow_nonfinite)
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
        worst_sample=measured.hardest(1)[0] if measured.error else None,
        silent=evaluator.silent,
    )
