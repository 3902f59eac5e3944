"""A model whose inputs have the shapes of a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx

from trtflow.model.edit import clone


def with_shapes(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> onnx.ModelProto:
    """A copy of ``model`` whose inputs have ``shapes``, and no inner ones that might contradict them."""
    copy = clone(model)
    del copy.graph.value_info[:]
    for value in copy.graph.input:
        if value.name in shapes:
            dims = value.type.tensor_type.shape
            del dims.dim[:]
            for size in shapes[value.name]:
                dims.dim.add(dim_value=size)
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    return copy
