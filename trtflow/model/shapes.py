"""Shapes by running the model once: what inference cannot tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from trtflow.model.edit import clone


def observed_shapes(
    model: onnx.ModelProto, sample_shapes: Mapping[str, Sequence[int]], names: Iterable[str]
) -> dict[str, tuple[int, ...]]:
    """The shapes that the tensors ``names`` of the main graph take for inputs of ``sample_shapes``.

    Inputs are all ones. Empty when ONNX Runtime cannot run the model so: what is unknown then stays unknown.
    """
    import onnxruntime as ort

    marked = clone(model)
    present = {value.name for value in marked.graph.output}
    made = {name for node in marked.graph.node for name in node.output}
    wanted = [name for name in dict.fromkeys(names) if name in made]
    marked.graph.output.extend(onnx.ValueInfoProto(name=name) for name in wanted if name not in present)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        session = ort.InferenceSession(marked.SerializeToString(), options, providers=["CPUExecutionProvider"])
        feed = {value.name: _ones(value, sample_shapes) for value in marked.graph.input}
        arrays = session.run(wanted, feed)
    except Exception:  # whatever ONNX Runtime dislikes: shapes are a convenience here, never a verdict
        return {}
    return {name: tuple(np.shape(array)) for name, array in zip(wanted, arrays, strict=True)}


def _ones(value: onnx.ValueInfoProto, sample_shapes: Mapping[str, Sequence[int]]) -> NDArray[Any]:
    tensor = value.type.tensor_type
    shape = sample_shapes.get(value.name) or [dim.dim_value or 1 for dim in tensor.shape.dim]
    return np.ones(shape, onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type))
