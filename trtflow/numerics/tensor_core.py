"""How a Hopper tensor core adds up products, bit for bit.

A step takes ``width`` products at once. Each product, and the accumulator, is cut to ``fraction`` bits below the
largest exponent among them; what is left is added exactly, and the sum is narrowed to what the accumulator holds.
Measured on an H100: ``mma`` and ``wgmma``, see ``benchmarks/accumulation.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trtflow.precision import FP8, FP16, ROWS, Precision

_NONE = -1000  # the exponent of zero: below all others


@dataclass(frozen=True)
class Accumulator:
    """What a kernel adds up in.

    ``kept``: fraction bits that a sum keeps, cut toward zero; None is FP16, to the nearest, ties to even, with
    infinity beyond its range. ``promoted``: after so many steps the sum is added to one in true FP32 and starts anew;
    0 is never.
    """

    operands: Precision
    width: int
    fraction: int
    kept: int | None
    promoted: int = 0


FP16_IN_FP32 = Accumulator(FP16, width=16, fraction=25, kept=23)
FP16_IN_FP16 = Accumulator(FP16, width=16, fraction=25, kept=None)
FP8_FAST = Accumulator(FP8, width=32, fraction=13, kept=13)
FP8_PROMOTED = Accumulator(FP8, width=32, fraction=13, kept=13, promoted=4)


def multiply(a: NDArray[np.float32], b: NDArray[np.float32], how: Accumulator) -> NDArray[np.float32]:
    """``a`` [..., M, K] times ``b`` [..., K, N], both values of ``how.operands``, as a tensor core computes it.

    The result is what the accumulator holds, not yet rounded to an output's format.
    """
    left, right = np.asarray(a, np.float64), np.asarray(b, np.float64)
    least = int(np.log2(ROWS[how.operands].smallest_normal))
    total = np.zeros(np.matmul(left[..., :0], right[..., :0, :]).shape)
    register = total
    for index, start in enumerate(range(0, left.shape[-1], how.width)):
        step = slice(start, start + how.width)
        register = _step(register, left[..., step], right[..., step, :], least, how)
        if how.promoted and (index + 1) % how.promoted == 0:
            total, register = (total + register).astype(np.float32).astype(np.float64), np.zeros_like(total)
    return np.asarray((total + register).astype(np.float32))


def _step(
    register: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64], least: int, how: Accumulator
) -> NDArray[np.float64]:
    """``register`` [..., M, N] after the products of ``a`` [..., M, k] and ``b`` [..., k, N]."""
    with np.errstate(invalid="ignore"):
        terms = _with(a[..., :, :, None] * b[..., None, :, :], register)
        plain = terms.sum(axis=-2)
    exponents = _with(
        _exponent(a, least)[..., :, :, None] + _exponent(b, least)[..., None, :, :], _exponent(register)
    )
    finite = np.where(np.isfinite(terms), terms, 0.0)
    top = np.where(finite == 0, _NONE, exponents).max(axis=-2)
    grid = how.fraction - top
    added = np.ldexp(np.trunc(np.ldexp(finite, grid[..., None, :])).sum(axis=-2), -grid)
    narrow = _to_fp16(added) if how.kept is None else _cut(added, how.kept)
    return np.where(np.isfinite(plain), narrow, plain)


def _with(products: NDArray[Any], register: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([products, register[..., :, None, :]], axis=-2)


def _exponent(x: NDArray[np.float64], least: int = _NONE) -> NDArray[np.int64]:
    """That of the leading bit, or of the format's ``least`` normal number where ``x`` is below it."""
    return np.asarray(np.maximum(np.frexp(x)[1] - 1, least), np.int64)


def _to_fp16(x: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(np.float64)


def _cut(x: NDArray[np.float64], bits: int) -> NDArray[np.float64]:
    """``x`` with ``bits`` bits behind its leading one, toward zero."""
    mantissa, exponent = np.frexp(x)
    return np.asarray(np.ldexp(np.trunc(np.ldexp(mantissa, bits + 1)), exponent - bits - 1))
