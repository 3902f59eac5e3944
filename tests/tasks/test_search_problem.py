"""The search problem prices Casts where a rewrite would put them, and suspects what the ranges give away."""

from __future__ import annotations

import math

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.files.statistics import Statistics
from trtflow.numerics.record import Figures
from trtflow.tasks.search_problem import build_problem


@pytest.fixture
def model() -> onnx.ModelProto:
    """Two MatMuls of 64×64 and a huge constant between them, one weight an initializer and one a Constant node."""
    weight = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    huge = numpy_helper.from_array(np.array([1e6], np.float32), "huge")
    constant = numpy_helper.from_array(np.ones((64, 64), np.float32))
    nodes = [
        helper.make_node("Constant", [], ["v"], "weights", value=constant),
        helper.make_node("MatMul", ["x", "w"], ["a"], "first"),
        helper.make_node("Mul", ["a", "huge"], ["b"], "scale"),
        helper.make_node("MatMul", ["b", "v"], ["y"], "second"),
    ]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 64]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "g", ports[:1], ports[1:], [weight, huge])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def test_casts_stand_on_activations_only(model: onnx.ModelProto) -> None:
    problem = build_problem(model, "fp16", "fp32", {"x": (1, 64)}, None)
    assert {(edge.producer, edge.consumers) for edge in problem.edges} == {
        (None, ("first",)),
        ("first", ("scale",)),
        ("scale", ("second",)),
        ("second", (None,)),
    }


def test_a_constant_beyond_the_range_is_forced(model: onnx.ModelProto) -> None:
    assert build_problem(model, "fp16", "fp32", {"x": (1, 64)}, None).forced == {"scale"}
    assert build_problem(model, "bf16", "fp32", {"x": (1, 64)}, None).forced == frozenset()


def test_nodes_that_touch_an_overflow_are_suspected(model: onnx.ModelProto) -> None:
    figures = {name: Figures(ref_amax=amax) for name, amax in (("a", 64.0), ("b", 6.4e7), ("y", 1.0))}
    statistics = Statistics(samples=1, rounding="tensor", layers=(), candidates={"fp16": figures})
    priors = build_problem(model, "fp16", "fp32", {"x": (1, 64)}, statistics).priors
    assert {node for node, prior in priors.items() if prior == math.inf} == {"scale", "second"}


def test_the_shares_of_all_nodes_make_one(model: onnx.ModelProto) -> None:
    problem = build_problem(model, "fp16", "fp32", {"x": (1, 64)}, None)
    assert math.isclose(sum(problem.price(node) for node in ("first", "scale", "second")), 1.0)
    assert math.isclose(sum(unit.cost for unit in problem.units), 1.0)
