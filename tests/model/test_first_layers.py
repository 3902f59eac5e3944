"""What reads an input first is found behind preprocessing, with the line that the preprocessing draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from graph_models import f32, i64, info, model, node

from trtflow.model.first_layers import Reader, first_layers

WEIGHTS = (
    f32("w", np.ones((4, 3, 3, 3))),
    f32("mean", np.reshape([100, 110, 120], (1, 3, 1, 1))),
    f32("std", np.reshape([50, 55, 60], (1, 3, 1, 1))),
    f32("full", 255),
    f32("zero", 0),
    f32("one", 1),
    f32("grid", np.ones((1, 3, 16, 16))),
    f32("ones", np.ones(3)),
    i64("index", [2, 1, 0]),
    f32("table", np.ones((9, 3, 16, 16))),
)
CONV = node("Conv", "p w", "y", "conv", pads=[1, 1, 1, 1])


def readers(*nodes: onnx.NodeProto, shape: Sequence[int] = (1, 3, 16, 16), **fields: Any) -> tuple[Reader, ...]:
    """The readers of ``x``."""
    return first_layers(model(nodes, [info("x", shape)], [info("y", None)], WEIGHTS, **fields))["x"]


@pytest.mark.parametrize(
    ("nodes", "scale", "shift"),
    [
        ([node("Identity", "x", "p")], [1], [0]),
        ([node("Transpose", "x", "t"), node("Gather", "t index", "p", axis=1)], [1], [0]),
        ([node("Concat", "one x", "p", axis=1)], [1], [0]),
        ([node("Div", "x full", "p")], [1 / 255], [0]),
        ([node("Sub", "x mean", "s"), node("Div", "s std", "p")], [1 / 50, 1 / 55, 1 / 60], [-2, -2, -2]),
        ([node("Div", "x full", "d"), node("Sub", "d one", "s"), node("Mul", "s std", "p")], None, [-50, -55, -60]),
        ([node("Sub", "one x", "a"), node("Add", "full a", "p")], [-1], [256]),
        ([node("BatchNormalization", "x ones ones ones ones", "p", "norm")], [np.nan], [np.nan]),
        ([node("QuantizeLinear", "x one", "q"), node("DequantizeLinear", "q one", "p")], [np.nan], [np.nan]),
    ],
)
def test_a_convolution_is_found_with_the_line_of_what_lies_before_it(
    nodes: list[onnx.NodeProto], scale: list[float] | None, shift: list[float]
) -> None:
    found = readers(*nodes, CONV)[-1]
    assert (found.node.name, found.rank) == ("conv", 4)
    np.testing.assert_allclose(found.shift, shift)
    np.testing.assert_allclose(found.scale, scale or [50 / 255, 55 / 255, 60 / 255])


@pytest.mark.parametrize(
    "layer",
    [
        node("Relu", "x", "p", "layer"),
        node("Mul", "x zero", "p", "layer"),  # nothing of the input is left
        node("Div", "one x", "p", "layer"),
        node("Add", "x x", "p", "layer"),
        node("Add", "x grid", "p", "layer"),  # positions, no mean
        node("Gather", "table x", "p", "layer"),  # an index, no picture
        node("Cast", "x", "p", "layer", domain="elsewhere", to=1),
    ],
    ids=lambda layer: f"{layer.op_type} {layer.input}",
)
def test_what_computes_more_than_a_line_is_a_layer(layer: onnx.NodeProto) -> None:
    assert [reader.node.name for reader in readers(layer, CONV)] == ["layer"]


def test_all_readers_are_found_and_a_normalisation_is_one_besides_what_it_feeds() -> None:
    nodes = [node("BatchNormalization", "x ones ones ones ones", "p", "norm"), CONV, node("Relu", "x", "z", "relu")]
    assert {reader.node.name for reader in readers(*nodes)} == {"norm", "conv", "relu"}


@pytest.mark.parametrize(
    ("weight", "rank"),
    [
        ([node("Identity", "w", "v")], 4),
        ([node("QuantizeLinear", "w one", "q"), node("DequantizeLinear", "q one", "v")], 4),
        ([node("Add", "x x", "v")], None),
    ],
    ids=["moved", "quantized", "computed"],
)
def test_the_rank_is_that_of_the_kernel_or_of_the_constant_that_it_comes_from(
    weight: list[onnx.NodeProto], rank: int | None
) -> None:
    ranks = [
        reader.rank for reader in readers(*weight, node("Conv", "x v", "y", "conv")) if reader.node.name == "conv"
    ]
    assert ranks == [rank]
    (told,) = readers(node("Conv", "x v", "y", kernel_shape=[3]))
    assert told.rank == 3


def test_weights_among_the_inputs_are_no_inputs() -> None:
    listed = model([CONV], [info("p", [1, 3, 16, 16]), info("w", [4, 3, 3, 3])], [info("y", None)], WEIGHTS)
    assert list(first_layers(listed)) == ["p"]
