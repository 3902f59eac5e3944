"""The experiment on how CUDA adds up rows: its blocks change nothing in FP32, and only roundings in FP16."""

from __future__ import annotations

import fidelity_magika as magika
import numpy as np
import onnx
import pytest
from fidelity_placement import ON_CPU
from onnx import TensorProto, helper, numpy_helper

from trtflow.model.session import create_session
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.reference import ReferenceRunner

FEED = {"x": np.random.default_rng(0).normal(1, 1, (1, 512, 256)).astype(np.float32)}


def summed(keepdims: int) -> onnx.ModelProto:
    shape = [1, 1, 256] if keepdims else [1, 256]
    graph = helper.make_graph(
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"], "LayerNorm_0/Sum", keepdims=keepdims)],
        "sums",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 512, 256])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array([1]), "axes")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)


@pytest.mark.parametrize("keepdims", [0, 1])
@pytest.mark.parametrize("start", [0, 5])
def test_blocks_add_up_to_the_same_sums(keepdims: int, start: int) -> None:
    whole = summed(keepdims)
    with ReferenceRunner(whole) as one, ReferenceRunner(magika.in_blocks(whole, start)) as other:
        expected, found = one(FEED)["y"], other(FEED)["y"]
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_in_fp16_blocks_add_up_with_larger_errors() -> None:
    with ReferenceRunner(summed(1)) as runner:
        exact = [dict(runner(FEED))]
    once, blocks = (
        magika.emulated(model, PrecisionPlan(FP16), [FEED], exact)
        for model in (summed(1), magika.in_blocks(summed(1), 0))
    )
    assert blocks < once - 1


def test_other_nodes_stay_as_they_are() -> None:
    model = summed(1)
    model.graph.node[0].name = "elsewhere/Sum"
    assert [node.op_type for node in magika.in_blocks(model, 0).graph.node] == ["ReduceSum"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_node_alone_runs_in_the_types_that_it_is_given(dtype: type[np.floating]) -> None:
    node, given = summed(1).graph.node[0], {"x": FEED["x"].astype(dtype), "axes": np.array([1])}
    (made,) = create_session(magika.single(node, given, np.dtype(dtype), 15)).run(None, given)
    assert made.dtype == dtype
    np.testing.assert_allclose(made, given["x"].sum(1, keepdims=True, dtype=np.float32), rtol=1e-3)


def test_a_kernel_that_rounds_once_is_not_told() -> None:
    typed = rewrite(summed(1), PrecisionPlan(FP16)).model
    assert list(magika.alone(typed, FEED, ON_CPU)) == [
        "1 nodes alone; error over that of one rounding, default and deterministic:"
    ]
