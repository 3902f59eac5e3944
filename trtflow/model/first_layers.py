"""What reads a network's inputs first: the layers behind the preprocessing that the graph does itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.model.constants import values
from trtflow.model.ports import model_inputs
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes

_MOVING = frozenset(
    {
        *("Cast", "Clip", "Concat", "DequantizeLinear", "Expand", "Gather", "Identity", "Pad", "QuantizeLinear"),
        *("Reshape", "Resize", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze"),
    }
)
_AFFINE = frozenset({"Add", "Sub", "Mul", "Div"})


@dataclass(frozen=True)
class Reader:
    """A layer that reads an input, moved and scaled: ``node`` is fed ``scale · x + shift``, a value a channel."""

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
        weight = self.constant(1) if kernel is None else None
        return len(kernel) + 2 if kernel is not None else None if weight is None else weight.ndim


def first_layers(model: onnx.ModelProto) -> dict[str, tuple[Reader, ...]]:
    """For each input, what reads it first, arithmetic with constants and moving about aside."""
    (main, *_) = scopes(model)
    consumers: dict[str, list[onnx.NodeProto]] = {}
    for node in main.graph.node:
        for name in dict.fromkeys(node.input):
            consumers.setdefault(name, []).append(node)
    one, zero = np.ones(1), np.zeros(1)
    return {port.name: tuple(_readers(main, consumers, port.name, one, zero)) for port in model_inputs(model)}


def _readers(
    scope: Scope,
    consumers: dict[str, list[onnx.NodeProto]],
    name: str,
    scale: NDArray[np.float64],
    shift: NDArray[np.float64],
) -> Iterator[Reader]:
    pending, seen = [(name, scale, shift)], set()
    while pending:
        tensor, scale, shift = pending.pop()
        for node in consumers.get(tensor, ()):
            passed = _through(scope, node, tensor, scale, shift)
            if passed is None:
                yield Reader(scope, node, tensor, scale, shift)
            elif node.name not in seen:
                seen.add(node.name)
                pending.extend((output, *passed) for output in node.output)


_Line = tuple[NDArray[np.float64], NDArray[np.float64]]


def _through(scope: Scope, node: onnx.NodeProto, tensor: str, *line: NDArray[np.float64]) -> _Line | None:
    """The line of what ``node`` returns; None where it is a layer."""
    scale, shift = line
    if node.domain not in STANDARD_DOMAINS:
        return None
    if node.op_type in _MOVING:
        return (scale, shift)
    if node.op_type not in _AFFINE or len(node.input) != 2:
        return None
    other = _constant(scope, node.input[1] if node.input[0] == tensor else node.input[0])
    if other is None or (node.op_type == "Div" and node.input[0] != tensor):
        return None
    if node.op_type in ("Mul", "Div") and not other.all():
        return None
    other = other.reshape(-1)
    if other.size > 1 and {scale.size, shift.size} - {1, other.size}:
        return None
    if node.op_type == "Add":
        return scale, shift + other
    if node.op_type == "Sub":
        return (scale, shift - other) if node.input[0] == tensor else (-scale, other - shift)
    factor = other if node.op_type == "Mul" else 1 / other
    return scale * factor, shift * factor


def _constant(scope: Scope, name: str) -> NDArray[np.float64] | None:
    held = scope.constant(name)
    producer = scope.producer(name)
    if held is None and producer is not None and producer.op_type in ("Cast", "Identity"):
        held = scope.constant(producer.input[0])
    return None if held is None else values(held).astype(np.float64)
