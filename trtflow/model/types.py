"""The element type and shape of every tensor of a model, bodies included.

ONNX's shape inference does the work; where it gives up (a custom operator in the way, an operator newer than
its rules) element types are carried on from the operator schemas' type variables.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import onnx

from trtflow.model.edit import with_initializers
from trtflow.model.scopes import STANDARD_DOMAINS, Key, Scope, constant_tensor, is_constant, opset, scopes

LARGE = 128
"""Elements above which an initializer cannot matter to shape inference and is left out of its copy."""

Shape = tuple[int | str | None, ...]
DTYPE_ATTRIBUTES: Mapping[str, str] = {
    "Cast": "to",
    "RandomNormal": "dtype",
    "RandomUniform": "dtype",
    "RandomNormalLike": "dtype",
    "RandomUniformLike": "dtype",
    "EyeLike": "dtype",
    "Bernoulli": "dtype",
    "Multinomial": "dtype",
    "MelWeightMatrix": "output_datatype",
    "HannWindow": "output_datatype",
    "HammingWindow": "output_datatype",
    "BlackmanWindow": "output_datatype",
    "DequantizeLinear": "output_dtype",
}
"""Operators with an attribute that names the element type of their first output (ONNX operator documents)."""


@dataclass(frozen=True)
class TensorType:
    """``elem`` is a ``TensorProto.DataType`` (0: unknown, or not a plain tensor); dims are numbers, names, None."""

    elem: int
    shape: Shape | None = None

    @property
    def is_float(self) -> bool:
        """Whether it is a plain FP32 tensor."""
        return self.elem == onnx.TensorProto.FLOAT


UNKNOWN = TensorType(0)


@dataclass(frozen=True)
class Types:
    """Tensor types by ``Key``."""

    table: Mapping[Key, TensorType]

    def of(self, scope: Scope, name: str) -> TensorType:
        """The type of what ``name`` means in ``scope``; ``UNKNOWN`` when nothing told."""
        return self.table.get(scope.key(name), UNKNOWN)


def infer(model: onnx.ModelProto) -> Types:
    """Types of all tensors of ``model``. Never raises for what cannot be inferred: such tensors are unknown."""
    table: dict[Key, TensorType] = {}
    for scope in scopes(_inferred(model)):
        graph = scope.graph
        for value in (*graph.value_info, *graph.input, *graph.output):
            _record(table, (scope.path, value.name), _value_type(value.type))
        for tensor in scope.constants.items():
            table[scope.path, tensor[0]] = TensorType(tensor[1].data_type, tuple(tensor[1].dims))
    for scope in scopes(model):
        _carry_on(scope, table, opset(model))
    return Types(table)


def _record(table: dict[Key, TensorType], key: Key, found: TensorType) -> None:
    known = table.get(key, UNKNOWN)
    table[key] = TensorType(found.elem or known.elem, known.shape if found.shape is None else found.shape)


def _inferred(model: onnx.ModelProto) -> onnx.ModelProto:
    light = skeleton(model)
    try:
        return onnx.shape_inference.infer_shapes(light, data_prop=True)
    except Exception:  # onnx raises several kinds; schema types still carry most of it
        return light


def skeleton(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy without the bytes of large weights, which are most of a model and nothing to shape inference."""
    return with_initializers(model, _hollow)


def _hollow(tensor: onnx.TensorProto) -> onnx.TensorProto:
    if math.prod(tensor.dims) <= LARGE:  # ByteSize would serialize gigabytes to tell
        return tensor
    hollow = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    hollow.data_location = onnx.TensorProto.EXTERNAL
    hollow.external_data.add(key="location", value="left-out")
    return hollow


def _value_type(proto: onnx.TypeProto) -> TensorType:
    if not proto.HasField("tensor_type"):
        return UNKNOWN
    tensor = proto.tensor_type
    if not tensor.HasField("shape"):
        return TensorType(tensor.elem_type)
    return TensorType(tensor.elem_type, tuple(_dim(dim) for dim in tensor.shape.dim))


def _dim(dim: onnx.TensorShapeProto.Dimension) -> int | str | None:
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    return str(dim.dim_param) or None


def _carry_on(scope: Scope, table: dict[Key, TensorType], version: int) -> None:
    for node in scope.graph.node:
        missing = [i for i, name in enumerate(node.output) if name and not _elem(scope, name, table)]
        if missing and node.domain in STANDARD_DOMAINS:
            elems = _output_elems(node, [_elem(scope, name, table) for name in node.input], version)
            for index in missing:
                _record(table, (scope.path, node.output[index]), TensorType(elems.get(index, 0)))


def _elem(scope: Scope, name: str, table: Mapping[Key, TensorType]) -> int:
    return table.get(scope.key(name), UNKNOWN).elem


def _output_elems(node: onnx.NodeProto, inputs: Iterable[int], version: int) -> dict[int, int]:
    """Element types of outputs by the schema: an explicit attribute, a bound type variable, or the only type."""
    schema = schema_of(node.op_type, version)
    if schema is None:
        return {}
    variables: dict[str, int] = {}
    for index, elem in enumerate(inputs):
        formal = formal_parameter(schema.inputs, index)
        if formal is not None and elem:
            variables.setdefault(formal.type_str, elem)
    elems = {}
    for index in range(len(node.output)):
        formal = formal_parameter(schema.outputs, index)
        if formal is not None:
            elems[index] = variables.get(formal.type_str) or _only_type(formal)
    named = attribute_int(node, DTYPE_ATTRIBUTES.get(node.op_type, ""))
    if named:
        elems[0] = named
    if is_constant(node):
        tensor = constant_tensor(node)
        elems[0] = tensor.data_type if tensor is not None else onnx.TensorProto.STRING
    return elems


def attribute_int(node: onnx.NodeProto, name: str) -> int:
    """The integer attribute ``name`` of ``node``; 0 when it has none."""
    return next((int(a.i) for a in node.attribute if a.name == name), 0)


def has_default(op: str, attribute: str, version: int) -> bool:
    """Whether ``op`` takes ``attribute`` to be something when a node does not say."""
    schema = schema_of(op, version)
    known = schema.attributes.get(attribute) if schema is not None else None
    return known is not None and bool(known.default_value.name)


def _only_type(formal: onnx.defs.OpSchema.FormalParameter) -> int:
    names = [name[len("tensor(") : -1].upper() for name in formal.types if name.startswith("tensor(")]
    return int(onnx.TensorProto.DataType.Value(names[0])) if len(names) == 1 == len(formal.types) else 0


def schema_of(op: str, version: int) -> onnx.defs.OpSchema | None:
    """The schema of the standard operator ``op`` in opset ``version``; None when ONNX knows none."""
    try:
        return onnx.defs.get_schema(op, max_inclusive_version=version, domain="")
    except onnx.defs.SchemaError:
        return None


def formal_parameter(
    formals: Iterable[onnx.defs.OpSchema.FormalParameter], index: int
) -> onnx.defs.OpSchema.FormalParameter | None:
    """The formal parameter that the actual one at ``index`` stands for; the last may be variadic."""
    known = list(formals)
    if index < len(known):
        return known[index]
    variadic = onnx.defs.OpSchema.FormalParameterOption.Variadic
    return known[-1] if known and known[-1].option == variadic else None
