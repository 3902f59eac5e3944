"""Where the operands of an end Concat lie is found exactly, whatever moves them afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from trtflow.errors import ModelError
from trtflow.model.joined import Joined, on_one_scale
from trtflow.model.scopes import scopes

ONES = np.ones((2, 3), np.float32)
CONSTANTS = {
    "shape": np.array([-1], np.int64),
    "axes": np.array([0], np.int64),
    "start": np.array([1], np.int64),
    "end": np.array([4], np.int64),
    "on_1": np.array([1], np.int64),
    "sizes": np.array([4, 2], np.int64),
    "last": np.array([5, 0], np.int64),
    "scale": np.float32(1),
    "zero": np.int8(0),
}


def network(*nodes: onnx.NodeProto, size: int | str = 3) -> onnx.ModelProto:
    """``nodes`` from a = exp(x) and b = -x, with y as the output."""
    made = [helper.make_node("Exp", ["x"], ["a"], "exp"), helper.make_node("Neg", ["x"], ["b"], "neg"), *nodes]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size]) for name in ("x",)]
    out = [onnx.ValueInfoProto(name="y")]
    tensors = [numpy_helper.from_array(value, name) for name, value in CONSTANTS.items()]
    graph = helper.make_graph(made, "joined", ports, out, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def node(op: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(), outputs.split(), f"make_{outputs}", **attributes)


def labels(model: onnx.ModelProto, tensor: str = "y", fed: NDArray[Any] = ONES) -> tuple[Sequence[str], Any]:
    joined = Joined(model, [tensor])
    return joined.sources, {name: found.tolist() for name, found in joined.labels({"x": fed}).items()}


JOIN = node("Concat", "a b", "ab", axis=1)


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ([node("Concat", "a b", axis=1)], [[0, 0, 0, 1, 1, 1]] * 2),
        ([node("Concat", "a b", axis=0)], [[0] * 3] * 2 + [[1] * 3] * 2),
        ([JOIN, node("Reshape", "ab shape")], [0, 0, 0, 1, 1, 1] * 2),
        ([JOIN, node("Transpose", "ab")], [[0, 0]] * 3 + [[1, 1]] * 3),
        ([JOIN, node("Unsqueeze", "ab axes", "u"), node("Squeeze", "u axes")], [[0, 0, 0, 1, 1, 1]] * 2),
        ([JOIN, node("Flatten", "ab", axis=0)], [[0, 0, 0, 1, 1, 1] * 2]),
        ([JOIN, node("Slice", "ab start end on_1")], [[0, 0, 1]] * 2),
        ([JOIN, node("Split", "ab sizes", "z y", axis=1)], [[1, 1]] * 2),
        ([JOIN, node("Gather", "ab last", axis=1)], [[1, 0]] * 2),
        ([JOIN, node("Cast", "ab", to=TensorProto.DOUBLE)], [[0, 0, 0, 1, 1, 1]] * 2),
        (
            [JOIN, node("QuantizeLinear", "ab scale zero", "q"), node("DequantizeLinear", "q scale zero")],
            [[0, 0, 0, 1, 1, 1]] * 2,
        ),
        ([node("Identity", "a", "c"), node("Concat", "b c", axis=1)], [[0, 0, 0, 1, 1, 1]] * 2),
    ],
)
def test_the_labels_move_as_the_values_do(tail: list[onnx.NodeProto], expected: Any) -> None:
    assert labels(network(*tail))[1] == {"y": expected}


def test_concats_of_concats_tell_their_own_operands() -> None:
    model = network(JOIN, node("Abs", "x", "c"), node("Concat", "c ab", axis=1))
    assert labels(model) == (("c", "a", "b"), {"y": [[0, 0, 0, 1, 1, 1, 2, 2, 2]] * 2})


def test_what_computes_ends_the_way_back() -> None:
    assert labels(network(JOIN, node("Sqrt", "ab"))) == ((), {})


def test_one_tensor_joined_with_itself_is_not_joined_from_several() -> None:
    assert labels(network(node("Concat", "a a", axis=1))) == ((), {})


def test_a_foreign_operator_of_the_same_name_computes() -> None:
    foreign = node("Concat", "a b", domain="com.example")
    assert Joined(network(foreign), ["y"]).sources == ()


def test_an_inner_tensor_can_be_asked_about() -> None:
    model = network(JOIN, node("Sqrt", "ab"))
    assert labels(model, "ab") == (("a", "b"), {"ab": [[0, 0, 0, 1, 1, 1]] * 2})


def test_a_shape_that_the_network_computes_is_followed() -> None:
    shape = [node("Shape", "x", "s"), node("Gather", "s axes", "n"), node("Concat", "n shape", "target", axis=0)]
    model = network(JOIN, *shape, node("Reshape", "ab target"), size="M")
    assert labels(model, fed=np.ones((1, 2), np.float32))[1] == {"y": [[0, 0, 1, 1]]}
    assert labels(model, fed=np.ones((2, 1), np.float32))[1] == {"y": [[0, 1]] * 2}


def test_what_onnxruntime_cannot_run_is_an_error() -> None:
    with pytest.raises(ModelError, match="cannot tell what the outputs are joined from"):
        Joined(network(JOIN, node("Reshape", "ab sizes")), ["y"]).labels({"x": ONES})


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ([node("Softmax", "a")], True),
        ([node("Sigmoid", "a", "s"), node("Transpose", "s")], True),
        ([node("Exp", "a")], False),
        ([node("Sigmoid", "a", "s"), node("Mul", "s scale")], False),
        ([node("Identity", "x")], False),
    ],
)
def test_probabilities_are_on_one_scale(tail: list[onnx.NodeProto], expected: bool) -> None:
    assert on_one_scale(scopes(network(*tail))[0], "y") == expected
