"""What the fusion benchmark makes of a network and of numbers, without PyTorch."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from fusion import KEPT, bias_apart, products_apart, relative, sqnr, unit_ends, with_biases
from fusion_table import WAYS, Row, compared, ends_table, units_table
from onnx import TensorProto, helper, numpy_helper

from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.runners.emulated import EmulatedRunner, Rounding
from trtflow.runners.reference import ReferenceRunner

RANDOM = np.random.default_rng(0)


@pytest.fixture
def network() -> onnx.ModelProto:
    """Conv with a bias and Relu, one unit; Sigmoid and Mul, another; a sum."""
    weights = {"w": (3, 2, 3, 3), "b": (3,)}
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], "conv"),
        helper.make_node("Relu", ["c"], ["r"], "relu"),
        helper.make_node("Sigmoid", ["r"], ["s"], "sigmoid"),
        helper.make_node("Mul", ["r", "s"], ["m"], "mul"),
        helper.make_node("Add", ["m", "r"], ["y"], "add"),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 5, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 3, 3])],
        [numpy_helper.from_array(RANDOM.normal(size=s).astype(np.float32), n) for n, s in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_the_ends_of_units_are_what_leaves_them(network: onnx.ModelProto) -> None:
    assert unit_ends(network) == ["r", "m"]


def test_a_bias_apart_is_a_node_and_changes_no_number(network: onnx.ModelProto) -> None:
    apart = bias_apart(network)
    assert [node.op_type for node in apart.graph.node] == ["Conv", "Add", "Relu", "Sigmoid", "Mul", "Add"]
    feed = {"x": RANDOM.normal(size=(1, 2, 5, 5)).astype(np.float32)}
    with ReferenceRunner(network) as one, ReferenceRunner(apart) as other:
        np.testing.assert_allclose(one(feed)["y"], other(feed)["y"], rtol=1e-5)


def test_units_round_their_products_apart_only_within(network: onnx.ModelProto) -> None:
    feed = {"x": RANDOM.normal(size=(1, 2, 5, 5)).astype(np.float32)}
    plan = PrecisionPlan(FP16)

    def made(rounding: Rounding) -> np.ndarray:
        with EmulatedRunner(bias_apart(network), plan, rounding, ("r",)) as runner:
            return np.array(runner(feed)["r"])

    whole = made("unit")
    with products_apart():
        apart = made("unit")
    assert not np.array_equal(apart, whole)
    np.testing.assert_array_equal(made("unit"), whole)


def test_a_bias_apart_stays_with_its_convolution(network: onnx.ModelProto) -> None:
    plan = with_biases(PrecisionPlan(FP16, {"conv": FP32, "add": FP32}), bias_apart(network))
    assert dict(plan.nodes) == {"conv": FP32, "conv__bias_add": FP32, "add": FP32}


def test_what_is_kept_of_the_unet_are_nodes_of_it() -> None:
    model = onnx.load(Path(__file__).parents[2] / "models" / "unet" / "unet.onnx")
    assert {*KEPT["unet"]} <= {node.name for node in model.graph.node}


@pytest.mark.parametrize(
    ("found", "decibel", "error"),
    [([3.0, 4.0], math.inf, 0.0), ([3.0, 4.5], 20.0, 0.1), ([3.0, math.nan], -math.inf, math.inf)],
)
def test_errors_are_relative_to_what_is_exact(found: list[float], decibel: float, error: float) -> None:
    exact, made = np.array([3.0, 4.0]), np.array(found)
    assert sqnr([{"y": exact}], [{"y": made}], ["y"]) == pytest.approx(decibel)
    assert relative(exact, made) == pytest.approx(error)


def test_what_is_infinite_in_fp32_is_left_out() -> None:
    assert relative(np.array([3.0, 4.0, math.inf]), np.array([3.0, 4.5, math.inf])) == pytest.approx(0.1)


def test_units_are_compared_where_both_err_finitely() -> None:
    emulated = [0.1, 0.2, 0.3, 0.4, 0.0, 0.5]
    assert compared([0.2, 0.4, 0.6, 0.8, 0.1, math.inf], emulated) == "r 1.000, 2.00 (2.00–2.00)"
    assert compared([0.4, 0.3, 0.2, 0.1, 0.1, 0.5], [0.1, 0.2, 0.3, 0.4, 0.0, math.inf]).startswith("r -1.000")
    assert compared([0.1], [0.1]) == "too few"


def test_a_network_that_failed_says_why_in_its_row() -> None:
    errors = [0.1, 0.2, 0.3, math.inf]
    rows = [
        Row("good", dict.fromkeys(WAYS, 60.0), dict.fromkeys(WAYS, errors)),
        Row("half", dict.fromkeys(WAYS, 50.0), failed="no memory"),
        Row("bad", failed="torch has no LSTM here"),
    ]
    ends, units = ends_table(rows).splitlines()[2:], units_table(rows).splitlines()[2:]
    assert ends[0] == "| good | 60.0 | 60.0 | 60.0 | 60.0 | 60.0 | 60.0 |"
    assert ends[2] == "| bad | torch has no LSTM here | | | | | |"
    infinite = ", ".join(f"{way} 1" for way in WAYS)
    assert units[0].startswith(f"| good | 4 | {infinite} | r 1.000, 1.00 ")
    assert units[1] == "| half | no memory | | | | | |"
    assert len(units) == 2
