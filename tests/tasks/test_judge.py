"""End metrics judge a candidate: the user's conditions, SQNR where there are none, metrics of one's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import pytest
from planted import rows

from trtflow.data import Sample
from trtflow.errors import ConfigError, MetricError
from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import EmulatedRunner
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.judge import Conditions, Judge

LOW, MIXED = PrecisionPlan("fp16"), PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})


def furthest(outputs: Sequence[Mapping[str, Any]], labels: Sequence[Any]) -> dict[str, float]:
    """How far an output lies from what the label says that it should be."""
    return {"furthest": max(float(abs(o["y"] - 1 - x).max()) for o, x in zip(outputs, labels, strict=True))}


def accepts(judge: Judge, model: onnx.ModelProto, plan: PrecisionPlan, *values: float) -> bool:
    evaluator = judge.evaluator(model, rows(*values))
    return evaluator.judge(evaluator.measure(EmulatedRunner(model, plan))).accepted


@pytest.mark.parametrize(
    ("plan", "values", "accepted"),
    [(LOW, (1, 60), True), (LOW, (1, 60, 70), False), (MIXED, (1, 60, 70), True)],
    ids=["nothing overflows", "the last sample does", "what overflows is high"],
)
def test_without_conditions_30_db_are_asked_for(
    overflowing: onnx.ModelProto, plan: PrecisionPlan, values: tuple[float, ...], accepted: bool
) -> None:
    assert accepts(Judge(), overflowing, plan, *values) is accepted


@pytest.mark.parametrize(
    ("accept", "accepted"),
    [
        ({"sqnr": {"min": 20.0}}, True),
        ({"sqnr": {"min": 200.0}}, False),
        ({"sqnr": {"min": 20.0}, "furthest": {"rise": 1e-9}}, False),
        ({"furthest": {"max": 0.5}}, True),
    ],
)
def test_all_conditions_must_hold_and_the_users_are_among_them(
    overflowing: onnx.ModelProto, accept: Conditions, accepted: bool
) -> None:
    assert accepts(Judge(accept, furthest), overflowing, MIXED, 1.3, 60.7) is accepted


@pytest.mark.parametrize(
    ("accept", "error", "message"),
    [
        ({"furthest": {"max": 0.5}}, ConfigError, "unknown metric 'furthest'"),
        ({"iou": {"drop": 0.1}}, MetricError, "iou needs labels and the data has none"),
    ],
)
def test_a_condition_that_cannot_be_measured_is_refused(
    overflowing: onnx.ModelProto, accept: Conditions, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Judge(accept).evaluator(overflowing, [Sample(rows(1)[0].feed)])


def test_the_run_of_the_reference_is_told_sample_by_sample(overflowing: onnx.ModelProto) -> None:
    told: list[tuple[int, int | None, str]] = []
    Judge().evaluator(overflowing, rows(1, 2, 3), Hooks(lambda *entry: told.append(entry)))
    assert told == [(index, 3, "reference") for index in range(3)]
