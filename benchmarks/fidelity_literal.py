"""A model as a careless conversion makes it: constants that a format cannot hold are infinite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper

from trtflow.model.edit import clone
from trtflow.precision import ROWS, Precision


def literal(model: ModelProto, low: Precision) -> ModelProto:
    """A copy whose FP32 constants beyond ``low`` are infinite: a rewrite, which clamps nothing, leaves it all low."""
    copy = clone(model)
    for tensor in _constants(copy):
        if tensor.data_type == TensorProto.FLOAT and not tensor.external_data:
            values = numpy_helper.to_array(tensor)
            beyond = np.isfinite(values) & (np.abs(values) > ROWS[low].largest)
            if beyond.any():
                infinite = np.where(beyond, np.copysign(np.float32(np.inf), values), values)
                tensor.CopyFrom(numpy_helper.from_array(infinite.astype(np.float32), tensor.name))
    return copy


def _constants(model: ModelProto) -> Iterator[TensorProto]:
    yield from model.graph.initializer
    for node in model.graph.node:
        yield from (
            attribute.t for attribute in node.attribute if attribute.name == "value" and attribute.HasField("t")
        )
