"""The baseline: a condition that FP32 itself does not meet ends a search before it begins."""

from __future__ import annotations

from collections.abc import Iterator

from trtflow.files.search import SearchDocument
from trtflow.numerics.accept import Condition
from trtflow.precision import Precision
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.registry import EMULATED
from trtflow.tasks.judge import Judge
from trtflow.tasks.searching import SearchSettings, made_by

ADVICE = {"min": "lower the bound or use drop", "max": "raise the bound or use rise"}


def missed_conditions(evaluator: Evaluator) -> str:
    """Each condition that the reference itself does not meet, with both numbers; empty where it meets all."""
    return "; ".join(_missed(evaluator))


def _missed(evaluator: Evaluator) -> Iterator[str]:
    margins = evaluator.judge(evaluator.reference).margins
    for condition in evaluator.accept.conditions:
        if margins[condition.name] < 0:
            yield _sentence(condition, evaluator.reference.metrics[condition.metric])


def _sentence(condition: Condition, measured: float) -> str:
    advice = ADVICE.get(condition.kind, f"mend what computes {condition.metric}")
    return (
        f"accept.{condition.name} is {condition.bound:.6g} and FP32 itself has {measured:.6g}: "
        f"no precision can meet it; {advice}"
    )


def unsearched(
    settings: SearchSettings, judge: Judge, low: Precision, data: str, samples: int, runner: str = EMULATED
) -> SearchDocument:
    """The outcome where there is nothing to search: no node can take ``low``."""
    return SearchDocument(
        strategy=settings.strategy,
        made_by=made_by(runner),
        data=data,
        low=low,
        accepted=True,
        minimal=True,
        reason=f"nothing in it can take {low}",
        kept=(),
        lowered=0,
        accept=judge.accept,
        cost=0.0,
        node_costs={},
        samples=samples,
        held_out=0,
        judged_on=samples,
        metrics={},
    )


def stopped(search: SearchDocument, missed: str, evaluator: Evaluator) -> SearchDocument:
    """``search`` as one that the reference itself stops, for what it ``missed``."""
    reference = {"reference": evaluator.reference.metrics}
    changes = {"accepted": False, "minimal": False, "reason": missed, "missed": missed, "metrics": reference}
    return search.model_copy(update=changes)
