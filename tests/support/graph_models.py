"""Small models that several tests use, and how to run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

LEVELS = {
    "disabled": ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def f32(name: str, values: Any) -> onnx.TensorProto:
    """An FP32 initializer."""
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def i64(name: str, values: Any) -> onnx.TensorProto:
    """An INT64 initializer."""
    return numpy_helper.from_array(np.asarray(values, np.int64), name)


def info(name: str, shape: Sequence[int | str | None] | None, elem: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """An input or output."""
    return helper.make_tensor_value_info(name, elem, shape)


def node(op: str, inputs: str, outputs: str, name: str = "", **attributes: Any) -> onnx.NodeProto:
    """A node; inputs and outputs separated by blanks, ``-`` for one left out; named after the output if unnamed."""
    given = ["" if i == "-" else i for i in inputs.split()]
    return helper.make_node(op, given, outputs.split(), name or f"n_{outputs.split()[0]}", **attributes)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    initializers: Sequence[onnx.TensorProto] = (),
    opset: int = 17,
    **fields: Any,
) -> onnx.ModelProto:
    """A model in ``opset``."""
    graph = helper.make_graph(list(nodes), "test", list(inputs), list(outputs), list(initializers))
    fields.setdefault("ir_version", 10)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], **fields)


def run(proto: onnx.ModelProto, feed: Mapping[str, Any], level: str = "all") -> list[NDArray[Any]]:
    """The outputs in ONNX Runtime."""
    options = ort.SessionOptions()
    options.graph_optimization_level = LEVELS[level]
    options.log_severity_level = 4
    session = ort.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs: list[NDArray[Any]] = session.run(None, dict(feed))
    return outputs


def accepted(proto: onnx.ModelProto) -> onnx.ModelProto:
    """``proto``, which the checker and strict shape inference take."""
    onnx.checker.check_model(proto, full_check=True)
    onnx.shape_inference.infer_shapes(proto, check_type=True, strict_mode=True)
    return proto


def casts(graph: onnx.GraphProto) -> list[tuple[str, str]]:
    """The Casts of a graph: what is cast, and to what."""
    names = {1: "fp32", 10: "fp16", 16: "bf16", 7: "int64", 9: "bool"}
    return [(n.input[0], names[n.attribute[0].i]) for n in graph.node if n.op_type == "Cast"]


def ops(graph: onnx.GraphProto) -> list[str]:
    """Operator types in order."""
    return [n.op_type for n in graph.node]


def random(*shape: int, seed: int = 0, scale: float = 1.0) -> NDArray[np.float32]:
    """Normal FP32 numbers."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def conv_net() -> onnx.ModelProto:
    """Conv, BatchNormalization, Relu, MaxPool, Conv, SiLU, Resize, Concat, Gemm-like tail; one dynamic dimension."""
    nodes = [
        node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
        node("BatchNormalization", "c1 scale shift mean var", "n1"),
        node("Relu", "n1", "r1"),
        node("MaxPool", "r1", "p1", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "p1 w2", "c2", pads=[1, 1, 1, 1]),
        node("Sigmoid", "c2", "s2"),
        node("Mul", "c2 s2", "a2"),
        node("Resize", "a2 - scales", "u2", mode="nearest"),
        node("Concat", "u2 r1", "k", axis=1),
        node("ConvTranspose", "k w3", "y"),
    ]
    weights = [
        f32("w1", random(4, 3, 3, 3, seed=1, scale=0.3)),
        f32("b1", random(4, seed=2)),
        f32("scale", random(4, seed=3)),
        f32("shift", random(4, seed=4)),
        f32("mean", random(4, seed=5)),
        f32("var", np.abs(random(4, seed=6)) + 0.5),
        f32("w2", random(4, 4, 3, 3, seed=7, scale=0.3)),
        f32("scales", [1, 1, 2, 2]),
        f32("w3", random(8, 2, 1, 1, seed=8)),
    ]
    return model(nodes, [info("x", ["N", 3, 8, 8])], [info("y", ["N", 2, 8, 8])], weights)
