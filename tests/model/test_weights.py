"""A weight that is NaN, or infinite where it is multiplied, is refused; a mask is not."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.errors import ModelError
from trtflow.model.weights import check_weights

NAN, INF = float("nan"), float("inf")


def model(op: str, value: float, inputs: list[str], through: str = "") -> onnx.ModelProto:
    """One node ``op`` that reads the constant w, possibly through another node."""
    held = np.ones((4, 4), np.float32)
    held[1, 2] = value
    nodes = [helper.make_node(op, inputs, ["y"], "n")]
    if through:
        nodes = [
            helper.make_node(through, ["w"], ["v"], "t"),
            helper.make_node(op, ["v" if n == "w" else n for n in inputs], ["y"], "n"),
        ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 4]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [numpy_helper.from_array(held, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.mark.parametrize("through", ["", "Identity", "Transpose"])
@pytest.mark.parametrize(
    ("op", "value", "inputs", "said"),
    [
        ("MatMul", NAN, ["x", "w"], "'w' holds 1 NaN of 16 values"),
        ("MatMul", INF, ["x", "w"], "'w' holds 1 infinite of 16 values"),
        ("Gemm", -INF, ["w", "x"], "'w' holds 1 infinite"),
        ("Add", NAN, ["x", "w"], "'w' holds 1 NaN"),
        ("PRelu", INF, ["x", "w"], "'w' holds 1 infinite"),
    ],
)
def test_a_weight_that_is_no_number_is_named(
    op: str, value: float, inputs: list[str], said: str, through: str
) -> None:
    with pytest.raises(ModelError, match=f"^{said}.*allow-nonfinite: true"):
        check_weights(model(op, value, inputs, through))


@pytest.mark.parametrize(
    ("op", "inputs"), [("Add", ["x", "w"]), ("Max", ["w", "x"]), ("Gemm", ["x", "x", "w"]), ("Mul", ["x", "w"])]
)
def test_an_infinity_that_is_added_or_compared_is_a_mask(op: str, inputs: list[str]) -> None:
    check_weights(model(op, -INF, inputs))


def test_a_constant_that_nothing_reads_harms_nothing() -> None:
    check_weights(model("Add", NAN, ["x", "x"]))


def test_a_body_of_control_flow_is_looked_at_too() -> None:
    inner = model("MatMul", NAN, ["x", "w"]).graph
    outer = model("Add", 1.0, ["x", "w"])
    body = helper.make_graph(inner.node, "body", [], inner.output, inner.initializer)
    flag = numpy_helper.from_array(np.array(True), "flag")
    outer.graph.initializer.append(flag)
    outer.graph.node.append(helper.make_node("If", ["flag"], ["z"], "if", then_branch=body, else_branch=body))
    with pytest.raises(ModelError, match="'w' holds 1 NaN"):
        check_weights(outer)


def test_ten_are_named_and_the_others_counted() -> None:
    made = model("Add", 1.0, ["x", "w"])
    bad = np.full(1, NAN, np.float32)
    for index in range(12):
        made.graph.initializer.append(numpy_helper.from_array(bad, f"w{index}"))
        made.graph.node.append(helper.make_node("Add", ["x", f"w{index}"], [f"y{index}"], f"n{index}"))
    with pytest.raises(ModelError, match=r"'w9' holds 1 NaN of 1 values; and 2 others"):
        check_weights(made)
