"""What of a plan is in a parsed network, and how the table counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from engines import counted
from engines_network import AGREES, INSIDE, NO_FLOAT, NO_LAYER, Parsed, answers, parse
from engines_plans import Mixed, carried_out
from onnx import TensorProto, helper
from parsed import gemm, model, needs_rtx, node, ones, shared_constant

import trtflow
from trtflow.calibration.calibrate import Choice
from trtflow.data import Dataset, Sample
from trtflow.plan import PrecisionPlan
from trtflow.precision import BF16, FP8, FP16, FP32, INT8, Precision

pytestmark = needs_rtx


def parsed(made: onnx.ModelProto, folder: Path) -> Parsed:
    onnx.save(made, folder / "model.onnx")
    return parse(folder / "model.onnx")


def chained() -> onnx.ModelProto:
    """A product, then what only reads a shape and what makes integers."""
    nodes = [
        node("MatMul", ["x", "w"], ["a"], name="product"),
        node("Relu", ["a"], ["b"], name="relu"),
        node("Cast", ["b"], ["c"], name="integers", to=TensorProto.INT32),
        node("Cast", ["c"], ["y"], name="floats", to=TensorProto.FLOAT),
    ]
    return model(nodes, {"x": [4, 8]}, ["y"], w=np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8))


@pytest.mark.parametrize("low", [FP16, BF16])
def test_each_node_of_a_rewritten_model_is_typed_as_its_plan_says(tmp_path: Path, low: Precision) -> None:
    plan = PrecisionPlan(low, {"relu": FP32})
    found = answers(parsed(trtflow.rewrite(chained(), plan).model, tmp_path), plan, {"product": "", "relu": ""})
    assert found == {"product": AGREES, "relu": AGREES}


@pytest.mark.parametrize("low", [INT8, FP8])
def test_a_quantized_node_reads_what_was_dequantized_from_its_type(tmp_path: Path, low: Precision) -> None:
    data = Dataset("ramp", lambda: iter([Sample({"x": np.linspace(-1, 1, 32, dtype=np.float32).reshape(4, 8)})]))
    scales = trtflow.calibrate(chained(), data, Choice(method="minmax")).scales
    made = parsed(trtflow.rewrite(chained(), PrecisionPlan(FP16, {"product": low}), scales).model, tmp_path)
    other = FP8 if low == INT8 else INT8
    asked = {kind: answers(made, PrecisionPlan(FP16, {"product": kind}), {"product": ""}) for kind in (low, other)}
    assert asked == {low: {"product": AGREES}, other: {"product": low}}


def test_a_plan_that_the_file_does_not_carry_out_is_told(tmp_path: Path) -> None:
    found = answers(parsed(chained(), tmp_path), PrecisionPlan(FP16), {"product": "", "integers": "", "absent": ""})
    assert found == {"product": FP32, "integers": NO_FLOAT, "absent": NO_LAYER}


def test_what_the_parser_computes_higher_between_its_own_casts_is_told(tmp_path: Path) -> None:
    made = model([node("ReduceL2", ["x"], ["y"], name="norm", axes=[1])], {"x": [2, 8]}, ["y"])
    plan = PrecisionPlan(FP16)
    assert answers(parsed(trtflow.rewrite(made, plan).model, tmp_path), plan, {"norm": ""}) == {"norm": INSIDE}


def test_layers_are_counted_by_what_they_serve(tmp_path: Path) -> None:
    assert dict(parsed(gemm(), tmp_path).roles) == {"own": 2, "constant": 2, "helper": 1}
    assert parsed(shared_constant(), tmp_path).named == {"mul", "add"}


def test_what_the_rewrite_leaves_high_is_asked_of_nobody() -> None:
    mixed = Mixed(INT8, PrecisionPlan(FP16, {"a": INT8, "b": INT8, "c": FP32}), None, "")
    assert carried_out(mixed, {"a": "floats around it", "d": "a constant"}, {"b": "no range"}) == PrecisionPlan(
        FP16, {"a": INT8, "b": FP16, "c": FP32, "d": FP32}
    )


def test_a_file_that_the_parser_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    unknown = helper.make_node("Nonesuch", ["x"], ["y"], name="n", domain="nowhere")
    with pytest.raises(ValueError, match="Plugin not found"):
        parsed(model([unknown], {"x": [2]}, ["y"]), tmp_path)


@pytest.mark.parametrize(
    ("counts", "said"),
    [({"float": 3, "half": 43}, "43 half, 3 float"), ({}, "none"), ({"none of them": 0}, "none")],
)
def test_counts_are_told_the_most_first(counts: dict[str, int], said: str) -> None:
    assert counted(counts) == said


def test_a_row_serves_what_its_own_name_says(tmp_path: Path) -> None:
    made = model([node("Relu", ["x"], ["y"], name="relu")], {"x": [2]}, ["y"], unused=ones(2))
    assert dict(parsed(made, tmp_path).roles) == {"own": 1}
