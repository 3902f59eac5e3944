from __future__ import annotations

import numpy as np
import onnx
import pytest
from graph_models import f32, info, model, node, random
from numpy.typing import NDArray
from trtflow.qdq.weights import bias_correction, clip_shares, output_channels, takes_correction

from trtflow.model.scopes import scopes

TAKES = {
    "Conv": (node("Conv", "x w b", "y"), True),
    "Conv without a bias": (node("Conv", "x w", "y"), True),
    "Conv with an empty bias": (node("Conv", "x w -", "y"), True),
    "Gemm": (node("Gemm", "x w b", "y"), True),
    "Gemm of a transposed input": (node("Gemm", "x w b", "y", transA=1), False),
    "computed weights": (node("Conv", "x z", "y"), False),
    "a computed bias": (node("Conv", "x w z", "y"), False),
    "MatMul": (node("MatMul", "x w", "y"), False),
    "ConvTranspose": (node("ConvTranspose", "x w", "y"), False),
}


@pytest.mark.parametrize(("proto", "expected"), TAKES.values(), ids=TAKES)
def test_a_bias_is_corrected_where_weights_and_bias_are_constants(proto: onnx.NodeProto, expected: bool) -> None:
    net = model([proto], [info("x", [1]), info("z", [1])], [info("y", None)], [f32("w", [1]), f32("b", [1])])
    assert takes_correction(proto, scopes(net)[0]) is expected


KINDS = {
    "Conv": (node("Conv", "x w", "y"), (6, 4, 3, 3)),
    "grouped Conv": (node("Conv", "x w", "y", group=2), (6, 2, 3, 3)),
    "Gemm": (node("Gemm", "x w", "y"), (4, 6)),
    "Gemm, transposed": (node("Gemm", "x w", "y", transB=1), (6, 4)),
}


@pytest.mark.parametrize(("proto", "shape"), KINDS.values(), ids=KINDS)
def test_the_bias_has_a_number_per_output_channel(proto: onnx.NodeProto, shape: tuple[int, ...]) -> None:
    assert output_channels(proto, shape) == 6


def mean_output(proto: onnx.NodeProto, weight: NDArray[np.float32], mean: NDArray[np.float64]) -> list[float]:
    """The output of each channel for a constant input, computed one number at a time."""
    if proto.op_type == "Gemm":
        rows = weight if any(a.name == "transB" for a in proto.attribute) else weight.T
        return [sum(float(w) * m for w, m in zip(row, mean, strict=True)) for row in rows]
    per_group = weight.shape[0] // (len(mean) // weight.shape[1])
    start = [channel // per_group * weight.shape[1] for channel in range(weight.shape[0])]
    return [
        sum(float(kernel.sum()) * mean[start[c] + i] for i, kernel in enumerate(weight[c].astype(np.float64)))
        for c in range(weight.shape[0])
    ]


@pytest.mark.parametrize(("proto", "shape"), KINDS.values(), ids=KINDS)
def test_the_correction_is_the_mean_that_rounding_took_away(proto: onnx.NodeProto, shape: tuple[int, ...]) -> None:
    weight = random(*shape, seed=1)
    rounded = np.round(weight * 4) / np.float32(4)
    exact, quantized = random(4, seed=2).astype(np.float64), random(4, seed=3).astype(np.float64)
    expected = np.subtract(mean_output(proto, weight, exact), mean_output(proto, rounded, quantized))
    found = bias_correction(proto, weight, rounded, exact, quantized)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert not bias_correction(proto, weight, weight, exact, exact).any()


def test_a_lone_outlier_is_clipped_where_that_is_better_and_even_channels_are_not() -> None:
    spike = np.full(2000, 0.3, np.float32)
    spike[0] = 1.0
    even = np.repeat(np.float32([1.0, -1.0]), 1000)
    shares = clip_shares(np.stack([even, np.zeros(2000, np.float32)]), 0)
    assert shares == (1.0, 1.0)
    crowd = np.linspace(-0.5, 0.5, 100_000, dtype=np.float32)
    assert clip_shares(np.append(crowd, np.float32(0.51)), None)[0] > 0.9
    assert clip_shares(np.append(crowd, np.float32(1.0)), None)[0] < 0.7


@pytest.mark.parametrize(("axis", "count"), [(None, 1), (0, 3), (1, 5)])
def test_there_is_a_share_per_channel_of_the_axis_or_one(axis: int | None, count: int) -> None:
    shares = clip_shares(random(3, 5, seed=1), axis)
    assert len(shares) == count
    assert all(0.5 <= share <= 1 for share in shares)
