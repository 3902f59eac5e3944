"""What each node costs: multiply-accumulates and bytes moved, from concrete shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import onnx

from trtflow.errors import ModelError
from trtflow.model.analysis import Analysis, analyse
from trtflow.model.shapes import Sizes, concrete, measured_shapes, ones
from trtflow.model.sized import with_shapes
from trtflow.model.types import attribute_int

BYTES = 4
"""Of an FP32 element."""


@dataclass(frozen=True)
class Cost:
    """``macs``: multiply-accumulates, or elements written where an operator has none. ``bytes``: in and out, FP32."""

    macs: int
    bytes: int


def costs(model: onnx.ModelProto, sample_shapes: Mapping[str, Sequence[int]]) -> dict[str, Cost]:
    """The cost of every candidate when the inputs have ``sample_shapes`` (input name → shape).

    Shapes are inferred, or measured by one run on ones. A dimension that neither tells (in a body, say, or where
    ONNX Runtime cannot run the model on ones) counts as 1.
    """
    analysis = analyse(with_shapes(model, sample_shapes))
    shapes = _Shapes(analysis, sample_shapes)
    return {node.name: _cost(node.name, analysis, shapes) for node in analysis.candidates}


class _Shapes:
    def __init__(self, analysis: Analysis, sample_shapes: Mapping[str, Sequence[int]]) -> None:
        self._analysis = analysis
        self._measured = _measured(analysis, sample_shapes)

    def of(self, node: str, name: str) -> Sizes:
        """The shape of ``name`` as ``node`` reads it; () when unknown."""
        scope, _ = self._analysis.by_name[node]
        if not scope.path and name in self._measured:
            return self._measured[name]
        shape = self._analysis.types.of(scope, name).shape or ()
        return tuple(dim if isinstance(dim, int) else 1 for dim in shape)


def _measured(analysis: Analysis, sample_shapes: Mapping[str, Sequence[int]]) -> Mapping[str, Sizes]:
    """The shapes in the main graph that inference does not tell, as far as they can be measured."""
    main = analysis.scopes[0]
    touched = {name for node in analysis.candidates if not node.scope for name in (*node.inputs, *node.outputs)}
    types = {name: analysis.types.of(main, name) for name in sorted(touched)}
    unknown = [name for name, found in types.items() if found.elem and concrete(found.shape) is None]
    try:
        return measured_shapes(analysis.model, unknown, ones(analysis.model, sample_shapes)) if unknown else {}
    except ModelError:
        return {}


def _cost(name: str, analysis: Analysis, shapes: _Shapes) -> Cost:
    _, node = analysis.by_name[name]
    inputs = [shapes.of(name, i) if i else () for i in node.input]
    outputs = [shapes.of(name, o) if o else () for o in node.output]
    moved = sum(
        prod(shape) for shape, key in zip([*inputs, *outputs], [*node.input, *node.output], strict=True) if key
    )
    rule = MACS.get(node.op_type)
    macs = rule(node, inputs, outputs) if rule else 0
    return Cost(macs or sum(map(prod, outputs)), moved * BYTES)


Shapes = list[Sizes]


def _conv(node: onnx.NodeProto, inputs: Shapes, outputs: Shapes) -> int:
    return prod(outputs[0]) * prod(inputs[1][1:])  # weight: [out, in/group, *kernel]


def _conv_transpose(node: onnx.NodeProto, inputs: Shapes, outputs: Shapes) -> int:
    return prod(inputs[0]) * prod(inputs[1][1:])  # weight: [in, out/group, *kernel]


def _matmul(node: onnx.NodeProto, inputs: Shapes, outputs: Shapes) -> int:
    return prod(outputs[0]) * (inputs[0][-1] if inputs[0] else 1)


def _gemm(node: onnx.NodeProto, inputs: Shapes, outputs: Shapes) -> int:
    depth = inputs[0][0 if attribute_int(node, "transA") else -1] if inputs[0] else 1
    return prod(outputs[0]) * depth


def _recurrent(node: onnx.NodeProto, inputs: Shapes, outputs: Shapes) -> int:
    steps = prod(inputs[0][:2])  # X: [time, batch, features]; W, R: [directions, gates·hidden, features]
    return steps * (prod(inputs[1]) + prod(inputs[2]))


MACS: Mapping[str, Callable[[onnx.NodeProto, Shapes, Shapes], int]] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "GRU": _recurrent,
    "LSTM": _recurrent,
    "MatMul": _matmul,
    "RNN": _recurrent,
}
