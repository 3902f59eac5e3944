"""A network that is hard to cut into stages, and its feed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trtflow.data import Feed

FEED: Feed = {"x": np.linspace(-2, 3, 24, dtype=np.float32).reshape(2, 12)}


def network() -> tuple[onnx.ModelProto, list[str]]:
    """A skip connection, two outputs of one node, a body that reads from outside, shapes that depend on data."""
    inner = helper.make_graph(
        [helper.make_node("Add", ["a", "half"], ["inner"])], "then", [], [onnx.ValueInfoProto(name="inner")]
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["left"], ["outer"])], "else", [], [onnx.ValueInfoProto(name="outer")]
    )
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Split", ["a"], ["left", "right"], axis=1, num_outputs=2),
        helper.make_node("Mul", ["left", "right"], ["b"]),
        helper.make_node("If", ["yes"], ["c"], then_branch=inner, else_branch=other),
        helper.make_node("NonZero", ["b"], ["where"]),
        helper.make_node("Shape", ["where"], ["size"]),
        helper.make_node("Cast", ["where"], ["d"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["left", "b"], ["e"], axis=1),
        helper.make_node("Sub", ["c", "e"], ["f"]),
        helper.make_node("ReduceSum", ["f"], ["g"], keepdims=0),
        helper.make_node("Expand", ["g", "size"], ["y"]),
    ]
    constants = [numpy_helper.from_array(np.array(True), "yes"), numpy_helper.from_array(np.float32(0.5), "half")]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    bodies = [entry for node in model.graph.node for attribute in node.attribute for entry in attribute.g.node]
    for entry in (*model.graph.node, *bodies):
        entry.name = f"n_{entry.output[0]}"
    return model, ["a", "left", "right", "b", "c", "d", "e", "f", "g", "y"]


def split(tensors: Sequence[str], size: int) -> list[list[str]]:
    """``tensors`` in batches of ``size``."""
    return [list(tensors[start : start + size]) for start in range(0, len(tensors), size)]
