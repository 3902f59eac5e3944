from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.numerics.formats import round_to
from trtflow.precision import ROWS, Precision

INF = float("inf")
FLOATS = [row.name for row in ROWS.values() if not row.uniform]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("fp16", 65519.0, 65504.0),
        ("fp16", 65520.0, INF),
        ("fp16", -65520.0, -INF),
        ("fp16", 2049.0, 2048.0),  # a tie goes to the even neighbour
        ("fp16", 2051.0, 2052.0),
        ("fp16", 2.0**-25, 0.0),
        ("fp16", 1.5 * 2.0**-25, 2.0**-24),
        ("fp16", INF, INF),
        ("bf16", 257.0, 256.0),
        ("bf16", 259.0, 260.0),
        ("bf16", 3.4e38, INF),
        ("fp8", 449.0, 448.0),
        ("fp8", -INF, -448.0),
        ("fp8", 17.0, 16.0),
        ("fp32", 1e-45, 1e-45),
    ],
)
def test_round_to_nearest_even(name: Precision, value: float, expected: float) -> None:
    assert round_to(np.float32([value]), name).tolist() == np.float32([expected]).tolist()


@pytest.mark.parametrize("name", FLOATS)
def test_round_to_keeps_nan_signs_shape_and_type(name: Precision) -> None:
    rounded = round_to(np.float32([[np.nan, -0.0, 0.0]]), name)
    assert (rounded.shape, rounded.dtype) == ((1, 3), np.float32)
    assert np.isnan(rounded[0, 0])
    assert np.signbit(rounded[0, 1:]).tolist() == [True, False]


@pytest.mark.parametrize("name", FLOATS)
@given(value=st.floats(width=32, allow_nan=False))
def test_rounding_is_idempotent_and_within_the_unit_roundoff(name: Precision, value: float) -> None:
    found = ROWS[name]
    rounded = round_to(np.float32([value]), name)
    assert round_to(rounded, name).tolist() == rounded.tolist()
    if found.smallest_normal <= abs(value) <= found.largest:
        assert abs(float(rounded[0]) - value) <= found.unit_roundoff * abs(value)


def test_int8_is_no_floating_point_format() -> None:
    with pytest.raises(ValueError, match="int8 is no floating-point format"):
        round_to(np.zeros(1, np.float32), "int8")


def test_fp16_and_bf16_round_as_numpy_and_ml_dtypes_do() -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, 1 << 16, np.uint32)
    values = bits.view(np.float32)
    with np.errstate(all="ignore"):
        for name, dtype in (("fp16", np.float16), ("bf16", ml_dtypes.bfloat16)):
            np.testing.assert_array_equal(round_to(values, name), values.astype(dtype).astype(np.float32))
