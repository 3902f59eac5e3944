"""A model run in stages computes what it computes in one piece, whatever the batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from trtflow.data import Feed
from trtflow.model.ports import mark_outputs
from trtflow.model.session import create_session
from trtflow.model.shapes import inferred_shapes
from trtflow.runners.staged import Staged, make_batches

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
    return model, ["a", "left", "right", "b", "c", "d", "e", "f", "g", "y"]


def split(tensors: Sequence[str], size: int) -> list[list[str]]:
    return [list(tensors[start : start + size]) for start in range(0, len(tensors), size)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 10])
def test_stages_compute_what_the_whole_does(size: int) -> None:
    model, tensors = network()
    whole = create_session(mark_outputs(model, tensors)).run(tensors, FEED)
    shapes = inferred_shapes(model, {"x": FEED["x"].shape})
    staged = Staged(model, split(tensors, size))
    for _ in range(2):
        found = {name: array.copy() for batch in staged.run(FEED, shapes) for name, array in batch.items()}
        assert list(found) == tensors
        for name, expected in zip(tensors, whole, strict=True):
            np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_batches_keep_to_the_budget_where_sizes_must_be_measured() -> None:
    model, _ = network()
    assert make_batches(model, ["a", "d", "y"], FEED, 4 * 24) == [["a"], ["d", "y"]]
