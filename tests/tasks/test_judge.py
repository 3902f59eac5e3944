"""Nothing compared is nothing known: whoever judges refuses a reference that is none, before it measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
import pytest

from trtflow.data import Sample
from trtflow.errors import DataError
from trtflow.files.scales import Scales, TensorScale
from trtflow.tasks.bisect import bisect
from trtflow.tasks.hooks import Hooks
from trtflow.tasks.judge import Judge, judge_by
from trtflow.tasks.quantize import quantize
from trtflow.tasks.validate import validate

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
