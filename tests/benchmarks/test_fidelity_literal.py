"""Constants beyond a format."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fidelity_literal import literal
from onnx import ModelProto, TensorProto, helper, numpy_helper

from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.rewriting.promotion import legalize


def model() -> ModelProto:
    constant = numpy_helper.from_array(np.array([-70000, 1], np.float32), "value")
    nodes = [
        helper.make_node("Constant", [], ["c"], "c", value=constant),
        helper.make_node("Mul", ["x", "w"], ["m"], "mul"),
        helper.make_node("Add", ["m", "c"], ["y"], "add"),
    ]
    weight = numpy_helper.from_array(np.array([1e5, 2], np.float32), "w")
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (2,)) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "large", ports[:1], ports[1:], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("low", "weight", "constant"), [("fp16", math.inf, -math.inf), ("bf16", 1e5, -70000)])
def test_constants_beyond_the_format_are_infinite_and_others_stay(
    low: Precision, weight: float, constant: float
) -> None:
    given = model()
    found = literal(given, low)
    assert numpy_helper.to_array(found.graph.initializer[0]).tolist() == [weight, 2]
    assert numpy_helper.to_array(found.graph.node[0].attribute[0].t).tolist() == [constant, 1]
    assert numpy_helper.to_array(given.graph.initializer[0]).tolist() == [1e5, 2]


def test_a_literal_model_takes_the_format_throughout_where_the_model_does_not() -> None:
    everything = PrecisionPlan("fp16")
    assert {*legalize(model(), everything).plan.nodes} == {"mul", "add"}
    assert legalize(literal(model(), "fp16"), everything).plan.nodes == {}
