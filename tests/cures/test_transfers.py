"""Where the range of a tensor can move, and where it cannot."""

from __future__ import annotations

import pytest
from transfer_cases import CASES, PICTURE, ROW, build

from trtflow.cures.transfers import transfers


@pytest.mark.parametrize(
    ("case", "channels"),
    [
        ("BatchNormalization, Relu, pooling", 4),
        ("a biased convolution and a depthwise one", 4),
        ("LayerNormalization and three readers", 6),
        ("two Gemm, the second transposed", 7),
        ("a spelt-out normalisation of pictures", 3),
    ],
)
def test_a_transfer_knows_the_channels_and_who_takes_the_factors(case: str, channels: int) -> None:
    header, body, shapes, (tensor, readers, kind) = CASES[case]
    (found,) = (transfer for transfer in transfers(build(header, body, shapes)) if transfer.tensor == tensor)
    assert (found.channels, found.readers, found.kind) == (channels, readers, kind)
    assert [slot.index for slot in found.targets] == [1] * len(readers)
    assert found.axis == (1 if header == PICTURE else -1)


@pytest.mark.parametrize(
    "body",
    [
        "a = MatMul (x, f)\nb = Sigmoid (a)\ny = MatMul (b, g)",  # not homogeneous
        "a = MatMul (x, f)\nb = Relu (a)\nc = MatMul (b, g)\ny = Add (c, b)",  # read by a residual sum as well
        "a = MatMul (x, f)\nb = Relu (a)\nc = Tanh (a)\nd = Mul (b, c)\ny = MatMul (d, g)",  # no constant source
        "a = Tanh (x)\ny = MatMul (a, f)",
    ],
)
def test_where_range_cannot_move_nothing_is_offered(body: str) -> None:
    assert transfers(build(ROW, body, {"f": (6, 6), "g": (6, 6)})) == ()


@pytest.mark.parametrize(
    "body",
    [
        "a = ConvTranspose <group=3> (x, w)\ny = Conv (a, u)",  # a grouped source
        "a = Conv (x, w)\nb = Conv (a, u)\nc = MatMul (a, f)\nd = Sigmoid (c)\ny = Mul (b, d)",  # two axes
    ],
)
def test_pictures_whose_range_cannot_move(body: str) -> None:
    shapes = {"w": (3, 1, 1, 1) if "group" in body else (3, 3, 1, 1), "u": (5, 3, 1, 1), "f": (8, 8)}
    model = build(PICTURE, body, {name: shape for name, shape in shapes.items() if name in body.replace("Mul", "")})
    assert "a" not in {transfer.tensor for transfer in transfers(model)}
