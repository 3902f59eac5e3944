"""A condition that FP32 itself does not meet ends a search before anything else is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from dict_memo import DictMemo
from graph_models import info, model, node
from onnx import TensorProto
from planted import rows

from trtflow.data import Sample
from trtflow.files.scales import Scales
from trtflow.plan import PrecisionPlan
from trtflow.tasks.baseline import missed_conditions
from trtflow.tasks.bisect import bisect
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.judge import judge_by
from trtflow.tasks.quantize import quantize

DATA = rows(1.0, 2.0, 3.0, 4.0)
NEVER = "no precision can meet it"


def _own(outputs: Any, labels: Any) -> dict[str, float]:
    return {"score": 0.95, "loss": 0.25}


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ({"score": {"min": 0.95}}, ""),
        ({"loss": {"max": 0.25}, "score": {"drop": 0.0}}, ""),
        ({"sqnr": {"min": 300}}, ""),
        (
            {"score": {"min": 0.99}},
            f"accept.score.min is 0.99 and FP32 itself has 0.95: {NEVER}; lower the bound or use drop",
        ),
        (
            {"loss": {"max": 0.2}},
            f"accept.loss.max is 0.2 and FP32 itself has 0.25: {NEVER}; raise the bound or use rise",
        ),
        (
            {"cosine": {"min": 1.5}},
            f"accept.cosine.min is 1.5 and FP32 itself has 1: {NEVER}; lower the bound or use drop",
        ),
        (
            {"score": {"min": 0.99}, "cosine": {"min": 0.9}, "loss": {"max": 0.2}},
            f"accept.score.min is 0.99 and FP32 itself has 0.95: {NEVER}; lower the bound or use drop; "
            f"accept.loss.max is 0.2 and FP32 itself has 0.25: {NEVER}; raise the bound or use rise",
        ),
    ],
)
def test_each_condition_that_fp32_misses_is_named_with_both_numbers(
    overflowing: onnx.ModelProto, accept: Any, said: str
) -> None:
    assert missed_conditions(judge_by(accept, _own, allow_nonfinite=False).evaluator(overflowing, DATA)) == said


def test_bisect_measures_no_plan(overflowing: onnx.ModelProto) -> None:
    memo = DictMemo()
    found = bisect(overflowing, DATA, accept={"score": {"min": 0.99}}, metric=_own, hooks=Hooks(memo=memo))
    search = found.search
    assert found.plan == PrecisionPlan("fp32")
    assert (search.state, search.accepted, search.evaluations) == ("baseline-missed", False, ())
    assert search.reason == search.missed
    assert search.missed.startswith("accept.score.min is 0.99 and FP32 itself has 0.95")
    assert (search.metrics["reference"]["score"], search.accept) == (0.95, {"score": {"min": 0.99}})
    assert memo.records == {}


def test_quantize_measures_no_plan_and_keeps_its_base(products: onnx.ModelProto) -> None:
    base = PrecisionPlan("fp16", {"up": "fp32"})
    data = [Sample({"x": np.ones((1, 6), np.float32)})]
    found = quantize(
        products, data, Scales(method="minmax", samples=4, tensors={}), base=base, accept={"cosine": {"min": 1.5}}
    )
    assert (found.plan, found.search.state, found.search.low) == (base, "baseline-missed", "int8")
    assert found.search.eight_bits is None


def test_a_model_that_holds_nothing_to_lower_is_not_measured() -> None:
    ports = [info("x", ["N", 4], TensorProto.INT64)], [info("y", ["N", 4], TensorProto.INT64)]
    whole = model([node("Add", "x x", "y")], *ports)
    found = bisect(whole, [Sample({"x": np.ones((1, 4), np.int64)})]).search
    assert (found.state, found.reason, found.samples) == ("nothing-gained", "nothing in it can take fp16", 1)
