"""Q/DQ pairs in the making: each tensor's codes made once, dequantised once per format that readers compute in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from trtflow.graph.constants import values
from trtflow.graph.placement import Weight
from trtflow.graph.walk import Scope
from trtflow.numerics.quantise import encode, fits_fp16, scale_for
from trtflow.precision.plan import Precision

Floats = NDArray[np.float32]

CODES: Mapping[str, int] = {"int8": onnx.TensorProto.INT8, "fp8": onnx.TensorProto.FLOAT8E4M3FN}


@dataclass
class Pairs:
    """The pairs of one graph. ``floats`` is told the floating-point format of every node that is made.

    A node whose scale FP16 cannot hold stays FP32, and a Cast follows it.
    """

    main: Scope
    fresh: Callable[[str], str]
    floats: dict[str, Precision]
    _codes: dict[tuple[str, Precision, int | None], str] = field(default_factory=dict)
    _made: dict[tuple[str, Precision, int | None, Precision], str] = field(default_factory=dict)
    _after: dict[str, list[onnx.NodeProto]] = field(default_factory=dict)

    def around(self, tensor: str, scale: Floats, precision: Precision, stored: Precision, computes: Precision) -> str:
        """``tensor``, ``stored`` in one format, behind a pair that ends in what its reader ``computes`` in."""
        key = (tensor, precision, None, computes)
        if key not in self._made:
            if key[:3] not in self._codes:
                self._codes[key[:3]] = self._quantizer(tensor, precision, scale, stored)
            self._made[key] = self._dequantizer(key, scale, tensor)
        return self._made[key]

    def weight(self, weight: Weight, ranges: Floats | None, precision: Precision, computes: Precision) -> str:
        """The constant ``weight`` as codes, dequantised; ``ranges``: its amax where that is not its own."""
        axis = weight.axis if precision == "int8" else None  # FP8's exponent makes up for spread channels
        key = (weight.tensor, precision, axis, computes)
        if key not in self._made:
            tensor = self.main.constant(weight.tensor)
            assert tensor is not None  # noqa: S101 - a Weight is a constant by definition
            array = values(tensor).astype(np.float32)
            scale = _weight_scale(array, ranges, axis, precision)
            if key[:3] not in self._codes:
                self._codes[key[:3]] = self._encoded(weight.tensor, array, scale, axis, precision)
            self._made[key] = self._dequantizer(key, scale, "")
        return self._made[key]

    def insert(self) -> None:
        """Put the new nodes right behind what they read."""
        graph = self.main.graph
        given = [name for name, producer in self.main.producers.items() if producer is None]
        nodes = [node for name in ("", *given) for node in self._after.pop(name, [])]
        for node in graph.node:
            nodes.append(node)
            nodes.extend(new for output in node.output for new in self._after.get(output, ()))
        rebuilt = [onnx.NodeProto() for _ in nodes]
        for copy, node in zip(rebuilt, nodes, strict=True):
            copy.CopyFrom(node)
        del graph.node[:]
        graph.node.extend(rebuilt)

    def _quantizer(self, tensor: str, precision: Precision, scale: Floats, stored: Precision) -> str:
        codes, name = self.fresh(f"{tensor}__{precision}_codes"), self.fresh(f"{tensor}__quantize")
        inputs = [tensor, *self._grid(name, scale, precision)]
        self._place(tensor, helper.make_node("QuantizeLinear", inputs, [codes], name))
        self.floats[name] = stored if fits_fp16(scale) else "fp32"
        return codes

    def _encoded(self, tensor: str, array: Floats, scale: Floats, axis: int | None, precision: Precision) -> str:
        name = self.fresh(f"{tensor}__{precision}_codes")
        shape = [-1 if place == axis else 1 for place in range(array.ndim)] if axis is not None else [1] * array.ndim
        self._add(onnx.numpy_helper.from_array(encode(array, scale.reshape(shape), precision), name))
        return name

    def _dequantizer(self, key: tuple[str, Precision, int | None, Precision], scale: Floats, after: str) -> str:
        tensor, precision, axis, computes = key
        output = self.fresh(f"{tensor}__{precision}")
        name = self.fresh(f"{output}__dequantize")
        inputs = [self._codes[key[:3]], *self._grid(name, scale, precision)]
        node = helper.make_node("DequantizeLinear", inputs, [output], name)
        if axis is not None:
            node.attribute.append(helper.make_attribute("axis", axis))
        self._place(after, node)
        self.floats[name] = computes if fits_fp16(scale) else "fp32"
        return output

    def _grid(self, base: str, scale: Floats, precision: Precision) -> list[str]:
        """Initializers for the scale and the zero point, whose type tells the format of the codes."""
        names = [self.fresh(f"{base}__scale"), self.fresh(f"{base}__zero")]
        self._add(onnx.numpy_helper.from_array(scale, names[0]))
        self._add(helper.make_tensor(names[1], CODES[precision], scale.shape, bytes(scale.size), raw=True))
        return names

    def _add(self, tensor: onnx.TensorProto) -> None:
        self.main.graph.initializer.append(tensor)

    def _place(self, tensor: str, node: onnx.NodeProto) -> None:
        self._after.setdefault(tensor, []).append(node)


def _weight_scale(array: Floats, ranges: Floats | None, axis: int | None, precision: Precision) -> Floats:
    """One scale, or one per channel of ``axis``; channels of zeros get the largest."""
    rest = tuple(place for place in range(array.ndim) if place != axis)
    own = np.abs(array).max(axis=rest if axis is not None else None)
    wide = np.asarray(own if ranges is None else ranges, np.float64)
    top = float(wide.max(initial=0.0)) or 1.0
    return scale_for(np.where(wide > 0, wide, top), precision)
