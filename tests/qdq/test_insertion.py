from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, random, run
from onnx import TensorProto, numpy_helper

from trtflow.model.edit import fresh_names
from trtflow.model.scopes import scopes
from trtflow.plan import Precision
from trtflow.qdq.insertion import Pairs, channels
from trtflow.qdq.placement import Weight

W = random(3, 4, seed=1) * np.array([[1], [10], [0.1]], np.float32)
STEP = np.array(0.5, np.float32)


def network() -> tuple[onnx.ModelProto, Pairs]:
    nodes = [node("Relu", "x", "a"), node("Gemm", "a w", "y", transB=1)]
    net = model(nodes, [info("x", [2, 4])], [info("y", None)], [f32("w", W)], opset=19)
    return net, Pairs(scopes(net)[0], fresh_names(net), {})


def told(net: onnx.ModelProto) -> list[tuple[str, ...]]:
    return [(n.op_type, n.name, *n.input, "->", *n.output) for n in net.graph.node]


def test_a_pair_stands_right_behind_what_it_reads() -> None:
    net, pairs = network()
    assert pairs.around("a", STEP, "int8", "fp32", "fp32") == "a__int8"
    pairs.insert()
    assert told(net) == [
        ("Relu", "n_a", "x", "->", "a"),
        ("QuantizeLinear", "a__quantize", "a", "a__quantize__scale", "a__quantize__zero", "->", "a__int8_codes"),
        (
            *("DequantizeLinear", "a__int8__dequantize", "a__int8_codes"),
            *("a__int8__dequantize__scale", "a__int8__dequantize__zero", "->", "a__int8"),
        ),
        ("Gemm", "n_y", "a", "w", "->", "y"),
    ]


def test_an_inputs_pair_comes_first_and_a_weights_codes_before_it() -> None:
    net, pairs = network()
    pairs.around("x", STEP, "int8", "fp32", "fp32")
    pairs.weight(Weight(1, "w", 0), (1.0,), "int8", "fp32")
    pairs.insert()
    assert [n.name for n in net.graph.node] == [
        *("w__int8__dequantize", "x__quantize", "x__int8__dequantize", "n_a", "n_y"),
    ]


def test_codes_are_made_once_and_dequantized_once_per_format() -> None:
    net, pairs = network()
    asked = [pairs.around("a", STEP, "int8", "fp32", computes) for computes in ("fp32", "fp16", "fp32")]
    assert asked == ["a__int8", "a__int8_1", "a__int8"]
    pairs.insert()
    assert [n.op_type for n in net.graph.node] == ["Relu", "QuantizeLinear", *["DequantizeLinear"] * 2, "Gemm"]
    assert pairs.floats == {"a__quantize": "fp32", "a__int8__dequantize": "fp32", "a__int8_1__dequantize": "fp16"}


def test_a_scale_that_fp16_cannot_hold_keeps_its_nodes_in_fp32() -> None:
    _, pairs = network()
    pairs.around("a", np.array(1e-9, np.float32), "int8", "fp16", "fp16")
    assert set(pairs.floats.values()) == {"fp32"}


ZEROS = {"int8": TensorProto.INT8, "fp8": TensorProto.FLOAT8E4M3FN}


@pytest.mark.parametrize(("precision", "elem"), ZEROS.items())
def test_the_zero_point_is_zero_and_tells_the_format(precision: Precision, elem: int) -> None:
    net, pairs = network()
    pairs.around("a", STEP, precision, "fp32", "fp32")
    zero = next(tensor for tensor in net.graph.initializer if tensor.name == "a__quantize__zero")
    assert (zero.data_type, list(zero.dims), zero.raw_data) == (elem, [], b"\0")


def test_weights_are_within_half_a_step_of_their_channel() -> None:
    net, pairs = network()
    net.graph.node[1].input[1] = pairs.weight(Weight(1, "w", 0), (1.0,), "int8", "fp32")
    pairs.insert()
    net.graph.output.append(info("w__int8", [3, 4]))
    rounded = run(net, {"x": random(2, 4)})[1]
    step = np.abs(W).max(axis=1, keepdims=True) / 127
    assert (np.abs(rounded - W) <= step * 0.5001).all()
    codes = next(tensor for tensor in net.graph.initializer if tensor.name == "w__int8_codes")
    assert np.abs(numpy_helper.to_array(codes)).max(axis=1).tolist() == [127] * 3


@pytest.mark.parametrize(("precision", "axis"), [("int8", 1), ("fp8", None)])
def test_only_int8_has_a_scale_per_channel(precision: Precision, axis: int | None) -> None:
    assert channels(Weight(1, "w", 1), precision) == axis
