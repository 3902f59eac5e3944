"""What a model takes and returns, and copies of it that return more."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from trtflow.data import Port
from trtflow.errors import ModelError
from trtflow.model.edit import clone


def model_inputs(model: onnx.ModelProto) -> tuple[Port, ...]:
    """What the network must be fed; weights that are listed among its inputs are left out.

    Raises:
        ModelError: an input is no tensor.
    """
    weights = {tensor.name for tensor in model.graph.initializer}
    return tuple(declared_port(value) for value in model.graph.input if value.name not in weights)


def declared_port(value: onnx.ValueInfoProto) -> Port:
    """Name, dtype and shape of one declared tensor.

    Raises:
        ModelError: it is declared as a sequence, a map or an optional.
    """
    if not value.type.HasField("tensor_type"):
        raise ModelError(f"{value.name!r} is a {value.type.WhichOneof('value')}; expected a tensor.")
    tensor = value.type.tensor_type
    shape = tuple(dim.dim_value if is_fixed(dim) else None for dim in tensor.shape.dim)
    return Port(value.name, onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type), shape)


def is_fixed(dim: onnx.TensorShapeProto.Dimension) -> bool:
    """Whether a declared dimension has a size; a negative one is how older exporters spell a free one."""
    return bool(dim.HasField("dim_value") and dim.dim_value >= 0)


def mark_outputs(model: onnx.ModelProto, tensors: Iterable[str]) -> onnx.ModelProto:
    """A copy of ``model`` that also returns ``tensors``, without their types, which ONNX Runtime infers."""
    marked = clone(model)
    present = {value.name for value in marked.graph.output}
    marked.graph.output.extend(onnx.ValueInfoProto(name=name) for name in tensors if name not in present)
    return marked
