"""End metrics decide, and a non-finite value never looks good."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
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


@pytest.mark.parametrize(("named", "refused"), [("error", True), ("other", False)])
def test_a_metric_that_is_nan_on_fp32_judges_nothing(overflowing: onnx.ModelProto, named: str, refused: bool) -> None:
    def metric(outputs: Sequence[Any], labels: Sequence[Any]) -> dict[str, float]:
        return {"error": math.nan, "other": 1.0}

    def evaluate() -> Evaluator:
        return Evaluator(ReferenceRunner(overflowing), SAMPLES, {named: {"rise": 0.1}}, metric)

    if refused:
        with pytest.raises(MetricError, match=r"evaluate\.py:\d+\) returned NaN for 'error' on FP32's own outputs"):
            evaluate()
    else:
        assert evaluate().reference.metrics["other"] == 1.0


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


def detector() -> onnx.ModelProto:
    """Of each sample, two boxes of 640 times x, and a score of x's third value."""
    pick = [helper.make_node("Slice", ["x", *cut, "axis"], [name]) for name, cut in (("b", "02"), ("s", "23"))]
    join = [
        helper.make_node("Mul", ["b", "pixels"], ["box"], "box"),
        helper.make_node("Concat", ["box", "s"], ["y"], axis=1),
    ]
    tensors = [numpy_helper.from_array(np.array([value], np.int64), str(value)) for value in (0, 2, 3)]
    tensors += [numpy_helper.from_array(v, n) for n, v in (("axis", np.array([1])), ("pixels", np.float32(640)))]
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 3]) for name in ("x", "y")]
    graph = helper.make_graph([*pick, *join], "detector", ports[:1], ports[1:], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


BOXES, SCORES = "y (0-1 of axis 1, from box)", "y (2 of axis 1, from x)"
DETECTED = [Sample({"x": np.array([row], np.float32)}, label=0) for row in ([1, 1, 1], [1, 1, 0], [1, 1, 0.5])]


class Replay:
    """A runner that returns given outputs, one after the other."""

    def __init__(self, *rows: Sequence[float]) -> None:
        self._rows = iter(rows)

    def __enter__(self) -> Replay:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, feed: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": np.array([next(self._rows)], np.float32)}


def detections(accept: Mapping[str, Any], *rows: Sequence[float], **more: Any) -> Measurement:
    evaluator = Evaluator(ReferenceRunner(detector()), DETECTED, accept, model=detector(), **more)
    return evaluator.measure(Replay(*rows))


EXACT = ([640, 640, 1], [640, 640, 0], [640, 640, 0.5])


@pytest.mark.parametrize(
    ("rows", "sqnr", "decided_by"),
    [
        (([640, 640, 0], [640, 640, 0], [640, 640, 0]), 0.0, SCORES),
        (([640, 640, 1], [640, 640, 0.5], [640, 640, 0.5]), 10 * math.log10(1.25 / 0.25), SCORES),
        (([64, 64, 1], [640, 640, 0], [640, 640, 0.5]), 10 * math.log10(3 / 0.81), BOXES),
        (([640, 640, 1], [640, 640, 0], [640, 640, math.nan]), -math.inf, SCORES),
    ],
)
def test_the_worst_part_of_an_output_decides(rows: Any, sqnr: float, decided_by: str) -> None:
    found = detections({"sqnr": {"min": 30}}, *rows)
    assert found.metrics["sqnr"] == pytest.approx(sqnr, rel=1e-5)
    assert found.decided_by == {"sqnr": decided_by}


@pytest.mark.parametrize("name", ["sqnr", "psnr", "cosine"])
def test_every_metric_without_labels_hears_the_part_that_died(name: str) -> None:
    found = detections({name: {"min": 0}}, *([640, 640, 0] for _ in DETECTED))
    assert (found.decided_by[name], found.metrics[name] < 5) == (SCORES, True)


def test_a_sample_on_which_a_part_is_silent_in_fp32_is_heard_as_a_whole() -> None:
    """Else any error at all in the zeros would be infinitely large, and that sample the hardest."""
    levels = detections({"sqnr": {"min": 30}}, [640, 640, 1], [640, 640, 1e-3], [640, 640, 0]).sample_sqnr
    assert levels == pytest.approx((math.inf, 10 * math.log10(2 * 640**2 / 1e-6), 0.0), rel=1e-5)


def test_a_part_that_is_silent_on_the_chosen_samples_does_not_drown_them() -> None:
    evaluator = Evaluator(ReferenceRunner(detector()), DETECTED, {"sqnr": {"min": 30}}, model=detector())
    found = evaluator.over([1]).measure(Replay([640, 640, 1e-3]))
    assert found.metrics["sqnr"] > 100


def test_metrics_of_decisions_and_of_the_user_see_whole_outputs() -> None:
    def width(outputs: Sequence[Mapping[str, Any]], labels: Sequence[Any]) -> dict[str, float]:
        return {"width": float(outputs[0]["y"].shape[1]), "sqnr": 1.0}

    found = detections({"width": {"min": 3}, "agreement": {"min": 1}}, *EXACT, metric=width)
    assert found.metrics == {"agreement": 1.0, "sqnr": 1.0, "width": 3.0}
    assert found.decided_by == {}


def test_without_the_model_an_output_is_one() -> None:
    found = Evaluator(ReferenceRunner(detector()), DETECTED, {"sqnr": {"min": 30}}).measure(
        Replay(*([640, 640, 0] for _ in DETECTED))
    )
    assert found.metrics["sqnr"] > 50
    assert found.decided_by == {}
