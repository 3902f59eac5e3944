"""Small models whose behaviour in FP16 is known."""

from __future__ import annotations

import signal

import numpy as np
import onnx
import pytest
from doubling import double  # noqa: F401 (a fixture)
from onnx import TensorProto, helper, numpy_helper

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it, and so its children


def _model(nodes: list[onnx.NodeProto], constants: dict[str, object], width: int = 4) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "planted",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", width])],
        [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


@pytest.fixture
def overflowing() -> onnx.ModelProto:
    """y = (x · 1000) · 0.001 + 1: ``up`` exceeds FP16 for |x| ≥ 65.52, and nothing else does."""
    nodes = [
        helper.make_node("Mul", ["x", "thousand"], ["a"], "up"),
        helper.make_node("Mul", ["a", "thousandth"], ["b"], "down"),
        helper.make_node("Add", ["b", "one"], ["y"], "add"),
    ]
    return _model(nodes, {"thousand": 1000, "thousandth": 0.001, "one": 1})


@pytest.fixture
def products() -> onnx.ModelProto:
    """y = relu(x · a) · b, free batch; 6, 32 and 4 channels."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["h"], "up"),
        helper.make_node("Relu", ["h"], ["r"], "relu"),
        helper.make_node("MatMul", ["r", "b"], ["y"], "down"),
    ]
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", w]) for n, w in (("x", 6), ("y", 4))]
    constants = {"a": rng.normal(0, 1, (6, 32)), "b": rng.normal(0, 1, (32, 4))}
    initializers = [numpy_helper.from_array(v.astype(np.float32), n) for n, v in constants.items()]
    graph = helper.make_graph(nodes, "two", ports[:1], ports[1:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
