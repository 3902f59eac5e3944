"""Without its pairs a network computes what it would in floating point."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import accepted, ops, random, run
from onnx import TensorProto
from quantized_models import Network, convolutions, samples

from trtflow.qdq.bypass import without_pairs

FEED = samples(1)[0]


def differences(one: onnx.ModelProto, other: onnx.ModelProto) -> float:
    """The largest deviation, as a share of the largest value."""
    made, expected = run(one, FEED)[0], run(other, FEED)[0]
    return float(np.abs(made - expected).max() / np.abs(expected).max())


def test_all_pairs_go_and_the_values_stay_within_their_steps() -> None:
    net = convolutions()
    bare, count = without_pairs(net)
    assert count == 6
    assert not {"QuantizeLinear", "DequantizeLinear"} & set(ops(accepted(bare).graph))
    assert 0 < differences(net, bare) < 0.05


def test_weights_become_what_their_codes_stand_for() -> None:
    bare, _ = without_pairs(convolutions())
    held = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in bare.graph.initializer}
    name = next(n.input[1] for n in bare.graph.node if n.name == "one")
    exact = random(8, 3, 3, 3, seed=0) * 0.2
    step = np.abs(exact).reshape(8, -1).max(1) / 120
    assert (np.abs(held[name] - exact) <= step.reshape(-1, 1, 1, 1) * 0.501).all()


def test_only_those_named_go_and_the_others_stay_as_they_are() -> None:
    bare, count = without_pairs(convolutions(), ("two_x_dq", "two_w_dq"))
    assert count == 2
    left = {node.name for node in bare.graph.node if node.op_type == "DequantizeLinear"}
    assert left == {"one_x_dq", "one_w_dq", "three_x_dq", "three_w_dq"}
    assert [node.name for node in bare.graph.node if node.op_type == "QuantizeLinear"] == ["one_x_q", "three_x_q"]


def test_taking_out_the_pairs_of_all_nodes_one_by_one_ends_where_taking_all_does() -> None:
    step = convolutions()
    for name in ("one", "two", "three"):
        step, _ = without_pairs(step, (f"{name}_x_dq", f"{name}_w_dq"))
    np.testing.assert_array_equal(run(step, FEED)[0], run(without_pairs(convolutions())[0], FEED)[0])


def test_an_output_keeps_its_name() -> None:
    net = Network()
    net.pair(net.add("Neg", "x", "n"), "p", 0.1)
    bare, _ = without_pairs(net.model())
    assert [value.name for value in bare.graph.output] == ["p_dq"]
    np.testing.assert_array_equal(run(bare, FEED)[0], -FEED["x"])


@pytest.mark.parametrize(
    ("elem", "zero", "clamped"),
    [
        (TensorProto.UINT8, 0, True),
        (TensorProto.INT8, -128, True),
        (TensorProto.UINT8, 128, False),
        (TensorProto.INT8, 0, False),
    ],
)
def test_a_quantizer_that_cuts_at_zero_was_the_relu(elem: int, zero: int, clamped: bool) -> None:
    net = Network()
    net.add("Neg", net.pair("x", "p", 0.05, elem, zero), "y")
    bare, _ = without_pairs(net.model())
    expected = -np.maximum(FEED["x"], 0) if clamped else -FEED["x"]
    np.testing.assert_array_equal(run(bare, FEED)[0], expected)


def test_blocks_of_four_bits_are_decoded() -> None:
    net, codes = Network(), np.arange(-8, 8).repeat(4).reshape(8, 8)
    net.codes("w", TensorProto.INT4, (8, 8), codes)
    net.floats("s", [[0.5] * 8, [2.0] * 8])
    net.add("MatMul", f"x {net.add('DequantizeLinear', 'w s', 'dq', axis=0, block_size=4)}", "y")
    bare, count = without_pairs(net.model(21))
    held = [onnx.numpy_helper.to_array(tensor) for tensor in bare.graph.initializer]
    assert count == 1
    np.testing.assert_array_equal(held[0], codes * np.array([0.5, 2.0]).repeat(4)[:, None])


def test_what_was_computed_on_codes_is_left_alone() -> None:
    net = convolutions()
    pool = onnx.helper.make_node("MaxPool", ["one_x_q"], ["pooled"], "pool", kernel_shape=[1, 1])
    reader = next(node for node in net.graph.node if node.name == "one_x_dq")
    reader.input[0] = "pooled"
    net.graph.node.insert([n.name for n in net.graph.node].index("one_x_dq"), pool)
    assert without_pairs(net)[1] == 5
