"""Every way in which a file can be quantized already is told apart, and what TensorRT refuses is named."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import info, model, node
from onnx import TensorProto
from quantized_models import Network, convolutions

from trtflow.files.quantization import Codes, Obstacle, Quantization
from trtflow.model.analysis import analyse
from trtflow.qdq.recognise import recognised

T = TensorProto


def activations(elem: int = T.INT8, zero: int = 0) -> onnx.ModelProto:
    """One pair around an activation."""
    net = Network()
    net.add("Neg", net.pair("x", "p", 0.1, elem, zero), "y")
    return net.model(21)


def weights(elem: int, zero: int = 0, block: int = 0) -> onnx.ModelProto:
    """A constant of 64 by 8 codes; with ``block``, a scale for so many of a column."""
    net, rows = Network(), 64 // block if block else 1
    shape = (rows, 8) if block else (8,)
    codes = net.codes("w", elem, (64, 8), 1)
    grid = f"{net.floats('s', np.full(shape, 0.1))} {net.codes('z', elem, shape, zero)}"
    how = {"axis": 0, "block_size": block} if block else {"axis": 1}
    net.add("MatMul", f"x {net.add('DequantizeLinear', f'{codes} {grid}', 'dq', **how)}", "y")
    return model(net.nodes, [info("x", [4, 64])], [info("y", [4, 8])], net.held, 21)


def operator(op: str, inputs: str, outputs: str, domain: str = "") -> onnx.ModelProto:
    """A single operator on codes."""
    net = model(
        [node(op, inputs, outputs, "culprit", domain=domain)], [info("x", [4, 4])], [info("y", [4, 4])], [], 21
    )
    net.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    return net


def held(net: onnx.ModelProto) -> Quantization:
    return recognised(analyse(net))


def codes(role: str, kind: str, scales: str, count: int, zero: str = "0", *, encoded: bool = True) -> Codes:
    return Codes(role=role, type=kind, scales=scales, zero=zero, encoded=encoded, count=count)  # type: ignore[arg-type]


def test_nothing_is_found_in_floating_point() -> None:
    assert not held(convolutions(paired=()))


def test_a_symmetric_file_is_described_and_nothing_is_in_the_way() -> None:
    found = held(convolutions())
    assert set(found.codes) == {
        codes("activations", "int8", "one per tensor", 3),
        codes("weights", "int8", "one per channel", 3, encoded=False),
    }
    assert (found.obstacle, found.operators, found.weights_only) == (None, {}, False)


@pytest.mark.parametrize(
    ("net", "scales", "kind"),
    [
        (weights(T.INT8), "one per channel", "int8"),
        (weights(T.INT4, block=32), "one per 32 values", "int4"),
        (weights(T.FLOAT8E4M3FN), "one per channel", "float8e4m3fn"),
    ],
)
def test_weights_alone_are_told_from_a_network_in_eight_bits(net: onnx.ModelProto, scales: str, kind: str) -> None:
    found = held(net)
    assert found.codes == (codes("weights", kind, scales, 1, encoded=False),)
    assert (found.weights_only, found.obstacle) == (True, None)


def test_weights_that_the_file_encodes_itself_are_weights() -> None:
    net = Network()
    net.floats("w", np.ones((3, 3)))
    net.add("MatMul", f"x {net.pair('w', 'p', 0.1)}", "y")
    assert held(net.model()).codes == (codes("weights", "int8", "one per tensor", 1),)


@pytest.mark.parametrize(
    ("net", "culprit", "why"),
    [
        (activations(zero=5), "p_q", "a zero point other than 0"),
        (activations(T.UINT8, 128), "p_q", "UINT8 codes"),
        (activations(T.UINT8), "p_q", "UINT8 codes"),
        (activations(T.INT16), "p_q", "INT16 codes"),
        (activations(T.UINT16), "p_q", "UINT16 codes"),
        (activations(T.INT4), "p_q", "INT4 activations"),
        (activations(T.FLOAT8E5M2), "p_q", "FLOAT8E5M2 codes"),
        (weights(T.INT8, 3), "dq", "a zero point other than 0"),
        (weights(T.UINT4, 8, 32), "dq", "UINT4 codes"),
        (weights(T.INT32), "dq", "a bias in INT32"),
    ],
)
def test_pairs_that_tensorrt_refuses_name_the_first_node(net: onnx.ModelProto, culprit: str, why: str) -> None:
    found = held(net).obstacle
    assert found is not None
    assert (found.node, found.pairs, found.count) == (culprit, True, 1 if culprit == "dq" else 2)
    assert why in found.why


def test_a_missing_zero_point_is_uint8_says_onnx() -> None:
    net = activations()
    for pair in net.graph.node[:2]:
        del pair.input[2]
    obstacle = held(net).obstacle
    assert obstacle is not None
    assert obstacle.why.startswith("UINT8 codes")


@pytest.mark.parametrize(
    ("net", "op"),
    [
        (operator("DynamicQuantizeLinear", "x", "y s z"), "DynamicQuantizeLinear"),
        (operator("MatMulInteger", "x x", "y"), "MatMulInteger"),
        (operator("ConvInteger", "x x", "y"), "ConvInteger"),
        (operator("QLinearMatMul", "x s z x s z s z", "y"), "QLinearMatMul"),
        (operator("QLinearAdd", "x s z x s z s z", "y", "com.microsoft"), "QLinearAdd"),
        (operator("MatMulNBits", "x x x", "y", "com.microsoft"), "MatMulNBits"),
    ],
)
def test_operators_on_codes_are_counted_and_refused(net: onnx.ModelProto, op: str) -> None:
    found = held(net)
    assert found.operators == {op: 1}
    why = "it computes on codes, which TensorRT knows only between Q/DQ pairs"
    assert found.obstacle == Obstacle(node="culprit", op=op, why=why, count=1, pairs=False)


@pytest.mark.parametrize("domain", ["ai.company", "org.pytorch.aten"])
def test_the_same_name_in_a_domain_of_somebody_else_says_nothing(domain: str) -> None:
    assert not held(operator("QLinearAdd", "x", "y", domain))
