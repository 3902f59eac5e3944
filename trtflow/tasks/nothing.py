"""Whether there is anything to do: a model that computes nothing in FP32 has nothing to lower."""

from __future__ import annotations

from onnx import TensorProto

from trtflow.model.analysis import Analysis


def nothing_to_lower(analysis: Analysis) -> str:
    """Why no node can take a low precision, as a sentence without its end; empty where one can.

    A node that only reads FP32, as NonZero does, has no result that a low precision could be in.
    """
    if any(_writes_floats(analysis, info.name) for info in analysis.candidates):
        return ""
    return f"nothing in it can take a low precision: {_instead(analysis)}"


def _writes_floats(analysis: Analysis, node: str) -> bool:
    scope, proto = analysis.by_name[node]
    return any(name and analysis.types.of(scope, name).is_float for name in proto.output)


def _instead(analysis: Analysis) -> str:
    """What there is in place of nodes that compute in FP32."""
    nodes = analysis.by_name.values()
    if not nodes:
        return "it has no node"
    elems = {analysis.types.of(scope, name).elem for scope, node in nodes for name in node.output if name}
    kinds = sorted(TensorProto.DataType.Name(elem).lower() for elem in elems - {TensorProto.FLOAT, 0})
    if not kinds:
        return "none of its nodes computes anything that TensorRT takes in another type"
    return f"it computes nothing in FP32, only {' and '.join(kinds)}"
