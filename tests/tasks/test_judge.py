"""End metrics judge a candidate: the user's conditions, SQNR where there are none, metrics of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from planted import rows
from selecting import best_queries

from trtflow.data import Sample
from trtflow.errors import ConfigError, DataError, MetricError
from trtflow.files.scales import Scales, TensorScale
from trtflow.model.selection import NOTHING, selection
from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import EmulatedRunner
from trtflow.tasks.bisect import bisect
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.judge import Conditions, Judge, judge_by
from trtflow.tasks.quantize import quantize
from trtflow.tasks.validate import validate

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


NAN, INF = float("nan"), float("inf")
SCALES = Scales(
    precision="int8",
    method="minmax",
    samples=1,
    tensors={name: TensorScale(amax=8.0, method="minmax", low=-8.0, high=8.0, seen=8.0) for name in ("x", "r")},
)


def samples(*values: float) -> list[Sample]:
    return [Sample({"x": np.full((1, 6), v, np.float32)}, origin=f"d.npz, sample {i}") for i, v in enumerate(values)]


JUDGES: dict[str, Callable[[onnx.ModelProto, Sequence[Sample], bool], object]] = {
    "bisect": lambda model, data, allow: bisect(model, data, allow_nonfinite=allow).search.accepted,
    "quantize": lambda model, data, allow: quantize(model, data, SCALES, allow_nonfinite=allow).search.accepted,
    "validate": lambda model, data, allow: validate(model, model, data, allow_nonfinite=allow).accepted,
}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize(
    ("fed", "said"),
    [
        ([NAN, 1, 1, 1], "d.npz, sample 0: FP32's own output 'y' holds 4 NaN of 4 values"),
        ([1, 1, 1, INF], "d.npz, sample 3: FP32's own output 'y' holds"),
        ([1, *[NAN] * 11], "d.npz, sample 1: FP32's own output 'y' holds 4 NaN of 4 values"),
        ([0, 0, 0], "d.npz, sample 0 and 2 others, all there are: FP32's own outputs hold nothing but zeros"),
        ([0], "d.npz, sample 0, the only one: FP32's own outputs hold nothing but zeros"),
    ],
    ids=["one NaN", "one inf", "eleven of twelve NaN", "all zeros", "a single zero"],
)
def test_a_reference_that_is_none_is_refused_by_name(
    products: onnx.ModelProto, fed: list[float], said: str, judge: str
) -> None:
    products.graph.node[1].op_type = "Identity"  # Relu on a CPU would turn NaN into 0
    with pytest.raises(DataError, match=said):
        JUDGES[judge](products, samples(*fed), False)


@pytest.mark.parametrize("judge", JUDGES)
def test_a_sample_of_zeros_among_good_ones_is_fine(products: onnx.ModelProto, judge: str) -> None:
    assert JUDGES[judge](products, samples(1, 2, 3, 0), False) is True


def test_zeros_that_are_held_out_or_searched_alone_decide_nothing_against_the_others(
    overflowing: onnx.ModelProto,
) -> None:
    overflowing.graph.node[2].op_type = "Mul"  # no bias: zeros stay zeros
    data = [Sample({"x": np.full((1, 4), value, np.float32)}) for value in (0, 0, 0, 70)]
    decided = bisect(overflowing, data)
    assert decided.search.accepted
    assert "up" in decided.plan.nodes


def test_what_judges_nothing_is_told(products: onnx.ModelProto) -> None:
    told: list[str] = []
    Judge().evaluator(products, samples(1, 0), Hooks(log=told.append))
    assert told == ["d.npz, sample 1: FP32's outputs are zero, so it judges nothing"]


def test_masked_scores_are_judged_by_what_is_finite_where_they_are_meant(masked: onnx.ModelProto) -> None:
    data = [Sample({"x": np.float32([[1, 2, 3, 4]])})]
    with pytest.raises(DataError, match=r"output 'y' holds 2 infinite of 4 values.*allow-nonfinite: \[outputs\]"):
        validate(masked, masked, data)
    verdict = validate(masked, masked, data, allow_nonfinite=True)
    assert verdict.accepted
    assert verdict.candidate["sqnr"] == INF


@pytest.fixture
def masked(overflowing: onnx.ModelProto) -> onnx.ModelProto:
    """Two of four scores are -inf."""
    mask = onnx.numpy_helper.from_array(np.float32([0, -INF, -INF, 0]), "one")
    overflowing.graph.initializer[2].CopyFrom(mask)
    return overflowing


def test_the_usual_conditions_hold_where_none_are_given() -> None:
    assert judge_by(None, None, False) == Judge()
    assert judge_by({"cosine": {"min": 0.9}}, None, True) == Judge({"cosine": {"min": 0.9}}, allow_nonfinite=True)


@pytest.mark.parametrize(
    ("judge", "added"),
    [
        (Judge(), {"matched"}),
        (Judge({"cosine": {"min": 0.9}}), {"matched"}),
        (Judge({"agreement": {"min": 0.9}}), set()),
        (Judge({"matched": {"min": 0.5}, "sqnr": {"min": 20}}), set()),
        (Judge({"sqnr": {"min": 20}}, furthest), set()),
    ],
    ids=["by default", "another distance", "decisions", "the user's own bound", "the user's metric"],
)
def test_numbers_alone_do_not_judge_what_a_selection_decides(judge: Judge, added: set[str]) -> None:
    assert judge.conditions(selection(best_queries())).keys() - judge.accept.keys() == added
    assert judge.conditions(NOTHING) == judge.accept
