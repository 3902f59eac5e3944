"""What ONNX's shape inference is shown of a model: no bytes of large weights, and nothing that crashes it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import onnx
from onnx import helper

from trtflow.model.edit import with_initializers
from trtflow.model.scopes import STANDARD_DOMAINS, scopes

LARGE = 128
"""Elements above which an initializer cannot matter to shape inference and is left out of its copy."""


def skeleton(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of ``model`` for shape inference alone; tensors and nodes keep their names."""
    light = with_initializers(model, _hollow)
    for scope in scopes(light):
        _stand_in(scope.graph.node)
    for function in light.functions:
        _stand_in(function.node)
    return light


def _hollow(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if math.prod(tensor.dims) <= LARGE:  # ByteSize would serialize gigabytes to tell
        return tensor
    hollow = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    hollow.data_location = onnx.TensorProto.EXTERNAL
    hollow.external_data.add(key="location", value="left-out")
    return hollow


def _stand_in(nodes: Iterable[onnx.NodeProto]) -> None:
    """Casts, which make the same type and shape, for the operators whose rule reads an input's type unasked.

    Behind a foreign operator there is none: ONNX 1.23 then ends the process by SIGSEGV. Of all operators in all
    versions it does so for these two.
    """
    for node in nodes:
        to = _cast_type(node)
        if to:
            node.op_type = "Cast"
            del node.attribute[:]
            node.attribute.append(helper.make_attribute("to", to))


def _cast_type(node: onnx.NodeProto) -> int:
    if node.domain not in STANDARD_DOMAINS:
        return 0
    if node.op_type == "RegexFullMatch":
        return int(onnx.TensorProto.BOOL)
    named = (int(a.i) for a in node.attribute if a.name == "dtype")
    return next(named, 0) if node.op_type == "EyeLike" else 0
