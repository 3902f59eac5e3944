"""A file's types ask for precisions, of nodes whose precision they decide."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node

from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.trt.asked import typed_nodes


@pytest.mark.parametrize("low", ["fp16", "bf16"])
def test_each_node_is_asked_for_in_the_type_that_it_writes(overflowing: onnx.ModelProto, low: str) -> None:
    mixed = rewrite(overflowing, PrecisionPlan(low, {"up": "fp32"})).model  # type: ignore[arg-type]
    assert typed_nodes(mixed) == {"up": "fp32", "down": low, "add": low}


def test_nothing_is_said_of_shapes_and_casts() -> None:
    nodes = [
        node("Shape", "x", "s", "size"),
        node("Reshape", "x s", "r", "same"),
        node("Cast", "r", "y", "cast", to=10),
    ]
    made = model(nodes, [info("x", [2, 2])], [info("y", [2, 2], onnx.TensorProto.FLOAT16)])
    assert typed_nodes(made) == {"same": "fp32"}


def test_nothing_is_said_of_nodes_beside_a_pair() -> None:
    pair = [
        node("QuantizeLinear", "x s z", "q", "quantize"),
        node("DequantizeLinear", "q s z", "d", "dequantize"),
    ]
    nodes = [*pair, node("Relu", "d", "a", "read"), node("Exp", "a", "b", "free")]
    nodes += [node("QuantizeLinear", "b s z", "e", "again"), node("DequantizeLinear", "e s z", "y", "back")]
    zero = onnx.numpy_helper.from_array(np.int8(0), "z")
    made = model(
        [*nodes, node("Neg", "x", "w", "else")],
        [info("x", [2])],
        [info("y", [2]), info("w", [2])],
        [f32("s", 0.1), zero],
    )
    assert typed_nodes(made) == {"else": "fp32"}
