"""Which layers of a quantized file are in eight bits, and what the others lack."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto
from quantized_models import Network, convolutions

from trtflow.model.analysis import analyse
from trtflow.qdq.held import HeldLayer, held_layers, holds_pairs


def test_layers_between_pairs_are_in_eight_bits_and_others_say_what_they_lack() -> None:
    expected = {
        "one": HeldLayer("one", "Conv", "int8", "", ("one_x_dq", "one_w_dq")),
        "two": HeldLayer("two", "Conv", None, "no pair on its input or on its weights", ()),
        "three": HeldLayer("three", "Conv", "int8", "", ("three_x_dq", "three_w_dq")),
    }
    found = held_layers(analyse(convolutions(paired=("one", "three"))))
    assert {layer.node: layer for layer in found} == expected


@pytest.mark.parametrize(
    ("inputs", "weights", "lacks"),
    [
        (False, True, "no pair on its input"),
        (True, False, "no pair on its weights"),
        (True, True, ""),
    ],
)
def test_each_operand_needs_a_pair(inputs: bool, weights: bool, lacks: str) -> None:
    net, values = Network(), np.ones((8, 3, 3, 3), np.float32)
    x = net.pair("x", "p", 0.1) if inputs else "x"
    net.conv(x, net.weights("w", values) if weights else net.floats("w", values), "y")
    (layer,) = held_layers(analyse(net.model()))
    assert (layer.precision, layer.lacks) == (None if lacks else "int8", lacks)


def test_codes_of_two_kinds_make_no_kernel() -> None:
    net = Network()
    net.conv(
        net.pair("x", "p", 0.1, TensorProto.FLOAT8E4M3FN), net.weights("w", np.ones((8, 3, 3, 3), np.float32)), "y"
    )
    (layer,) = held_layers(analyse(net.model()))
    assert (layer.precision, layer.lacks) == (None, "its operands have codes that do not go together")


def test_a_pair_is_seen_through_a_transpose() -> None:
    net = Network()
    w = net.add("Transpose", net.weights("w", np.ones((4, 8), np.float32)), "turned", perm=[1, 0])
    net.add("MatMul", f"{net.pair('x', 'p', 0.1)} {w}", "y")
    (layer,) = held_layers(analyse(net.model()))
    assert (layer.precision, layer.dequantizers) == ("int8", ("p_dq", "w_dq"))


@pytest.mark.parametrize(("paired", "holds"), [((), False), (("two",), True)])
def test_a_model_holds_pairs_or_not(paired: tuple[str, ...], holds: bool) -> None:
    assert holds_pairs(analyse(convolutions(paired=paired))) is holds
