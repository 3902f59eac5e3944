"""Where nothing suits eight bits, each reason is told once, with a node."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, random
from onnx import TensorProto, helper

from trtflow.model.analysis import analyse
from trtflow.model.load import prepare
from trtflow.qdq.placement import sites
from trtflow.qdq.unsuited import why_unsuited

X = info("x", [1, 2, 4, 4])
W = info("w", [2, 2, 3, 3])
KERNEL = f32("k", random(2, 2, 3, 3))


def of(nodes: list[onnx.NodeProto], *inputs: onnx.ValueInfoProto, weights: list[onnx.TensorProto]) -> onnx.ModelProto:
    return model(nodes, [X, *inputs], [info("y", None)], weights)


def in_a_body() -> onnx.ModelProto:
    branch = helper.make_graph([node("Conv", "x k", "c")], "then", [], [info("c", [1, 2, 2, 2])])
    other = helper.make_graph([node("MaxPool", "x", "m", kernel_shape=[3, 3])], "else", [], [info("m", [1, 2, 2, 2])])
    choice = node("If", "flag", "y", then_branch=branch, else_branch=other)
    return of([choice], info("flag", [], TensorProto.BOOL), weights=[KERNEL])


def in_double() -> onnx.ModelProto:
    kernel = onnx.numpy_helper.from_array(random(2, 2, 3, 3).astype(np.float64), "k")
    nodes = [node("Cast", "x", "d", to=TensorProto.DOUBLE), node("Conv", "d k", "y")]
    return model(nodes, [X], [info("y", None, TensorProto.DOUBLE)], [kernel])


def behind_a_pad() -> onnx.ModelProto:
    pads = onnx.numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")
    nodes = [node("Pad", "x pads", "p"), node("Conv", "p k", "c"), node("MaxPool", "p", "m", kernel_shape=[3, 3])]
    return of([*nodes, node("Sub", "c m", "y")], weights=[KERNEL, pads])


MODELS = {
    "none": (of([node("Relu", "x", "y")], weights=[]), "it has no Conv, ConvTranspose, Gemm or MatMul"),
    "fed": (
        of([node("Conv", "x w", "y")], W, weights=[]),
        "Conv 'n_y' has weights that are computed or fed; expected constants, which become codes",
    ),
    "computed, twice": (
        of(
            [node("Abs", "w", "v"), node("Conv", "x v", "a"), node("Conv", "x v", "b"), node("Sub", "a b", "y")],
            W,
            weights=[],
        ),
        "Conv 'n_a' has weights that are computed or fed; expected constants, which become codes",
    ),
    "body": (in_a_body(), "Conv 'n_c' lies in a body of If, Loop or Scan, over whose border TensorRT fuses no pair"),
    "double": (in_double(), "Conv 'n_y' does not compute in FP32"),
    "pad": (
        behind_a_pad(),
        "Conv 'n_c' reads what a Pad returns to others, too, so that no pair fits before the Pad",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("net", "why"), MODELS.values(), ids=MODELS)
def test_what_is_in_the_way_is_told_with_the_first_node(net: onnx.ModelProto, why: str) -> None:
    analysis = analyse(prepare(net)[0])
    assert sites(analysis) == ()
    assert why_unsuited(analysis) == why
