"""Weights and constants: their values, and what becomes of them in a low format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.model.mapped import read_back
from trtflow.precision import ROWS, Precision


def values(tensor: onnx.TensorProto) -> NDArray[Any]:
    """The array that ``tensor`` holds, itself or in a file of ``MappedWeights``."""
    mapped = tensor.data_location == onnx.TensorProto.EXTERNAL
    return onnx.numpy_helper.to_array(read_back(tensor) if mapped else tensor)


def cast(tensor: onnx.TensorProto, precision: Precision, name: str) -> onnx.TensorProto:
    """``tensor`` (FP32) rounded to the nearest value of ``precision``, ties to even, as a tensor called ``name``.

    What overflows becomes infinite, as in a Cast.
    """
    with np.errstate(over="ignore"):
        rounded = values(tensor).astype(ROWS[precision].dtype)
    return onnx.numpy_helper.from_array(rounded, name)


@dataclass(frozen=True)
class Loss:
    """How many finite elements of a constant a format turns into infinity, and the largest finite magnitude."""

    overflowed: int
    worst: float


def loss(tensor: onnx.TensorProto, precision: Precision) -> Loss:
    """What rounding ``tensor`` (FP32) to ``precision`` would destroy."""
    exact = values(tensor)
    largest = float(max(exact.max(), -exact.min())) if exact.size else 0.0
    if largest < ROWS[precision].largest:  # nearly always, and much faster than rounding gigabytes of weights
        return Loss(0, largest)
    with np.errstate(over="ignore"):
        rounded = exact.astype(ROWS[precision].dtype).astype(np.float32)
    finite = np.isfinite(exact)
    overflowed = int(np.count_nonzero(finite & ~np.isfinite(rounded)))
    return Loss(overflowed, float(np.max(np.abs(exact), where=finite, initial=0.0)))
