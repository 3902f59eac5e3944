"""What a network takes and returns, before anything else is done with it: what cannot be fed is refused, by name."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
from onnx import TensorProto

from trtflow.errors import ModelError
from trtflow.model.ports import is_fixed

UNNAMED = frozenset({"", "?"})
"""Names of dimensions that name nothing: two that are called so need not be equal."""
PACKED = frozenset({"INT4", "UINT4", "FLOAT4E2M1", "INT2", "UINT2", "FLOAT6E2M3", "FLOAT6E3M2"})
"""Types whose values are no whole bytes, so that samples cannot hold them."""
KINDS = {
    "sequence_type": "a sequence",
    "optional_type": "an optional",
    "map_type": "a map",
    "sparse_tensor_type": "a sparse tensor",
    "opaque_type": "an opaque value",
}


def check_interface(model: onnx.ModelProto) -> None:
    """Nothing where samples can be fed and outputs be compared.

    Raises:
        ModelError: an input or output is no tensor, or of a type that no array has; an input has no shape or type.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    found = [f"input '{value.name}' {why}" for value in inputs if (why := _refused(value) or _undeclared(value))]
    found += [f"output '{value.name}' {why}" for value in model.graph.output if (why := _refused(value))]
    if found:
        raise ModelError(f"{'; '.join(found)}.")


def _refused(value: onnx.ValueInfoProto) -> str:
    kind = value.type.WhichOneof("value")
    if kind in KINDS:
        return f"is {KINDS[kind]}; expected a tensor: split the model there, or export it with tensors"
    name = TensorProto.DataType.Name(value.type.tensor_type.elem_type)
    return (
        f"is {name}; expected a type of whole bytes, which arrays hold: cast inside the model"
        if name in PACKED
        else ""
    )


def _undeclared(value: onnx.ValueInfoProto) -> str:
    tensor = value.type.tensor_type
    if not tensor.elem_type:
        return "has no type; expected one: declare it in the file"
    if not tensor.HasField("shape"):
        return (
            "has no shape, so that neither samples nor an engine's profile can be held against it; expected its rank "
            "at least: declare it in the file, with names for the dimensions that are free"
        )
    return ""


def free_dimensions(model: onnx.ModelProto) -> list[str]:
    """Give free dimensions of inputs and outputs one spelling, in place: no value and no name that names nothing.

    Returns a note of where they were spelt otherwise.
    """
    names = [value.name for value in (*model.graph.input, *model.graph.output) if _freed(_dims(value))]
    return [f"free dimensions of {', '.join(names)} were written as -1, '?' or ''"] if names else []


def _dims(value: onnx.ValueInfoProto) -> Iterable[onnx.TensorShapeProto.Dimension]:
    return value.type.tensor_type.shape.dim if value.type.HasField("tensor_type") else ()


def _freed(dims: Iterable[onnx.TensorShapeProto.Dimension]) -> bool:
    odd = [dim for dim in dims if not is_fixed(dim) and dim.HasField("value") and dim.dim_param in UNNAMED]
    for dim in odd:
        dim.Clear()
    return bool(odd)
