"""How a value is rounded to a floating-point format."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trtflow.precision import ROWS, Precision


def round_to(x: NDArray[np.float32], precision: Precision) -> NDArray[np.float32]:
    """``x`` (float32, any shape) rounded to nearest, ties to even, in ``precision``; float32 again.

    Overflow gives infinity in fp16 and bf16, as IEEE 754 has it, and ±448 in fp8; NaN stays NaN and zeros keep
    their sign.

    Raises:
        ValueError: ``precision`` is no floating-point format (int8 needs a scale).
    """
    target = ROWS[precision]
    if target.uniform:
        raise ValueError(f"{precision} is no floating-point format")
    limited = np.clip(x, target.lowest, target.largest) if target.saturates else x
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return np.asarray(limited.astype(target.dtype, copy=False).astype(np.float32, copy=False))
