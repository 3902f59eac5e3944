from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.parser import parse_model

from trtflow.calibration.cures.clipping import clip_shares
from trtflow.calibration.cures.correction import bias_correction
from trtflow.cures.moving import target_amax, transfer_ranges
from trtflow.cures.transfers import transfers
from trtflow.numerics.quantize import along, on_grid, scale_for, weight_scale
from trtflow.runners.reference import create_session

HEAD = '<ir_version: 10, opset_import: ["" : 17]>\n'
PICTURE, ROW = "net (float[2,3,8,8] x) => (float[N] y)", "net (float[2,5,6] x) => (float[N] y)"


def build(header: str, body: str, shapes: Mapping[str, Sequence[int]], seed: int = 5) -> onnx.ModelProto:
    """The network with random constants; variances positive."""
    model = parse_model(f"{HEAD}{header}\n{{\n{body}\n}}")
    rng = np.random.default_rng(seed)
    for node in model.graph.node:
        node.name = f"n_{node.output[0]}"
    for name, shape in shapes.items():
        array = rng.uniform(0.5, 2, shape) if name.startswith("v") else rng.normal(0, 1, shape)
        model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return model


CASES = {
    "BatchNormalization, Relu, pooling": (
        PICTURE,
        "a = Conv (x, w)\nb = BatchNormalization (a, s, t, m, v)\nc = Relu (b)\n"
        "d = MaxPool <kernel_shape=[2,2]> (c)\ny = Conv (d, u)",
        {"w": (4, 3, 3, 3), "s": (4,), "t": (4,), "m": (4,), "v": (4,), "u": (5, 4, 1, 1)},
        ("d", ("n_y",), "migration"),
    ),
    "a biased convolution and a depthwise one": (
        PICTURE,
        "a = Conv (x, w, b)\nc = Relu (a)\ny = Conv <group=4> (c, u)",
        {"w": (4, 3, 3, 3), "b": (4,), "u": (8, 1, 3, 3)},
        ("c", ("n_y",), "equalisation"),
    ),
    "a transposed convolution and a grouped one": (
        PICTURE,
        "a = ConvTranspose (x, w, b)\ny = Conv <group=2> (a, u)",
        {"w": (3, 4, 2, 2), "b": (4,), "u": (6, 2, 1, 1)},
        ("a", ("n_y",), "equalisation"),
    ),
    "LayerNormalization and three readers": (
        ROW,
        "a = LayerNormalization (x, s, t)\nq = MatMul (a, f)\nk = MatMul (a, g)\nv0 = MatMul (a, h)\n"
        "z = Add (q, k)\ny = Add (z, v0)",
        {"s": (6,), "t": (6,), "f": (6, 4), "g": (6, 4), "h": (6, 4)},
        ("a", ("n_q", "n_k", "n_v0"), "migration"),
    ),
    "a normalisation spelt out": (
        ROW,
        "a = Tanh (x)\nb = Mul (a, s)\nc = Add (b, t)\ny = MatMul (c, f)",
        {"s": (6,), "t": (6,), "f": (6, 4)},
        ("c", ("n_y",), "migration"),
    ),
    "two products with a bias between": (
        ROW,
        "a = MatMul (x, f)\nb = Add (a, t)\nc = Relu (b)\ny = MatMul (c, g)",
        {"f": (6, 7), "t": (7,), "g": (7, 4)},
        ("c", ("n_y",), "equalisation"),
    ),
    "two Gemm, the second transposed": (
        "net (float[3,6] x) => (float[N] y)",
        "a = Gemm (x, f, t)\nb = LeakyRelu (a)\ny = Gemm <transB=1, alpha=0.5> (b, g, h)",
        {"f": (6, 7), "t": (7,), "g": (4, 7), "h": (4,)},
        ("b", ("n_y",), "equalisation"),
    ),
    "a transposed convolution that reads a pooled one": (
        PICTURE,
        "a = Conv <group=3> (x, w, b)\nc = AveragePool <kernel_shape=[3,3]> (a)\ny = ConvTranspose (c, u)",
        {"w": (6, 1, 3, 3), "b": (6,), "u": (6, 5, 2, 2)},
        ("c", ("n_y",), "equalisation"),
    ),
    "a spelt-out normalisation of pictures": (
        PICTURE,
        "a = Tanh (x)\nb = Mul (a, s)\nc = Add (b, t)\nd = GlobalAveragePool (c)\ny = Conv (d, u)",
        {"s": (3, 1, 1), "t": (1, 3, 1, 1), "u": (5, 3, 1, 1)},
        ("d", ("n_y",), "migration"),
    ),
}


@pytest.mark.parametrize("case", list(CASES))
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_range_moves_and_the_network_computes_the_same_bit_for_bit(case: str, data: st.DataObject) -> None:
    header, body, shapes, (tensor, readers, kind) = CASES[case]
    model = build(header, body, shapes, seed=data.draw(st.integers(0, 2**32 - 1)))
    found = {transfer.tensor: transfer for transfer in transfers(model)}
    transfer = found[tensor]
    assert (transfer.readers, transfer.kind) == (readers, kind)
    shifts = data.draw(st.lists(st.integers(-6, 6), min_size=transfer.channels, max_size=transfer.channels))
    changed = transfer_ranges(model, transfer, shifts)
    assert [node.name for node in changed.graph.node] == [node.name for node in model.graph.node]
    dims = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim]
    feed = {"x": np.random.default_rng(1).normal(0, 1, dims).astype(np.float32)}
    for marked in ((), (tensor,)):  # as a whole, and with nothing fused across the tensor
        before, after = (_run(m, marked, feed) for m in (model, changed))
        np.testing.assert_array_equal(after[0], before[0])
    factors = np.exp2(np.array(shifts, np.float32))
    shape = [-1 if place == transfer.axis % before[1].ndim else 1 for place in range(before[1].ndim)]
    np.testing.assert_array_equal(after[1] * factors.reshape(shape), before[1])
    np.testing.assert_array_equal(target_amax(changed, transfer), target_amax(model, transfer) * factors)


def _run(model: onnx.ModelProto, marked: Sequence[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.extend(onnx.ValueInfoProto(name=tensor) for tensor in marked)
    return [np.asarray(array) for array in create_session(copy).run(None, feed)]


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


def test_a_bias_correction_takes_the_mean_error_away() -> None:
    rng = np.random.default_rng(2)
    weight = rng.normal(0, 1, (6, 2, 1, 1)).astype(np.float32)
    rounded = on_grid(weight, scale_for(np.abs(weight).max() * 4, "int8"), "int8")
    x = rng.uniform(0, 3, (4, 4, 9, 9)).astype(np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], group=2)
    delta = bias_correction(node, weight, rounded, x.mean(axis=(0, 2, 3)), x.mean(axis=(0, 2, 3)))
    graph = helper.make_graph(
        [node], "one", [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("x", "w")],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )  # fmt: skip
    session = create_session(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10))
    exact, found = (session.run(None, {"x": x, "w": w})[0].mean(axis=(0, 2, 3)) for w in (weight, rounded))
    np.testing.assert_allclose(found + delta, exact, atol=1e-4)


@given(seed=st.integers(0, 2**32 - 1), axis=st.sampled_from([0, 1, None]))
@settings(max_examples=30, deadline=None)
def test_clipping_a_weight_never_raises_its_error(seed: int, axis: int | None) -> None:
    weight = np.random.default_rng(seed).standard_t(2, (5, 400)).astype(np.float32)
    shares = clip_shares(weight, axis)
    assert len(shares) == (1 if axis is None else weight.shape[axis])

    def error(chosen: Sequence[float]) -> float:
        grid = along(weight_scale(weight, axis, "int8", chosen), axis, 2)
        return float(np.square(weight - on_grid(weight, grid, "int8"), dtype=np.float64).sum())

    assert error(shares) <= error((1.0,)) * (1 + 1e-5)
