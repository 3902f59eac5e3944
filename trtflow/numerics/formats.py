"""The floating-point formats that a tensor can be stored in, and how a value is rounded to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FloatFormat:
    """The range and resolution of a binary floating-point format (all magnitudes).

    ``unit_roundoff`` bounds the relative error of one rounding between ``min_normal`` and ``max``; it is half
    the distance from 1 to the next number. A value at or below ``min_subnormal / 2`` becomes zero.
    ``saturates``: beyond ``max`` a value becomes ``max`` instead of infinity.
    """

    name: str
    dtype: np.dtype[Any]
    max: float
    min_normal: float
    min_subnormal: float
    unit_roundoff: float
    saturates: bool


def _format(name: str, dtype: Any, saturates: bool = False) -> FloatFormat:
    facts = ml_dtypes.finfo(dtype)
    return FloatFormat(
        name=name,
        dtype=np.dtype(dtype),
        max=float(facts.max),
        min_normal=float(facts.smallest_normal),
        min_subnormal=float(facts.smallest_subnormal),
        unit_roundoff=float(facts.eps) / 2,
        saturates=saturates,
    )


# FP8 saturates because ONNX Cast and QuantizeLinear do so by default, as does TensorRT; E4M3FN has no infinity.
FORMATS: Mapping[str, FloatFormat] = {
    "fp32": _format("fp32", np.float32),
    "fp16": _format("fp16", np.float16),
    "bf16": _format("bf16", ml_dtypes.bfloat16),
    "fp8": _format("fp8", ml_dtypes.float8_e4m3fn, saturates=True),
}


def round_to(x: NDArray[np.float32], precision: str) -> NDArray[np.float32]:
    """``x`` (float32, any shape) rounded to nearest, ties to even, in ``precision``; float32 again.

    Overflow gives infinity in fp16 and bf16, as IEEE 754 has it, and ±448 in fp8; NaN stays NaN and zeros keep
    their sign. Raises ``KeyError`` for a precision that is no floating-point format (int8 needs a scale).
    """
    target = FORMATS[precision]
    limited = np.clip(x, -target.max, target.max) if target.saturates else x
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(limited.astype(target.dtype, copy=False).astype(np.float32, copy=False))
