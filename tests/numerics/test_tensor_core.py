"""The rule by which a tensor core adds, on sums worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trtflow.numerics.formats import round_to
from trtflow.numerics.tensor_core import FP8_FAST, FP8_PROMOTED, FP16_IN_FP16, FP16_IN_FP32, Accumulator, multiply
from trtflow.precision import FP16

ALL = [FP16_IN_FP32, FP16_IN_FP16, FP8_FAST, FP8_PROMOTED]
NAMES = ["fp16 in fp32", "fp16 in fp16", "fp8 fast", "fp8 promoted"]


def dot(how: Accumulator, *products: tuple[float, float]) -> float:
    """The sum of the products in their order, each a column of one row times a row of one column."""
    a, b = np.array(products, np.float32).T
    return float(multiply(a[None, :], b[:, None], how)[0, 0])


@pytest.mark.parametrize(
    ("how", "products", "expected"),
    [
        (FP16_IN_FP32, [(1, 1)] + [(2**-13, 2**-13)] * 15, 1.0),  # 2^-26: cut off each, though 15 of them would count
        (FP16_IN_FP32, [(1, 1)] + [(2**-12, 2**-13)] * 15, 1 + 3 * 2**-23),  # 15 · 2^-25 is cut to 3 · 2^-23
        (FP16_IN_FP32, [(-1, 1)] + [(-(2**-12), 2**-13)] * 15, -1 - 3 * 2**-23),
        (FP16_IN_FP32, [(1.5, 1.5)] + [(2**-12, 2**-13)] * 8, 2.25 + 2**-22),  # 2.25 counts as exponent 0, not 1
        (FP16_IN_FP32, [(2.25, 1)] + [(2**-12, 2**-13)] * 8, 2.25),  # and here as exponent 1
        (FP16_IN_FP32, [(256, 256), (-256, 256), (2**-9, 1)], 2**-9),  # 25 bits below 2^16
        (FP16_IN_FP32, [(256, 256), (-256, 256), (2**-10, 1)], 0.0),
        (FP16_IN_FP32, [(256, 256)] * 32, 32 * 65536.0),
        (FP16_IN_FP16, [(2048, 1), (1, 1)], 2048.0),  # a tie, to even
        (FP16_IN_FP16, [(2048, 1), (1, 1), (1, 1)], 2050.0),  # within a step nothing is lost
        (FP16_IN_FP16, [(2050, 1), (1, 1)], 2052.0),  # a tie, to even: upwards
        (FP16_IN_FP16, [(2048, 1)] + [(0, 0)] * 15 + [(1, 1)] + [(0, 0)] * 15 + [(1, 1)], 2048.0),
        (FP16_IN_FP16, [(256, 255), (-256, 255), (1, 1)], 1.0),
        (FP16_IN_FP16, [(256, 256)] * 2 + [(-256, 256)] * 2, 0.0),  # beyond the range within a step only
        (FP16_IN_FP16, [(256, 256)] * 16 + [(-256, 256)] * 16, np.inf),  # and there for ever
        (FP16_IN_FP16, [(-256, 256)] * 16 + [(256, 256)] * 32, -np.inf),
        (FP16_IN_FP16, [(np.inf, 1)] + [(0, 0)] * 15 + [(-np.inf, 1)], np.nan),
        (FP8_FAST, [(1, 1)] + [(2**-7, 2**-7)] * 31, 1.0),
        (FP8_FAST, [(1, 1)] + [(2**-6, 2**-7)] * 31, 1 + 31 * 2**-13),
        (FP8_FAST, [(256, 256)] + [(1, 1)] * 31, 65536.0),
        (FP8_FAST, [(256, 256)] + [(2, 4)] * 31, 65536.0 + 31 * 8),
        (FP8_FAST, [(1, 1)] * 3 + [(2**-6, 2**-7)], 3.0),  # the sum keeps 13 bits below its own leading one
    ],
)
def test_sums_by_hand(how: Accumulator, products: list[tuple[float, float]], expected: float) -> None:
    np.testing.assert_equal(dot(how, *products), expected)


def test_fast_fp8_stops_growing_where_promoted_fp8_goes_on() -> None:
    ones = np.ones((1, 2**16), np.float32)
    small = ones * 2**-4
    assert multiply(ones, small.T, FP8_PROMOTED)[0, 0] == 2**12
    assert multiply(ones, small.T, FP8_FAST)[0, 0] == 2**10  # then 2^-4 lies below 13 bits


def test_a_promoted_sum_starts_anew_every_four_steps() -> None:
    head, tail = [(1.0, 1.0)], [(2.0**-7, 2.0**-7)] * 32
    zeros = [(0.0, 0.0)] * 31
    within, behind = dot(FP8_PROMOTED, *head, *zeros, *tail), dot(FP8_PROMOTED, *head, *zeros, *zeros * 3, *tail * 2)
    assert within == 1.0
    assert behind > 1.0
    assert dot(FP8_FAST, *head, *zeros, *zeros * 3, *tail * 2) == 1.0


def test_a_subnormal_operand_counts_as_the_smallest_exponent_of_its_format() -> None:
    tiny, small = 2.0**-24, 2.0**-14
    assert dot(FP16_IN_FP32, (tiny, 1.0), (2.0**-24, 2.0**-14)) == tiny + 2.0**-38
    assert dot(FP16_IN_FP32, (tiny, 1.0), (2.0**-24, 2.0**-16)) == tiny  # 2^-40 is below 2^-14 by more than 25 bits
    assert dot(FP16_IN_FP32, (small, 1.0), (0.0, 0.0)) == small


@pytest.mark.parametrize("how", ALL, ids=NAMES)
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 70))
def test_small_integers_are_added_exactly(how: Accumulator, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(-4, 5, shape).astype(np.float32) for shape in ((3, k), (k, 2)))
    np.testing.assert_array_equal(multiply(a, b, how), a @ b)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_within_a_step_makes_no_difference(seed: int) -> None:
    a, b = operands(seed, 16)
    order = np.random.default_rng(seed).permutation(16)
    for how in (FP16_IN_FP32, FP16_IN_FP16):
        np.testing.assert_array_equal(multiply(a[:, order], b[order], how), multiply(a, b, how))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200))
def test_fp32_accumulation_is_as_good_as_fp32(seed: int, k: int) -> None:
    a, b = operands(seed, k)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    bound = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    steps = -(-k // 16)
    assert (np.abs(multiply(a, b, FP16_IN_FP32) - exact) <= bound * (17 * 2.0**-24 + 2.0**-22) * steps).all()


@pytest.mark.parametrize("how", ALL, ids=NAMES)
def test_leading_axes_are_independent_products(how: Accumulator) -> None:
    a, b = (np.round(x * 2) / 2 for x in (np.arange(2 * 3 * 40.0).reshape(2, 3, 40) % 7, np.ones((2, 40, 2)) * 1.5))
    whole = multiply(a.astype(np.float32), b.astype(np.float32), how)
    np.testing.assert_array_equal(whole[1], multiply(a[1].astype(np.float32), b[1].astype(np.float32), how))
    assert whole.dtype == np.float32


def operands(seed: int, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return tuple(
        round_to(rng.standard_normal(shape).astype(np.float32), FP16)  # type: ignore[return-value]
        for shape in ((3, k), (k, 2))
    )
