"""The shapes that tensors of the main graph take for inputs of given shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from trtflow.data import Feed
from trtflow.errors import ModelError
from trtflow.model.edit import clone, fresh_names
from trtflow.model.ports import model_inputs
from trtflow.model.scopes import scopes
from trtflow.model.session import create_session
from trtflow.model.types import Shape, infer, skeleton

Sizes = tuple[int, ...]
"""A shape without anything unknown."""


def tensor_shapes(model: onnx.ModelProto, names: Iterable[str], feed: Feed) -> dict[str, Sizes]:
    """The shapes of the tensors ``names`` for ``feed``: inferred, and measured where inference cannot tell.

    Raises:
        ModelError: a shape must be measured, and ONNX Runtime cannot run the model on ``feed``.
    """
    wanted = list(dict.fromkeys(names))
    known = inferred_shapes(model, {name: array.shape for name, array in feed.items()})
    unknown = [name for name in wanted if name not in known]
    measured = measured_shapes(model, unknown, feed) if unknown else {}
    return {name: known[name] if name in known else measured[name] for name in wanted}


def inferred_shapes(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> dict[str, Sizes]:
    """What inference alone tells when the inputs have ``shapes``; other tensors are left out."""
    fixed = with_shapes(skeleton(model), shapes)
    types, main = infer(fixed), scopes(fixed)[0]
    known = {name: concrete(types.of(main, name).shape) for name in main.producers}
    return {name: sizes for name, sizes in known.items() if sizes is not None}


def measured_shapes(model: onnx.ModelProto, names: Iterable[str], feed: Feed) -> dict[str, Sizes]:
    """The shapes of ``names``, tensors that the model computes, by one run that returns nothing but shapes.

    ONNX Runtime folds chains of shape computations, which inference does not, and so mostly has nothing to run.

    Raises:
        ModelError: ONNX Runtime cannot run the model on ``feed``.
    """
    copy = with_shapes(model, {name: array.shape for name, array in feed.items()})
    fresh = fresh_names(copy)
    asked = {name: fresh(name, "shape") for name in names}
    copy.graph.node.extend(
        helper.make_node("Shape", [name], [shape], fresh(shape, "node")) for name, shape in asked.items()
    )
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=shape) for shape in asked.values())
    session = create_session(copy, many=True)
    del copy
    try:
        found = session.run(list(asked.values()), feed)
    except Exception as error:  # ONNX Runtime raises a dozen classes without a common base
        raise ModelError(f"ONNX Runtime cannot run the model to measure shapes: {error}") from error
    return {name: tuple(shape.tolist()) for name, shape in zip(asked, found, strict=True)}


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


def concrete(shape: Shape | None) -> Sizes | None:
    """``shape`` where all of it is known, else None."""
    known = tuple(size for size in shape or () if isinstance(size, int))
    return known if shape is not None and len(known) == len(shape) else None


def ones(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> Feed:
    """A feed of ones in ``shapes``, or as the model declares its inputs, free dimensions being 1.

    Raises:
        ModelError: an input is no tensor.
    """
    feed: Feed = {}
    for port in model_inputs(model):
        declared = [size or 1 for size in port.shape]
        feed[port.name] = np.ones(shapes.get(port.name, declared), port.dtype)
    return feed


def tensor_bytes(shapes: Mapping[str, Sizes]) -> dict[str, int]:
    """Bytes of FP32 tensors of ``shapes``."""
    return {name: 4 * math.prod(sizes) for name, sizes in shapes.items()}
