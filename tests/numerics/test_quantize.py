"""Scales, and what arrays become on a grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import helper

from trtflow.numerics.quantize import along, encode, fits_fp16, on_grid, scale_for, weight_scale
from trtflow.precision import FP8, INT8, QUANTIZED, ROWS, Precision

GRIDS = sorted(QUANTIZED)
VALUES = hnp.arrays(np.float32, st.integers(1, 50), elements=st.floats(-1e4, 1e4, width=32, allow_subnormal=False))


@pytest.mark.parametrize("precision", GRIDS)
@given(amax=st.floats(1e-3, 1e6))
def test_scales_are_numbers_of_fp16_and_cover_amax(precision: Precision, amax: float) -> None:
    scale = scale_for(amax, precision)
    assert fits_fp16(scale) or precision == FP8  # whose steps are below FP16's for a small amax
    assert 1 - 1e-6 <= float(scale) * ROWS[precision].largest / amax <= 1.011


@pytest.mark.parametrize("amax", [1e-6, 1e9])
def test_a_scale_outside_fp16_stays_exact(amax: float) -> None:
    scale = scale_for(amax, INT8)
    assert not fits_fp16(scale)
    assert float(scale) == pytest.approx(amax / 127)


def test_scales_have_the_shape_of_the_ranges() -> None:
    assert scale_for(np.ones((3, 1)), INT8).shape == (3, 1)
    assert scale_for(1.0, INT8).shape == ()


@pytest.mark.parametrize(
    ("axis", "shares", "peaks"),
    [(None, (1.0,), 8.0), (None, (0.5,), 4.0), (0, (1.0,), [2.0, 8.0]), (1, (1.0, 0.5, 1.0), [8.0, 1.0, 4.0])],
)
def test_weights_are_scaled_by_their_largest_magnitude_per_channel_or_in_all(
    axis: int | None, shares: tuple[float, ...], peaks: Any
) -> None:
    array = np.float32([[1, -2, 0.5], [-8, 1, 4]])
    np.testing.assert_array_equal(weight_scale(array, axis, INT8, shares), scale_for(np.asarray(peaks), INT8))


def test_a_channel_of_zeros_gets_the_largest_scale() -> None:
    scale = weight_scale(np.float32([[0, 0], [1, 3]]), 0, INT8)
    assert scale[0] == scale[1] == scale_for(3.0, INT8)
    assert weight_scale(np.zeros((2, 2), np.float32), None, INT8) == scale_for(1.0, INT8)


@pytest.mark.parametrize(("axis", "shape"), [(0, (2, 1, 1)), (1, (1, 2, 1)), (2, (1, 1, 2)), (None, (1, 1, 1))])
def test_channels_broadcast_along_their_axis(axis: int | None, shape: tuple[int, ...]) -> None:
    assert along(np.arange(2 if axis is not None else 1), axis, 3).shape == shape


@pytest.mark.parametrize(
    ("value", "code"),
    [(0.4, 0), (0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2), (126.6, 127), (500, 127), (-500, -128)],
)
def test_int8_codes_are_the_nearest_integers_ties_to_even_and_saturate(value: float, code: int) -> None:
    found = encode(np.float32([value]), np.float32(1), INT8)
    assert (found.tolist(), found.dtype) == ([code], np.int8)


@pytest.mark.parametrize(("value", "code"), [(17, 16), (19, 20), (500, 448), (-500, -448), (2.0**-10, 0)])
def test_fp8_codes_are_numbers_of_the_format_and_saturate(value: float, code: float) -> None:
    found = encode(np.float32([value]), np.float32(1), FP8)
    assert (found.astype(np.float32).tolist(), found.dtype) == ([code], ROWS[FP8].dtype)


@pytest.mark.parametrize("precision", GRIDS)
@given(values=VALUES)
def test_numbers_of_the_grid_stay_as_they_are(precision: Precision, values: NDArray[Any]) -> None:
    scale = scale_for(float(np.abs(values).max()) or 1.0, precision)
    once = on_grid(values, scale, precision)
    np.testing.assert_array_equal(on_grid(once, scale, precision), once)


@given(values=VALUES)
def test_values_in_range_move_by_half_a_step_of_int8_at_most(values: NDArray[Any]) -> None:
    scale = scale_for(float(np.abs(values).max()) or 1.0, INT8)
    assert (np.abs(on_grid(values, scale, INT8) - values) <= 0.5 * scale * (1 + 1e-5)).all()


@given(values=VALUES)
def test_values_in_range_keep_the_digits_of_fp8(values: NDArray[Any]) -> None:
    scale, row = scale_for(float(np.abs(values).max()) or 1.0, FP8), ROWS[FP8]
    bound = np.maximum(row.unit_roundoff * np.abs(values), row.flushed * scale)
    assert (np.abs(on_grid(values, scale, FP8) - values) <= bound * (1 + 1e-5)).all()


@pytest.mark.parametrize("precision", GRIDS)
@given(values=VALUES)
def test_a_grid_is_symmetric_within_its_range(precision: Precision, values: NDArray[Any]) -> None:
    scale = scale_for(float(np.abs(values).max()) or 1.0, precision)
    np.testing.assert_array_equal(on_grid(-values, scale, precision), -on_grid(values, scale, precision))


@pytest.mark.parametrize("precision", GRIDS)
def test_a_pair_of_onnx_runtime_gives_the_same_bits(precision: Precision) -> None:
    values = np.random.default_rng(0).normal(0, 300, 20_000).astype(np.float32)
    scale = scale_for(500.0, precision)
    pair = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    ports = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n"]) for name in ("x", "y")]
    constants = [
        onnx.numpy_helper.from_array(scale, "s"),
        helper.make_tensor("z", ROWS[precision].onnx_type, [], bytes(1), raw=True),
    ]
    graph = helper.make_graph(pair, "pair", ports[:1], ports[1:], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(session.run(None, {"x": values})[0], on_grid(values, scale, precision))
