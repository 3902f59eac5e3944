from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from graph_models import f32
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from onnx import TensorProto

from trtflow.model.constants import Loss, cast, loss, values
from trtflow.plan import Precision

INF = float("inf")


@pytest.mark.parametrize(
    ("precision", "elem", "given_values", "expected"),
    [
        ("fp16", TensorProto.FLOAT16, [1 + 2**-11, 1 + 3 * 2**-11], [1, 1 + 2**-9]),  # ties to even
        ("fp16", TensorProto.FLOAT16, [65519, 65520, -1e6, 1e-8], [65504, INF, -INF, 0]),
        ("bf16", TensorProto.BFLOAT16, [1 + 2**-8, 1 + 3 * 2**-8, 65520], [1, 1 + 2**-6, 65536]),
    ],
)
def test_a_constant_is_rounded_to_nearest_and_overflows_as_a_cast_does(
    precision: Precision, elem: int, given_values: list[float], expected: list[float]
) -> None:
    low = cast(f32("w", given_values), precision, "w__low")
    assert (low.name, low.data_type) == ("w__low", elem)
    assert values(low).astype(np.float32).tolist() == expected


@pytest.mark.parametrize(
    ("precision", "array", "expected"),
    [
        ("fp16", [1, -2], Loss(0, 2)),
        ("fp16", [65504, 65519], Loss(0, 65519)),  # beyond the largest number, and rounded down to it
        ("fp16", [65520, -7e4, 1], Loss(2, 70000)),
        ("fp16", [INF, 1], Loss(0, 1)),  # it was infinite before
        ("fp16", [INF, 1e5], Loss(1, 1e5)),
        ("bf16", [7e4, 3.3e38], Loss(0, float(np.float32(3.3e38)))),
        ("bf16", [3.4e38], Loss(1, float(np.float32(3.4e38)))),
        ("fp16", [], Loss(0, 0)),
    ],
)
def test_only_finite_elements_that_become_infinite_are_lost(
    precision: Precision, array: list[float], expected: Loss
) -> None:
    assert loss(f32("w", array), precision) == expected


@given(hnp.arrays(np.float32, st.integers(1, 20), elements=st.floats(width=32, allow_nan=False)))
def test_what_is_lost_is_what_a_cast_makes_infinite(array: NDArray[np.float32]) -> None:
    with np.errstate(over="ignore"):
        low = array.astype(np.float16)
    assert loss(f32("w", array), "fp16").overflowed == np.count_nonzero(np.isinf(low) & np.isfinite(array))


def test_types_are_those_of_numpy() -> None:
    assert values(cast(f32("w", [1]), "bf16", "v")).dtype == ml_dtypes.bfloat16
