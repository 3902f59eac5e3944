"""One row a precision: what it is in ONNX, in numpy, in numbers, and in other tools.

The numbers stand here literally, and numpy is asked for only when a dtype is: option schemas import this module, and
they must cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

if TYPE_CHECKING:
    import numpy as np

Precision = Literal["fp32", "fp16", "bf16", "int8", "fp8"]
Quantized = Literal["int8", "fp8"]
Accumulation = Literal["fp32", "fp16"]
"""What a kernel adds products of FP16 up in."""

FP32: Final = "fp32"
FP16: Final = "fp16"
BF16: Final = "bf16"
INT8: Final = "int8"
FP8: Final = "fp8"


@dataclass(frozen=True)
class Names:
    """What others call a precision; empty where they have no word for it. trtexec's words are our own.

    schema:   a tensor's type in ONNX operator schemas
    network:  TensorRT's ``DataType``, in lower case
    bindings: TensorRT's Python constant, ``trt.…``
    triton:   ``data_type`` in a model configuration
    """

    schema: str
    network: str
    bindings: str
    triton: str


@dataclass(frozen=True)
class Format:
    """How a precision stores a number.

    ``kind``: tensors have a float's type; a grid is applied by a Q/DQ pair, and its numbers here are those of the
    codes, before the scale. ``uniform``: the codes are integers.

    All magnitudes but ``lowest`` and ``largest``, the ends of the finite range. ``largest`` is also the code that the
    amax of a tensor gets. ``unit_roundoff``, half the distance from 1 to the next number, bounds the relative error
    of one rounding between ``smallest_normal`` and ``largest``. ``saturates``: beyond the range a value becomes its
    end instead of infinity.

    ``onnx_type`` is a ``TensorProto.DataType``; ``opset`` is the first in which Cast, or Q/DQ for grids, knows it.
    ``weakly_typed``: TensorRT up to 10.16 takes it from flags, layer by layer, without Q/DQ pairs.
    """

    name: Precision
    kind: Literal["float", "grid"]
    uniform: bool
    onnx_type: int
    dtype_name: str
    lowest: float
    largest: float
    smallest_normal: float
    smallest_subnormal: float
    unit_roundoff: float
    saturates: bool
    opset: int
    weakly_typed: bool
    names: Names

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The numpy dtype, from ml_dtypes where numpy has none."""
        import ml_dtypes  # noqa: F401 - it tells numpy its names
        import numpy as np

        return np.dtype(self.dtype_name)

    @property
    def flushed(self) -> float:
        """The magnitude at or below which a value rounds to zero."""
        return self.smallest_subnormal / 2


ROWS: Mapping[Precision, Format] = {
    FP32: Format(
        name=FP32,
        kind="float",
        uniform=False,
        onnx_type=1,
        dtype_name="float32",
        lowest=-(2 - 2.0**-23) * 2.0**127,
        largest=(2 - 2.0**-23) * 2.0**127,
        smallest_normal=2.0**-126,
        smallest_subnormal=2.0**-149,
        unit_roundoff=2.0**-24,
        saturates=False,
        opset=1,
        weakly_typed=True,
        names=Names("tensor(float)", "float", "float32", "TYPE_FP32"),
    ),
    FP16: Format(
        name=FP16,
        kind="float",
        uniform=False,
        onnx_type=10,
        dtype_name="float16",
        lowest=-65504.0,
        largest=65504.0,
        smallest_normal=2.0**-14,
        smallest_subnormal=2.0**-24,
        unit_roundoff=2.0**-11,
        saturates=False,
        opset=1,
        weakly_typed=True,
        names=Names("tensor(float16)", "half", "float16", "TYPE_FP16"),
    ),
    BF16: Format(
        name=BF16,
        kind="float",
        uniform=False,
        onnx_type=16,
        dtype_name="bfloat16",
        lowest=-(2 - 2.0**-7) * 2.0**127,
        largest=(2 - 2.0**-7) * 2.0**127,
        smallest_normal=2.0**-126,
        smallest_subnormal=2.0**-133,
        unit_roundoff=2.0**-8,
        saturates=False,
        opset=13,
        weakly_typed=True,
        names=Names("tensor(bfloat16)", "bf16", "bfloat16", "TYPE_BF16"),
    ),
    # Symmetric: -128 is a code, but never that of an amax, as in TensorRT.
    INT8: Format(
        name=INT8,
        kind="grid",
        uniform=True,
        onnx_type=3,
        dtype_name="int8",
        lowest=-128.0,
        largest=127.0,
        smallest_normal=1.0,
        smallest_subnormal=1.0,
        unit_roundoff=0.5,
        saturates=True,
        opset=10,
        weakly_typed=True,
        names=Names("tensor(int8)", "int8", "int8", "TYPE_INT8"),
    ),
    # It saturates because ONNX Cast and QuantizeLinear do so by default, as does TensorRT; E4M3FN has no infinity.
    FP8: Format(
        name=FP8,
        kind="grid",
        uniform=False,
        onnx_type=17,
        dtype_name="float8_e4m3fn",
        lowest=-448.0,
        largest=448.0,
        smallest_normal=2.0**-6,
        smallest_subnormal=2.0**-9,
        unit_roundoff=2.0**-4,
        saturates=True,
        opset=19,
        weakly_typed=False,
        names=Names("tensor(float8e4m3fn)", "fp8", "fp8", ""),
    ),
}

PRECISIONS: tuple[Precision, ...] = get_args(Precision)

QUANTIZED: frozenset[Precision] = frozenset(row.name for row in ROWS.values() if row.kind == "grid")
"""Precisions that live in Q/DQ pairs, not in the types of tensors."""

LOW: tuple[Precision, ...] = tuple(row.name for row in ROWS.values() if row.kind == "float" and row.name != FP32)
"""Precisions below FP32 that tensors have as their types."""

OF_TYPE: Mapping[int, Precision] = {row.onnx_type: row.name for row in ROWS.values()}
"""``TensorProto.DataType`` → precision."""

OF_BINDINGS: Mapping[str, Precision] = {row.names.bindings: row.name for row in ROWS.values()}
"""TensorRT's Python constant → precision."""

LOW_TYPES: frozenset[int] = frozenset(ROWS[name].onnx_type for name in LOW)
FLOAT_TYPES: frozenset[int] = LOW_TYPES | {ROWS[FP32].onnx_type}


def label(name: str) -> str:
    """A precision as it is written in prose: fp16 is FP16; other names stay as they are."""
    return name.upper() if name in ROWS else name
