"""The border of a session in numpy's types: what is BF16 or FP8 there in the file is fed and read as FP32.

ONNX Runtime's Python binding converts neither way. FP32 holds all values of these types, so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnx import TensorProto, helper

from trtflow.data_values import is_foreign
from trtflow.model.edit import clone, fresh_names, rename, replace_nodes
from trtflow.model.scopes import scopes


def in_numpy_types(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model``, or a copy with Casts between FP32 and the inputs and outputs whose types numpy lacks."""
    weights = {tensor.name for tensor in model.graph.initializer}
    taken = _foreign(value for value in model.graph.input if value.name not in weights)
    returned = _foreign(model.graph.output)
    if not taken and not returned:
        return model
    copy = clone(model)
    fresh = fresh_names(copy)
    inner = {name: fresh(name, "stored") for name in taken | returned}
    rename(scopes(copy)[0], inner)
    heads = [_cast(name, inner[name], elem, fresh(name, "cast")) for name, elem in taken.items()]
    tails = [
        _cast(inner[name], name, TensorProto.FLOAT, fresh(name, "cast")) for name in returned if name not in taken
    ]
    replace_nodes(copy.graph, (*heads, *copy.graph.node, *tails))
    for value in (*copy.graph.input, *copy.graph.output):
        if value.name in inner:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    return copy


def _foreign(values: Iterable[onnx.ValueInfoProto]) -> dict[str, int]:
    """Tensors of types that numpy lacks, with their types."""
    elems = {value.name: value.type.tensor_type.elem_type for value in values if value.type.HasField("tensor_type")}
    return {name: elem for name, elem in elems.items() if elem and is_foreign(helper.tensor_dtype_to_np_dtype(elem))}


def _cast(source: str, target: str, elem: int, name: str) -> onnx.NodeProto:
    return helper.make_node("Cast", [source], [target], name, to=elem)
