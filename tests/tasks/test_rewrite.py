"""The mixed file is what the decision says, checked as it lies on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from decisions import decision
from graph_models import accepted, casts, f32, info, model, node, random, run

from trtflow.errors import PlanError
from trtflow.files.constraints import Constraints
from trtflow.files.scales import Scales, TensorScale
from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import EmulatedRunner, TypedRunner
from trtflow.tasks.rewrite import rewrite, rewrite_file

MIXED = PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})
SCALES = Scales(method="minmax", samples=1, tensors={"x": TensorScale(amax=3.0, method="minmax")})


def kept(*nodes: str, **low: str) -> Constraints:
    return decision(*nodes, scales={"x": 3.0}, **low).constraints


def test_kept_nodes_are_fp32_and_the_rest_is_typed_low(overflowing: onnx.ModelProto) -> None:
    mixed = accepted(rewrite(overflowing, MIXED).model)
    assert casts(mixed.graph) == [("b", "fp16"), ("y__fp16", "fp32")]
    types = {tensor.name: tensor.data_type for tensor in mixed.graph.initializer}
    assert (types["thousand"], types["thousandth"]) == (1, 1)
    assert [value.type.tensor_type.elem_type for value in (*mixed.graph.input, *mixed.graph.output)] == [1, 1]


@pytest.mark.parametrize("plan", [PrecisionPlan("fp16"), PrecisionPlan("bf16"), MIXED])
def test_the_file_computes_what_the_emulator_says(overflowing: onnx.ModelProto, plan: PrecisionPlan) -> None:
    feed = {"x": np.array([[1.2345678, 60, 66, -70]], np.float32)}
    with EmulatedRunner(overflowing, plan) as emulated, TypedRunner(rewrite(overflowing, plan).model) as typed:
        np.testing.assert_array_equal(typed(feed)["y"], emulated(feed)["y"])


def test_a_quantized_node_needs_its_range(products: onnx.ModelProto) -> None:
    plan = PrecisionPlan("fp16", {"up": "int8"})
    with pytest.raises(PlanError, match="'x'"):
        rewrite(products, plan)
    found = rewrite(products, plan, SCALES).model
    assert sum(entry.op_type == "QuantizeLinear" for entry in found.graph.node) == 1


def test_a_node_that_the_model_lacks_is_refused(products: onnx.ModelProto) -> None:
    with pytest.raises(PlanError, match="'upp', which the model does not have; did you mean 'up'"):
        rewrite(products, PrecisionPlan("fp16", {"upp": "fp32"}))


@pytest.mark.parametrize(
    ("chosen", "counts"),
    [(kept("up", "relu", "down"), (0, 0)), (kept("down"), (2, 0)), (kept("down", up="int8"), (1, 1))],
    ids=["all FP32", "mixed", "with INT8"],
)
def test_casts_pairs_and_bytes_are_counted_in_the_file(
    products: onnx.ModelProto, tmp_path: Path, chosen: Constraints, counts: tuple[int, int]
) -> None:
    found = rewrite_file(products, chosen, tmp_path / "mixed.onnx")
    types = [entry.op_type for entry in onnx.load(tmp_path / "mixed.onnx").graph.node]
    assert (found.casts, found.pairs) == (types.count("Cast"), types.count("QuantizeLinear")) == counts
    assert found.bytes == (tmp_path / "mixed.onnx").stat().st_size
    assert (found.promoted, found.notes) == ({}, ())


def test_a_node_that_has_to_stay_high_is_told_with_the_reason(tmp_path: Path) -> None:
    net = model([node("Mul", "x huge", "y", "scale")], [info("x", [4])], [info("y", [4])], [f32("huge", 1e6)])
    found = rewrite_file(net, kept(), tmp_path / "mixed.onnx")
    assert found.promoted == {"scale": "constant huge reaches 1e+06, which fp16 turns into inf"}
    np.testing.assert_array_equal(
        run(onnx.load(tmp_path / "mixed.onnx"), {"x": random(4)})[0], random(4) * np.float32(1e6)
    )


def test_what_does_not_fit_the_model_is_refused_and_nothing_is_written(
    products: onnx.ModelProto, tmp_path: Path
) -> None:
    with pytest.raises(PlanError, match="there is no node upp; did you mean 'up'"):
        rewrite_file(products, kept("upp"), tmp_path / "mixed.onnx")
    assert list(tmp_path.iterdir()) == []
