"""Low-precision models as FP32 graphs: the same numbers, every FP16 or BF16 tensor typed FLOAT.

What is left of the model's own Casts then does nothing and goes.
"""

from __future__ import annotations

import onnx
from onnx import helper

from trtflow.model.constants import values
from trtflow.model.edit import fresh_names, read_instead, rename, replace_nodes
from trtflow.model.scopes import STANDARD_DOMAINS, Scope, scopes
from trtflow.model.types import UNKNOWN, Types, infer
from trtflow.precision import FP32, LOW_TYPES

TYPE_ATTRIBUTES = frozenset(
    {"to", "dtype", "output_datatype", "output_dtype", "stash_type", "precision", "softmax_precision"}
)
"""Attributes whose integer is an element type, in all standard operators (ONNX operator documents)."""


def retype(model: onnx.ModelProto) -> int:
    """Make every FP16 and BF16 type inside ``model`` FLOAT, in place; the number of tensors and types changed.

    The values of constants stay exact. Nothing is rounded any more: see ``emulate_typed`` for that.
    """
    changed = 0
    for scope in scopes(model):
        graph = scope.graph
        for tensor in (*graph.initializer, *(sparse.values for sparse in graph.sparse_initializer)):
            changed += _retype_tensor(tensor)
        for value in (*graph.input, *graph.output, *graph.value_info):
            changed += _retype_type(value.type)
        changed += sum(_retype_attribute(a) for node in graph.node for a in node.attribute)
    return changed


def _retype_tensor(tensor: onnx.TensorProto) -> int:
    if tensor.data_type not in LOW_TYPES:
        return 0
    exact = onnx.numpy_helper.from_array(values(tensor).astype("float32"), tensor.name)
    tensor.CopyFrom(exact)
    return 1


def _retype_type(proto: onnx.TypeProto) -> int:
    kind = proto.WhichOneof("value")
    if kind in ("sequence_type", "optional_type"):
        return _retype_type(getattr(proto, kind).elem_type)
    if kind in ("tensor_type", "sparse_tensor_type") and getattr(proto, kind).elem_type in LOW_TYPES:
        getattr(proto, kind).elem_type = onnx.TensorProto.FLOAT
        return 1
    return 0


def _retype_attribute(attribute: onnx.AttributeProto) -> int:
    if attribute.type == onnx.AttributeProto.TENSOR:
        return _retype_tensor(attribute.t)
    if attribute.type == onnx.AttributeProto.SPARSE_TENSOR:
        return _retype_tensor(attribute.sparse_tensor.values)
    if attribute.type == onnx.AttributeProto.TYPE_PROTO:
        return _retype_type(attribute.tp)
    if attribute.name in TYPE_ATTRIBUTES and attribute.i in LOW_TYPES:
        attribute.i = onnx.TensorProto.FLOAT
        return 1
    return 0


def keep_interface(model: onnx.ModelProto, types: Types) -> list[str]:
    """Give inputs and outputs that were FP16 or BF16 their types back, with Casts behind them.

    ``model`` is changed in place; ``types`` are those before ``retype``. Returns the names of those tensors.
    """
    fresh = fresh_names(model)
    heads: list[onnx.NodeProto] = []
    tails: list[onnx.NodeProto] = []
    constants = {tensor.name for tensor in model.graph.initializer}
    kept = _low([value.name for value in model.graph.input if value.name not in constants], types)
    renames = {name: fresh(name, FP32) for name in kept}
    for name, exact in renames.items():
        heads.append(helper.make_node("Cast", [name], [exact], fresh(name, "cast"), to=1))
    for name, elem in _low([value.name for value in model.graph.output], types).items():
        exact = renames.get(name) or fresh(name, FP32)
        if name not in renames:  # an output that is an input as well has its type already
            renames[name] = exact
            tails.append(helper.make_node("Cast", [exact], [name], fresh(name, "cast"), to=elem))
            kept[name] = elem
    rename(scopes(model)[0], renames)
    replace_nodes(model.graph, (*heads, *model.graph.node, *tails))
    for value in (*model.graph.input, *model.graph.output):
        if value.name in kept:
            value.type.tensor_type.elem_type = kept[value.name]
    return list(kept)


def _low(names: list[str], types: Types) -> dict[str, int]:
    elems = {name: types.table.get(("", name), UNKNOWN).elem for name in names}
    return {name: elem for name, elem in elems.items() if elem in LOW_TYPES}


def drop_noop_casts(model: onnx.ModelProto) -> int:
    """Remove, in place, the Casts of ``model`` whose input has the type they cast to; how many there were.

    A graph output that such a Cast makes keeps its name: the Cast becomes Identity.
    """
    types = infer(model)
    return sum(_drop_casts(scope, types) for scope in reversed(scopes(model)))


def _drop_casts(scope: Scope, types: Types) -> int:
    outputs = {value.name for value in scope.graph.output}
    noops = [node for node in scope.graph.node if _is_noop(scope, node, types)]
    sources: dict[str, str] = {}
    for node in noops:
        if node.output[0] in outputs:
            node.op_type = "Identity"
            del node.attribute[:]
        else:
            sources[node.output[0]] = sources.get(node.input[0], node.input[0])
    if sources:
        read_instead(scope, sources)
        replace_nodes(scope.graph, (node for node in scope.graph.node if sources.keys().isdisjoint(node.output)))
    return len(noops)


def _is_noop(scope: Scope, node: onnx.NodeProto, types: Types) -> bool:
    if node.op_type != "Cast" or node.domain not in STANDARD_DOMAINS:
        return False
    before = types.of(scope, node.input[0]).elem
    return before != 0 and before == types.of(scope, node.output[0]).elem
