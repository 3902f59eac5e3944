"""Products that a kernel adds up in FP16: an FP32 graph in which every partial sum is rounded.

A tensor core takes 16 products a step, and such a kernel keeps their sum in FP16 from step to step: a partial sum
beyond 65,504 is infinite for ever, though the result would fit. The steps become a Scan. Within one, products are
added in FP32, which differs from the tensor core's own rule (``numerics.tensor_core``) in the last bit of FP16, in
one step of a thousand or fewer.

Covered are MatMul of matrices, Gemm, and Conv without groups, whose order of channels within taps of the kernel is
that of implicit GEMM on NHWC tensors. All others (ConvTranspose, grouped Conv, MatMul of vectors, the operator
Attention) stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from trtflow.emulation.rounding import cast_pair
from trtflow.errors import ModelError
from trtflow.model.analysis import analyse
from trtflow.model.assignment import edges
from trtflow.model.edit import FreshNames, clone, fresh_names, replace_nodes
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, opset, scopes
from trtflow.model.types import Types, infer
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16

WIDTH = 16  # products a step
FIRST_OPSET = 10  # of Mod, and of a Slice whose ends are computed
END = np.iinfo(np.int64).max


def products(model: onnx.ModelProto, plan: PrecisionPlan) -> tuple[str, ...]:
    """The nodes of ``model`` that multiply in FP16 under ``plan`` and can be accumulated in it here."""
    analysis = analyse(model)
    found = edges(analysis, plan).inputs
    return tuple(
        name
        for name, given in found.items()
        if given.get(0) == given.get(1) == FP16 and is_covered(*analysis.by_name[name], analysis.types)
    )


def is_covered(scope: Scope, node: onnx.NodeProto, types: Types) -> bool:
    """Whether ``node`` can be written as a chain of products."""
    if node.domain not in STANDARD_DOMAINS or node.op_type not in WRITTEN:
        return False
    shapes = [types.of(scope, name).shape for name in node.input[:2]]
    if any(shape is None or len(shape) < 2 for shape in shapes):
        return False
    if node.op_type != "Conv":
        return True
    return _attributes(node).get("group", 1) == 1 and all(isinstance(size, int) for size in shapes[1] or ())


def accumulate(model: onnx.ModelProto, nodes: Iterable[str]) -> onnx.ModelProto:
    """``model``, an FP32 graph that rounds operands already, with each of ``nodes`` summing in FP16.

    Names and types of all tensors are unchanged.

    Raises:
        ModelError: the model's opset lacks operators that this takes.
    """
    copy, wanted = clone(model), frozenset(nodes)
    if wanted and opset(model) < FIRST_OPSET:
        raise ModelError(
            f"the model is in opset {opset(model)}; sums in FP16 are emulated from opset {FIRST_OPSET} on: "
            f"raise it (onnx.version_converter), or leave `accumulation: {FP16}` out."
        )
    fresh, types = fresh_names(copy), infer(copy)
    for scope in reversed(scopes(copy)):
        if wanted.isdisjoint(node.name for node in scope.graph.node):
            continue
        written: list[onnx.NodeProto] = []
        for node in scope.graph.node:
            if node.name in wanted and is_covered(scope, node, types):
                graph = _Graph(node, fresh)
                result = WRITTEN[node.op_type](graph, node, _Shapes(scope, types))
                written += [*graph.nodes, helper.make_node("Identity", [result], node.output, node.name)]
            else:
                written.append(node)
        replace_nodes(scope.graph, written)
    return copy


@dataclass(frozen=True)
class _Shapes:
    scope: Scope
    types: Types

    def of(self, name: str) -> tuple[Any, ...]:
        return self.types.of(self.scope, name).shape or ()


@dataclass
class _Graph:
    """Nodes in the making, in the place of ``node``."""

    node: onnx.NodeProto
    fresh: FreshNames
    nodes: list[onnx.NodeProto] = field(default_factory=list)

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The output of a new node."""
        output = self.fresh(self.node.output[0], "part")
        self.nodes.append(helper.make_node(op, [*inputs], [output], output, **attributes))
        return output

    def constant(self, array: np.ndarray) -> str:
        return self("Constant", value=numpy_helper.from_array(array))

    def ints(self, *numbers: int) -> str:
        return self.constant(np.asarray(numbers, np.int64))

    def join(self, *parts: str) -> str:
        """Vectors, one behind the other."""
        return self("Concat", *parts, axis=0)

    def cut(self, vector: str, start: int, end: int) -> str:
        return self("Slice", vector, self.ints(start), self.ints(end))


def _matmul(graph: _Graph, node: onnx.NodeProto, shapes: _Shapes) -> str:
    left, right = node.input
    return _chain(graph, left, right, (len(shapes.of(left)), len(shapes.of(right))))


def _gemm(graph: _Graph, node: onnx.NodeProto, shapes: _Shapes) -> str:
    given = _attributes(node)
    left, right = (
        graph("Transpose", name, perm=[1, 0]) if given.get(flag) else name
        for name, flag in zip(node.input, ("transA", "transB"), strict=False)
    )
    result = _scaled(graph, _chain(graph, left, right, (2, 2)), given.get("alpha", 1.0))
    if len(node.input) < 3 or not node.input[2]:
        return result
    return graph("Add", result, _scaled(graph, node.input[2], given.get("beta", 1.0)))


def _scaled(graph: _Graph, name: str, factor: float) -> str:
    return name if factor == 1 else graph("Mul", name, graph.constant(np.asarray(factor, np.float32)))


def _conv(graph: _Graph, node: onnx.NodeProto, shapes: _Shapes) -> str:
    """Patches as columns, each tap of the kernel a block of channels; an infinite input makes NaN of its patches."""
    x, weight = node.input[:2]
    made, channels, *kernel = shapes.of(weight)
    taps = int(np.prod(kernel))
    one_hot = np.tile(np.eye(taps, dtype=np.float32), (channels, 1)).reshape(channels * taps, 1, *kernel)
    given = {**_attributes(node), "group": channels}
    patches = graph("Conv", x, graph.constant(one_hot), **given)
    shape = graph("Shape", patches)
    batch, spatial = graph.cut(shape, 0, 1), graph.cut(shape, 2, END)
    by_tap = graph("Reshape", patches, graph.join(batch, graph.ints(channels, taps, -1)))
    columns = graph("Transpose", by_tap, perm=[0, 2, 1, 3])
    columns = graph("Reshape", columns, graph.join(batch, graph.ints(channels * taps, -1)))
    rows = graph("Transpose", graph("Reshape", weight, graph.ints(made, channels, taps)), perm=[0, 2, 1])
    rows = graph("Reshape", rows, graph.ints(made, channels * taps))
    result = graph("Reshape", _chain(graph, rows, columns, (2, 3)), graph.join(batch, graph.ints(made), spatial))
    if len(node.input) < 3 or not node.input[2]:
        return result
    return graph("Add", result, graph("Reshape", node.input[2], graph.ints(made, *[1] * len(kernel))))


WRITTEN: Mapping[str, Callable[[_Graph, onnx.NodeProto, _Shapes], str]] = {
    "MatMul": _matmul,
    "Gemm": _gemm,
    "Conv": _conv,
}
"""Operators that are products of matrices, and how they are written as such."""


def _chain(graph: _Graph, left: str, right: str, ranks: tuple[int, int]) -> str:
    """``left`` [..., M, K] times ``right`` [..., K, N], ``WIDTH`` of K at a time."""
    shapes = graph("Shape", left), graph("Shape", right)
    tall, wide = graph.cut(shapes[0], 0, -1), graph.cut(shapes[1], -1, END)
    depth, batch = graph.cut(shapes[0], -1, END), graph.cut(shapes[1], 0, -2)
    missing = graph("Mod", graph("Sub", graph.ints(0), depth), graph.ints(WIDTH))
    left = graph("Concat", left, graph("ConstantOfShape", graph.join(tall, missing)), axis=-1)
    right = graph("Concat", right, graph("ConstantOfShape", graph.join(batch, missing, wide)), axis=-2)
    steps = graph.ints(-1, WIDTH)
    left = graph("Reshape", left, graph.join(tall, steps))
    right = graph("Reshape", right, graph.join(batch, steps, wide))
    one = graph.ints(1)
    ends = graph.join(tall, one), graph.join(batch, one, wide)
    start = graph("MatMul", *(graph("ConstantOfShape", end) for end in ends))  # zeros of the shape of the result
    body = _step(graph, *ranks)
    return graph("Scan", start, left, right, body=body, num_scan_inputs=2, scan_input_axes=[-2, -3])


def _step(graph: _Graph, left_rank: int, right_rank: int) -> onnx.GraphProto:
    """A sum and what is added to it: ``WIDTH`` columns of one matrix times as many rows of the other.

    Ranks are stated because ONNX Runtime runs no Scan whose sums have none, and its Add infers none below opset 14.
    """
    name = graph.node.output[0]
    held, left, right, product, added, rounded = (graph.fresh(name, "part") for _ in range(6))
    nodes = [
        helper.make_node("MatMul", [left, right], [product], product),
        helper.make_node("Add", [held, product], [added], added),
        *cast_pair(added, rounded, FP16, graph.fresh),
    ]
    rank = max(left_rank, right_rank)
    ranks = {held: rank, left: left_rank, right: right_rank, rounded: rank}
    ends = [helper.make_tensor_value_info(end, TensorProto.FLOAT, [None] * size) for end, size in ranks.items()]
    return helper.make_graph(nodes, graph.fresh(name, "part"), ends[:3], ends[3:])


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
