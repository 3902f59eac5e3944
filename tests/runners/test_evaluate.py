"""End metrics decide, and a non-finite value never looks good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from selecting import best_queries, queries

from trtflow.data import Sample
from trtflow.errors import ConfigError, DataError, MetricError
from trtflow.model.selection import selection
from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import EmulatedRunner
from trtflow.runners.evaluate import Evaluator, Measurement
from trtflow.runners.known import Known
from trtflow.runners.reference import ReferenceRunner

SAMPLES = [Sample({"x": np.full((1, 4), value, np.float32)}, label=value) for value in (1.0, 60.0, 70.0)]
LOW, MIXED = PrecisionPlan("fp16"), PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})


def test_the_reference_against_itself_is_perfect(overflowing: onnx.ModelProto) -> None:
    evaluator = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30}})
    assert evaluator.reference.metrics == {"sqnr": math.inf}
    assert evaluator.reference.error == 0


def test_overflow_on_one_sample_refuses_the_plan_and_is_traced_to_it(overflowing: onnx.ModelProto) -> None:
    evaluator = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30}})
    measured = evaluator.measure(EmulatedRunner(overflowing, LOW))
    assert not evaluator.judge(measured).accepted
    assert measured.error == math.inf
    assert [level == -math.inf for level in measured.sample_sqnr] == [False, False, True]


def test_a_subset_is_judged_by_the_reference_over_the_same_samples(overflowing: onnx.ModelProto) -> None:
    evaluator = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30}})
    measured = evaluator.measure(EmulatedRunner(overflowing, LOW), [0, 1])
    assert evaluator.judge(measured, [0, 1]).accepted


@pytest.mark.parametrize("chosen", [[0, 1], [2], [2, 0]])
def test_a_part_judges_as_if_there_were_no_other_samples(overflowing: onnx.ModelProto, chosen: list[int]) -> None:
    part = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqnr": {"min": 30}}).over(chosen)
    alone = Evaluator(ReferenceRunner(overflowing), [SAMPLES[index] for index in chosen], {"sqnr": {"min": 30}})
    found, expected = (one.measure(EmulatedRunner(overflowing, LOW)) for one in (part, alone))
    assert (found, part.reference, list(part.samples)) == (expected, alone.reference, list(alone.samples))


@pytest.mark.parametrize(
    ("levels", "hardest"),
    [
        ((40.0, 30.0, 35.0), (1, 2)),
        ((40.0, -math.inf, -math.inf), (1, 2)),
        ((math.nan, math.inf, 90.0), (2, 0)),
        ((math.nan, 50.0, 60.0), (1, 2)),
        ((3.0,), (0,)),
    ],
)
def test_the_hardest_samples_have_the_lowest_sqnr(levels: tuple[float, ...], hardest: tuple[int, ...]) -> None:
    assert Measurement({}, levels).hardest(2) == hardest


def test_the_users_metric_sees_outputs_and_labels_in_order(overflowing: onnx.ModelProto) -> None:
    def error(outputs: Sequence[Mapping[str, Any]], labels: Sequence[Any]) -> dict[str, float]:
        return {"error": max(float(abs(o["y"] - 1 - x).max()) for o, x in zip(outputs, labels, strict=True))}

    evaluator = Evaluator(ReferenceRunner(overflowing), SAMPLES, {"error": {"rise": 0.1}}, error)
    assert evaluator.judge(evaluator.measure(EmulatedRunner(overflowing, MIXED))).accepted
    assert not evaluator.judge(evaluator.measure(EmulatedRunner(overflowing, LOW))).accepted


def test_a_metric_that_raises_is_named(overflowing: onnx.ModelProto) -> None:
    def broken(outputs: Sequence[Any], labels: Sequence[Any]) -> dict[str, float]:
        raise KeyError("boxes")

    with pytest.raises(MetricError, match="the metric function raised KeyError: 'boxes'"):
        Evaluator(ReferenceRunner(overflowing), SAMPLES, {"error": {"rise": 0.1}}, broken)


def test_an_unknown_metric_is_refused_with_the_known_ones(overflowing: onnx.ModelProto) -> None:
    with pytest.raises((ConfigError, MetricError), match="sqrn"):
        Evaluator(ReferenceRunner(overflowing), SAMPLES, {"sqrn": {"min": 30}})


@pytest.mark.parametrize(
    ("sqnr", "error"),
    [(math.inf, 0.0), (20.0, 0.01), (0.0, 1.0), (-10.0, 10.0), (-math.inf, math.inf), (math.nan, math.inf)],
)
def test_what_could_not_be_compared_is_the_largest_error(sqnr: float, error: float) -> None:
    assert Measurement({"sqnr": sqnr}, ()).error == pytest.approx(error)


def fed(*values: float) -> list[Sample]:
    return [Sample({"x": np.full((1, 6), value, np.float32)}, origin=f"sample {value}") for value in values]


def test_samples_that_tell_nothing_are_named(products: onnx.ModelProto) -> None:
    reference = ReferenceRunner(products)
    found = Evaluator(reference, fed(1, 0, 2), {"sqnr": {"min": 30}}, known=Known())
    assert found.silent == ("sample 0",)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((1, math.inf), "sample inf: FP32's own output 'y' holds"),
        ((0, 0), "FP32's own outputs hold nothing but zeros"),
    ],
)
def test_a_reference_that_is_none_is_refused_before_any_candidate_runs(
    products: onnx.ModelProto, values: tuple[float, ...], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        Evaluator(ReferenceRunner(products), fed(*values), {"sqnr": {"min": 30}}, known=Known())


def test_who_does_not_ask_gets_whatever_the_reference_gives(products: onnx.ModelProto) -> None:
    assert Evaluator(ReferenceRunner(products), fed(0, 0), {"sqnr": {"min": 30}}).silent == ()


def chosen(model: onnx.ModelProto, accept: dict[str, dict[str, float]], **more: Any) -> Evaluator:
    """What judges ``model`` by what no selection decides, on one sample of ``queries``."""
    found = selection(model)
    return Evaluator(ReferenceRunner(model, taps=found.before), [*queries(1)], accept, selection=found, **more)


def test_distances_look_before_a_selection_and_everything_else_at_the_models_own_outputs() -> None:
    seen: list[set[str]] = []

    def names(outputs: Sequence[Mapping[str, Any]], labels: Sequence[object]) -> dict[str, float]:
        seen.extend(set(output) for output in outputs)
        return {"own": 0.0}

    model = best_queries()
    evaluator = chosen(model, {"sqnr": {"min": 30}, "matched": {"min": 1}, "own": {"max": 0}}, metric=names)
    measured = evaluator.measure(EmulatedRunner(model, LOW, taps=evaluator.selection.before))
    assert seen == [{"scores", "labels", "rows"}] * len(seen)
    assert measured.metrics["sqnr"] == measured.sample_sqnr[0] > 50
    assert measured.metrics["matched"] == 1.0
    assert evaluator.judge(measured).accepted


def test_a_runner_that_shows_nothing_before_the_selection_is_judged_by_the_rest_if_there_is_one() -> None:
    model = best_queries()
    both, numbers = chosen(model, {"sqnr": {"min": 30}, "matched": {"min": 1}}), chosen(model, {"sqnr": {"min": 30}})
    measured = both.measure(EmulatedRunner(model, LOW))
    assert measured.metrics == {"matched": 1.0}
    assert both.judge(measured).margins.keys() == {"matched.min"}
    assert not numbers.judge(numbers.measure(EmulatedRunner(model, LOW))).accepted


def test_a_distance_that_nothing_can_be_measured_by_is_an_error_at_once() -> None:
    model = best_queries()
    with pytest.raises(MetricError, match="cosine: no floating-point output was evaluated"):
        Evaluator(ReferenceRunner(model), [*queries(1)], {"cosine": {"min": 0.9}}, selection=selection(model))
