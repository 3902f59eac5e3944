"""NaN through operators whose ONNX Runtime CPU kernel loses it.

A GPU's pooling returns NaN where the window holds one; ONNX Runtime's CPU kernels of MaxPool and GlobalMaxPool
compare with ``>`` and so drop it (Relu, Clip, Max, Min, ReduceMax and the fused convolutions keep it; a test
checks each on the installed version). The cure costs one read of the input: the sum of all elements is NaN when
one of them is, so an If takes the slow way only then.
"""

from __future__ import annotations

import onnx
from onnx import helper

from trtflow.model.edit import FreshNames, copied

LOSES_NAN = frozenset({"MaxPool", "GlobalMaxPool"})


def keep_nan(node: onnx.NodeProto, version: int, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Nodes that compute what ``node``, an operator of ``LOSES_NAN``, computes, with NaN kept.

    A MaxPool with indices stays as it is: an index of NaN means nothing. So does one of opset < 9 (no IsNaN).
    """
    if len([name for name in node.output if name]) != 1 or version < 9:
        return [node]
    source, target = node.input[0], node.output[0]
    total, suspect = fresh.each(target, "sum", "suspect")
    return [
        helper.make_node("ReduceSum", [source], [total], fresh(node.name, "sum"), keepdims=0),
        helper.make_node("IsNaN", [total], [suspect], fresh(node.name, "suspect")),
        helper.make_node(
            "If",
            [suspect],
            [target],
            fresh(node.name, "if"),
            then_branch=_body("careful", _careful(node, fresh)),
            else_branch=_body("plain", [_renamed(node, source, fresh(target, "plain"), fresh)]),
        ),
    ]


def _careful(node: onnx.NodeProto, fresh: FreshNames) -> list[onnx.NodeProto]:
    """Pool the values and, as ones and zeros, where the NaNs are."""
    source, target = node.input[0], node.output[0]
    isnan, marks, marked, hit, pooled, nan, result = fresh.each(
        target, "isnan", "marks", "marked", "hit", "pooled", "nan", "careful"
    )
    return [
        helper.make_node("IsNaN", [source], [isnan], fresh(isnan)),
        helper.make_node("Cast", [isnan], [marks], fresh(marks), to=onnx.TensorProto.FLOAT),
        _renamed(node, marks, marked, fresh),
        helper.make_node("Cast", [marked], [hit], fresh(hit), to=onnx.TensorProto.BOOL),
        _renamed(node, source, pooled, fresh),
        helper.make_node("Constant", [], [nan], fresh(nan), value=helper.make_tensor("", 1, [], [float("nan")])),
        helper.make_node("Where", [hit, nan, pooled], [result], fresh(result)),
    ]


def _renamed(node: onnx.NodeProto, source: str, target: str, fresh: FreshNames) -> onnx.NodeProto:
    copy = copied(node)
    copy.name, copy.input[0], copy.output[0] = fresh.pair(node.name, target), source, target
    return copy


def _body(name: str, nodes: list[onnx.NodeProto]) -> onnx.GraphProto:
    output = helper.make_tensor_value_info(nodes[-1].output[0], onnx.TensorProto.FLOAT, None)
    return helper.make_graph(nodes, name, [], [output])
