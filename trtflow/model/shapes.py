"""The shapes that tensors of the main graph take for inputs of given shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper

from trtflow.data import Feed
from trtflow.data_values import held
from trtflow.errors import ModelError
from trtflow.model.edit import fresh_names
from trtflow.model.fed import not_run
from trtflow.model.ports import model_inputs
from trtflow.model.scopes import scopes
from trtflow.model.session import create_session
from trtflow.model.sized import with_shapes
from trtflow.model.skeleton import skeleton
from trtflow.model.types import Shape, infer

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

    With the inputs' shapes ONNX Runtime folds chains of shape computations, which inference does not, and so mostly
    has nothing to run. Where it refuses them (a branch that is not taken may have another rank) it goes without.

    Raises:
        ModelError: ONNX Runtime cannot run the model on ``feed``.
    """
    try:
        return _measured(with_shapes(model, {name: array.shape for name, array in feed.items()}), names, feed)
    except Exception:  # ONNX Runtime raises a dozen classes without a common base
        copy = with_shapes(model, {})
    try:
        return _measured(copy, names, feed)
    except ModelError:
        raise
    except Exception as error:
        raise not_run(model, feed, error) from error


def _measured(copy: onnx.ModelProto, names: Iterable[str], feed: Feed) -> dict[str, Sizes]:
    fresh = fresh_names(copy)
    asked = {name: fresh(name, "shape") for name in names}
    copy.graph.node.extend(
        helper.make_node("Shape", [name], [shape], fresh(shape, "node")) for name, shape in asked.items()
    )
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=shape) for shape in asked.values())
    session = create_session(copy, many=True)
    del copy
    found = session.run(list(asked.values()), feed)
    return {name: tuple(shape.tolist()) for name, shape in zip(asked, found, strict=True)}


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
        declared = [1 if size is None else size for size in port.shape]
        shape = tuple(shapes.get(port.name, declared))
        feed[port.name] = np.full(shape, "1", object) if port.dtype.kind == "O" else held(np.ones(shape, port.dtype))
    return feed


def tensor_bytes(shapes: Mapping[str, Sizes]) -> dict[str, int]:
    """Bytes of FP32 tensors of ``shapes``."""
    return {name: 4 * math.prod(sizes) for name, sizes in shapes.items()}
