"""Q/DQ pairs in the making: each tensor's codes made once, dequantized once per format that readers compute in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from trtflow.model.constants import values
from trtflow.model.edit import FreshNames, insert_behind
from trtflow.model.scopes import Scope
from trtflow.numerics.quantize import along, encode, fits_fp16, weight_scale
from trtflow.precision import FP32, ROWS, Precision
from trtflow.qdq.placement import Weight

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Code:
    """What the codes of a tensor depend on: the format, and for weights the axis of the scales and the clipping."""

    tensor: str
    precision: Precision
    axis: int | None = None
    shares: tuple[float, ...] = ()


@dataclass
class Pairs:
    """The pairs of one graph. ``floats`` is told the floating-point format of every node that is made.

    A node whose scale FP16 cannot hold stays FP32, and a Cast follows it.
    """

    main: Scope
    fresh: FreshNames
    floats: dict[str, Precision]
    _codes: dict[Code, str] = field(default_factory=dict)
    _made: dict[tuple[Code, Precision], str] = field(default_factory=dict)
    _after: dict[str, list[onnx.NodeProto]] = field(default_factory=dict)

    def around(self, tensor: str, scale: Floats, precision: Precision, stored: Precision, computes: Precision) -> str:
        """``tensor``, ``stored`` in one format, behind a pair that ends in what its reader ``computes`` in."""
        code = Code(tensor, precision)
        if (code, computes) not in self._made:
            if code not in self._codes:
                self._codes[code] = self._quantizer(tensor, precision, scale, stored)
            self._made[code, computes] = self._dequantizer(code, computes, scale, tensor)
        return self._made[code, computes]

    def weight(self, weight: Weight, shares: tuple[float, ...], precision: Precision, computes: Precision) -> str:
        """The constant ``weight`` as codes, dequantized; the largest is at ``shares`` of its largest magnitude."""
        code = Code(weight.tensor, precision, channels(weight, precision), shares)
        if (code, computes) not in self._made:
            tensor = self.main.constant(weight.tensor)
            assert tensor is not None  # noqa: S101 - a Weight is a constant by definition
            array = values(tensor).astype(np.float32)
            scale = weight_scale(array, code.axis, precision, shares)
            if code not in self._codes:
                self._codes[code] = self._encoded(code, array, scale)
            self._made[code, computes] = self._dequantizer(code, computes, scale, "")
        return self._made[code, computes]

    def insert(self) -> None:
        """Put the new nodes right behind what they read."""
        insert_behind(self.main.graph, self._after)

    def _quantizer(self, tensor: str, precision: Precision, scale: Floats, stored: Precision) -> str:
        codes, name = self.fresh(tensor, precision, "codes"), self.fresh(tensor, "quantize")
        inputs = [tensor, *self._grid(name, scale, precision)]
        self._place(tensor, helper.make_node("QuantizeLinear", inputs, [codes], name))
        self.floats[name] = stored if fits_fp16(scale) else FP32
        return codes

    def _encoded(self, code: Code, array: Floats, scale: Floats) -> str:
        name = self.fresh(code.tensor, code.precision, "codes")
        codes = encode(array, along(scale, code.axis, array.ndim), code.precision)
        self._add(onnx.numpy_helper.from_array(codes, name))
        return name

    def _dequantizer(self, code: Code, computes: Precision, scale: Floats, after: str) -> str:
        output = self.fresh(code.tensor, code.precision)
        name = self.fresh(output, "dequantize")
        inputs = [self._codes[code], *self._grid(name, scale, code.precision)]
        node = helper.make_node("DequantizeLinear", inputs, [output], name)
        if code.axis is not None:
            node.attribute.append(helper.make_attribute("axis", code.axis))
        self._place(after, node)
        self.floats[name] = computes if fits_fp16(scale) else FP32
        return output

    def _grid(self, base: str, scale: Floats, precision: Precision) -> tuple[str, ...]:
        """Initializers for the scale and the zero point, whose type tells the format of the codes."""
        names = self.fresh.each(base, "scale", "zero")
        self._add(onnx.numpy_helper.from_array(scale, names[0]))
        self._add(helper.make_tensor(names[1], ROWS[precision].onnx_type, scale.shape, bytes(scale.size), raw=True))
        return names

    def _add(self, tensor: onnx.TensorProto) -> None:
        self.main.graph.initializer.append(tensor)

    def _place(self, tensor: str, node: onnx.NodeProto) -> None:
        self._after.setdefault(tensor, []).append(node)


def channels(weight: Weight, precision: Precision) -> int | None:
    """The axis along which ``weight`` has a scale per channel: FP8's exponent makes up for spread channels."""
    return weight.axis if ROWS[precision].uniform else None
