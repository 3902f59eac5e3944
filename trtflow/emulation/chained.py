"""Products inside a recurrent operator, summed in the low format: as many at a time as a tensor core takes."""

from __future__ import annotations

from onnx import GraphProto, TensorProto, helper

from trtflow.emulation.accumulation import WIDTH
from trtflow.emulation.writer import Writer
from trtflow.precision import Precision


def chained(write: Writer, left: str, right: str, rank: int, precision: Precision) -> str:
    """``left`` [..., K], of ``rank`` axes, times ``right`` [K, N]: the sum is rounded after every 16 products."""
    outer, wide = _cut(write, left, 0, rank - 1), _cut(write, right, 1, 2)
    depth = write("Neg", _cut(write, right, 0, 1))
    missing = write("Mod", depth, write.ints(WIDTH))
    left = write("Concat", left, write("ConstantOfShape", write("Concat", outer, missing, axis=0)), axis=rank - 1)
    right = write("Concat", right, write("ConstantOfShape", write("Concat", missing, wide, axis=0)), axis=0)
    block = write.ints(-1, WIDTH)
    left = write("Reshape", left, write("Concat", outer, block, axis=0))
    right = write("Reshape", right, write("Concat", block, wide, axis=0))
    zero = write("ConstantOfShape", write("Concat", outer, wide, axis=0))
    total = write.name()
    body = _body(write.inner(), rank, precision)
    write.several("Scan", [zero, left, right], [total], body=body, num_scan_inputs=2, scan_input_axes=[rank - 1, 0])
    return total


def _body(write: Writer, rank: int, precision: Precision) -> GraphProto:
    """A sum and what is added to it."""
    held, left, right = (write.name() for _ in range(3))
    total = write.rounded(write("Add", held, write("MatMul", left, right)), precision)
    ends = [
        helper.make_tensor_value_info(end, TensorProto.FLOAT, [None] * axes)  # before opset 14, a Scan asks for them
        for end, axes in ((held, rank), (left, rank), (right, 2), (total, rank))
    ]
    return helper.make_graph(write.nodes, "products", ends[:3], ends[3:])


def _cut(write: Writer, name: str, start: int, end: int) -> str:
    """The sizes of ``name`` from axis ``start`` to ``end``."""
    return write("Slice", write("Shape", name), write.ints(start), write.ints(end))
