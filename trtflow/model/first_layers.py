"""What reads a network's inputs first: the layers behind the preprocessing that the graph does itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.model.constants import values
from trtflow.model.ports import model_inputs
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes
from trtflow.numerics.inputs import MOST_CHANNELS

_MOVING = frozenset(
    {
        *("Cast", "Clip", "Concat", "DequantizeLinear", "Expand", "Gather", "Identity", "Pad", "Reshape", "Resize"),
        *("Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"),
    }
)
_QUANTIZING = frozenset({"DynamicQuantizeLinear", "QuantizeLinear"})
_NORMALISING = frozenset(
    {"BatchNormalization", "GroupNormalization", "InstanceNormalization", "LayerNormalization", "LpNormalization"}
)
_AFFINE = frozenset({"Add", "Sub", "Mul", "Div"})


@dataclass(frozen=True)
class Reader:
    """A layer that reads an input, moved and scaled: ``node`` is fed ``scale · x + shift``, a value a channel.

    Both are NaN behind a normalisation or a quantization.
    """

    scope: Scope
    node: onnx.NodeProto
    tensor: str
    scale: NDArray[np.float64]
    shift: NDArray[np.float64]

    def constant(self, slot: int) -> NDArray[np.float64] | None:
        """What the node reads in ``slot``; None where it is computed, or there is nothing."""
        return self.value(self.node.input[slot]) if slot < len(self.node.input) else None

    def value(self, name: str) -> NDArray[np.float64] | None:
        """The constant ``name``; None where it is computed."""
        return _constant(self.scope, name)

    @property
    def rank(self) -> int | None:
        """How many axes a convolution reads, batch and channels among them; None where nothing tells."""
        kernel = next((entry.ints for entry in self.node.attribute if entry.name == "kernel_shape"), None)
        if kernel is not None:
            return len(kernel) + 2
        weight = _origin(self.scope, self.node.input[1])
        return None if weight is None else len(weight.dims)


def first_layers(model: onnx.ModelProto) -> dict[str, tuple[Reader, ...]]:
    """For each input, what reads it first, arithmetic with constants and moving about aside."""
    (main, *_) = scopes(model)
    consumers: dict[str, list[onnx.NodeProto]] = {}
    for node in main.graph.node:
        for name in dict.fromkeys(node.input):
            consumers.setdefault(name, []).append(node)
    return {port.name: tuple(_readers(main, consumers, port.name)) for port in model_inputs(model)}


def _readers(scope: Scope, consumers: Mapping[str, list[onnx.NodeProto]], name: str) -> Iterator[Reader]:
    pending, seen = [(name, np.ones(1), np.zeros(1))], set()
    while pending:
        tensor, scale, shift = pending.pop()
        for node in consumers.get(tensor, ()):
            passed = _through(scope, node, tensor, scale, shift)
            if passed is None or node.op_type in _NORMALISING:
                yield Reader(scope, node, tensor, scale, shift)
            if passed is not None and node.name not in seen:
                seen.add(node.name)
                pending.extend((output, *passed) for output in node.output)


_Line = tuple[NDArray[np.float64], NDArray[np.float64]]


def _through(scope: Scope, node: onnx.NodeProto, tensor: str, *line: NDArray[np.float64]) -> _Line | None:
    """The line of what ``node`` returns; None where it is a layer."""
    scale, shift = line
    if node.domain not in STANDARD_DOMAINS:
        return None
    if node.op_type in _MOVING:
        return (scale, shift) if tensor == node.input[0] or node.op_type == "Concat" else None
    if node.op_type in _NORMALISING | _QUANTIZING:
        return np.full(1, np.nan), np.full(1, np.nan)
    if node.op_type not in _AFFINE or len(node.input) != 2:
        return None
    other = _constant(scope, node.input[1] if node.input[0] == tensor else node.input[0])
    if other is None or other.size > MOST_CHANNELS or len({scale.size, shift.size, other.size} - {1}) > 1:
        return None
    if (node.op_type == "Div" and node.input[0] != tensor) or (node.op_type in ("Mul", "Div") and not other.all()):
        return None
    other = other.reshape(-1)
    if node.op_type == "Add":
        return scale, shift + other
    if node.op_type == "Sub":
        return (scale, shift - other) if node.input[0] == tensor else (-scale, other - shift)
    factor = other if node.op_type == "Mul" else 1 / other
    return scale * factor, shift * factor


def _constant(scope: Scope, name: str) -> NDArray[np.float64] | None:
    held = scope.constant(name)
    return None if held is None else values(held).astype(np.float64)


def _origin(scope: Scope, name: str) -> onnx.TensorProto | None:
    """The constant that ``name`` is, or is computed from first: quantized codes, say."""
    held = scope.constant(name)
    while held is None and (producer := scope.producer(name)) is not None and producer.input:
        name = producer.input[0]
        held = scope.constant(name)
    return held
