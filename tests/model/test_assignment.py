from __future__ import annotations

import onnx
import pytest
from graph_models import f32, i64, info, model, node
from onnx import TensorProto, helper

from trtflow.errors import PlanError
from trtflow.model.analysis import analyse
from trtflow.model.assignment import Edges, edges
from trtflow.plan import Precision, PrecisionPlan

NODES = [node("Add", "x w", "a"), node("Gather", "a i", "g"), node("Neg", "g", "y")]
NET = model(NODES, [info("x", [4])], [info("y", None)], [f32("w", [1]), i64("i", [0, 2])])


@pytest.mark.parametrize("low", ["fp16", "bf16"])
def test_float_slots_of_low_nodes_are_low_and_indices_are_not(low: Precision) -> None:
    assert edges(analyse(NET), PrecisionPlan(low)) == Edges(
        inputs={"n_a": {0: low, 1: low}, "n_g": {0: low}, "n_y": {0: low}},
        outputs={"n_a": {0: low}, "n_g": {0: low}, "n_y": {0: low}},
        produced={("", "a"): low, ("", "g"): low, ("", "y"): low},
    )


def test_nodes_in_fp32_have_no_entry_and_a_plan_may_mix_formats() -> None:
    found = edges(analyse(NET), PrecisionPlan("fp32", {"n_a": "bf16", "n_y": "fp16"}))
    assert found.inputs == {"n_a": {0: "bf16", 1: "bf16"}, "n_y": {0: "fp16"}}
    assert [found.format(("", name)) for name in ("a", "g", "y", "x")] == ["bf16", "fp32", "fp16", "fp32"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (PrecisionPlan("fp16", {"n_b": "fp32"}), "'n_b', which the model does not have; did you mean 'n_"),
        (PrecisionPlan("fp16", {"else": "fp32"}), "'else', which the model does not have$"),
        (PrecisionPlan("fp16", {"n_a": "int8"}), "takes fp32, fp16 and bf16, not int8"),
        (PrecisionPlan("fp8"), "takes fp32, fp16 and bf16, not fp8"),
    ],
)
def test_a_plan_that_does_not_fit_is_refused(plan: PrecisionPlan, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        edges(analyse(NET), plan)


def test_in_bodies_tensors_are_known_by_their_scope() -> None:
    """Both branches make a ``t``: one in FP16, the other in FP32."""
    branches = {
        key: helper.make_graph([node(op, "x", "t", name)], key, [], [info("t", None)])
        for key, op, name in (("then_branch", "Exp", "low"), ("else_branch", "Abs", "high"))
    }
    nodes = [helper.make_node("If", ["c"], ["y"], "if", **branches)]
    net = model(nodes, [info("x", [4]), info("c", [], TensorProto.BOOL)], [info("y", None)])
    found = edges(analyse(net), PrecisionPlan("fp16", {"high": "fp32"}))
    assert found.produced == {("/if.then_branch", "t"): "fp16"}
    assert [found.format((path, "t")) for path in ("/if.then_branch", "/if.else_branch", "")] == [
        *("fp16", "fp32", "fp32"),
    ]


@pytest.mark.parametrize(
    ("proto", "precision", "inputs", "outputs"),
    [
        (node("Mish", "x", "y"), "bf16", {}, {}),
        (node("Mish", "x", "y"), "fp16", {0: "fp16"}, {0: "fp16"}),
        (node("Split", "x", "y z", num_outputs=2), "fp16", {0: "fp16"}, {0: "fp16", 1: "fp16"}),
        (node("LayerNormalization", "x w", "y m"), "fp16", {0: "fp16", 1: "fp16"}, {0: "fp16"}),
        (node("TopK", "x k", "y i2"), "fp16", {0: "fp16"}, {0: "fp16"}),
    ],
    ids=["refused", "taken", "two outputs", "statistics stay", "indices stay"],
)
def test_each_slot_has_its_own_format(
    proto: onnx.NodeProto, precision: Precision, inputs: dict[int, str], outputs: dict[int, str]
) -> None:
    weights = [f32("w", [1, 1, 1, 1]), i64("k", [2])]
    extra = [] if len(proto.output) < 2 else [onnx.ValueInfoProto(name=proto.output[1])]
    net = model([proto, node("Relu", "x", "r")], [info("x", [4])], [info("y", None), *extra], weights, 18)
    found = edges(analyse(net), PrecisionPlan(precision))
    assert (found.inputs["n_y"], found.outputs["n_y"]) == (inputs, outputs)


def test_nodes_that_have_no_precision_are_not_mentioned_and_may_be_planned_all_the_same() -> None:
    nodes = [node("Shape", "x", "s"), node("Reshape", "x s", "y")]
    net = model(nodes, [info("x", [4])], [info("y", None)])
    found = edges(analyse(net), PrecisionPlan("fp16", {"n_s": "fp16"}))
    assert set(found.inputs) == set(found.outputs) == {"n_y"}
