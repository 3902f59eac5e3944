"""A model that computes nothing in FP32 has nothing to lower, and it is said what it computes."""

from __future__ import annotations

import onnx
import pytest
from graph_models import f32, info, model, node
from onnx import TensorProto

from trtflow.model.analysis import analyse
from trtflow.tasks.nothing import nothing_to_lower

SAID = "nothing in it can take a low precision: "
MODELS = {
    "it computes nothing in FP32, only bool": ([node("And", "x x", "y")], TensorProto.BOOL, TensorProto.BOOL),
    "it computes nothing in FP32, only int64": ([node("NonZero", "x", "y")], TensorProto.FLOAT, TensorProto.INT64),
    "it computes nothing in FP32, only double": (
        [node("MatMul", "x x", "y")],
        TensorProto.DOUBLE,
        TensorProto.DOUBLE,
    ),
    "it computes nothing in FP32, only bool and int32": (
        [node("Abs", "x", "a"), node("Equal", "x a", "y")],
        TensorProto.INT32,
        TensorProto.BOOL,
    ),
    "it computes nothing in FP32, only string": (
        [node("StringNormalizer", "x", "y")],
        TensorProto.STRING,
        TensorProto.STRING,
    ),
    "it has no node": ([], TensorProto.FLOAT, TensorProto.FLOAT),
    "none of its nodes computes anything that TensorRT takes in another type": (
        [node("BlackBox", "x", "y", domain="own")],
        TensorProto.FLOAT,
        TensorProto.FLOAT,
    ),
}


@pytest.mark.parametrize("why", MODELS)
def test_why_there_is_nothing_to_do(why: str) -> None:
    nodes, taken, returned = MODELS[why]
    output = "y" if nodes else "x"
    net = model(nodes, [info("x", [3, 3], taken)], [info(output, None, returned)])
    assert nothing_to_lower(analyse(net)) == SAID + why


@pytest.mark.parametrize("inside", [False, True])
def test_one_node_that_computes_in_fp32_is_enough_also_in_a_body(inside: bool) -> None:
    body = onnx.helper.make_graph([node("Exp", "x", "e")], "body", [], [info("e", None)])
    other = onnx.helper.make_graph([node("Log", "x", "l")], "other", [], [info("l", None)])
    branch = node("If", "c", "y", then_branch=body, else_branch=other)
    inputs = [info("c", [], TensorProto.BOOL), info("x", [2])]
    net = model([branch if inside else node("Add", "x w", "y")], inputs, [info("y", [2])], [f32("w", [1, 1])])
    assert nothing_to_lower(analyse(net)) == ""
