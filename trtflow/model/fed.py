"""Why a network does not run on a sample: which input does not fit it, what was fed and what is declared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import onnx

from trtflow.data import Feed
from trtflow.errors import ModelError
from trtflow.model.sized import with_shapes
from trtflow.model.skeleton import skeleton


def not_run(model: onnx.ModelProto, feed: Feed, error: Exception) -> ModelError:
    """What is to be raised where ONNX Runtime stops with ``error``: the sample's fault where its shapes tell so."""
    said = " ".join(str(error).split())
    misfits = list(_misfits(model, {name: array.shape for name, array in feed.items()}))
    if misfits:
        return ModelError(
            f"the sample does not fit the network: {'; '.join(misfits)}. Feed shapes that belong together. "
            f"ONNX Runtime says: {said}"
        )
    return ModelError(f"ONNX Runtime cannot run the model on the sample: {said}")


def _misfits(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> Iterator[str]:
    """The inputs that differ in a dimension of one name, else those that the network refuses by themselves."""
    weights = {tensor.name for tensor in model.graph.initializer}
    declared = {value.name: value for value in model.graph.input if value.name in shapes.keys() - weights}
    sizes: dict[str, dict[int, str]] = defaultdict(dict)
    for name, value in declared.items():
        for dim, size in zip(value.type.tensor_type.shape.dim, shapes[name], strict=False):
            if dim.dim_param:
                sizes[dim.dim_param].setdefault(size, name)
    unequal = {name: found for name, found in sizes.items() if len(found) > 1}
    for name, found in unequal.items():
        yield f"'{name}' is {_each(found)}; expected one size"
    anyway = "" if unequal else _refused(model, {})
    for name, value in declared.items() if not unequal else ():
        why = _refused(model, {name: shapes[name]})
        if why and why != anyway:
            yield f"input '{name}' has shape {tuple(shapes[name])}, declared is {_written(value)}: {why}"


def _each(found: Mapping[int, str]) -> str:
    return " and ".join(f"{size} in input '{name}'" for size, name in found.items())


def _written(value: onnx.ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    sizes = (str(dim.dim_value) if dim.HasField("dim_value") else dim.dim_param or "any" for dim in dims)
    return f"({', '.join(sizes)})"


def _refused(model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]]) -> str:
    """What inference says against inputs of ``shapes``, all others being as declared."""
    light = skeleton(with_shapes(model, shapes))
    try:
        onnx.shape_inference.infer_shapes(light, strict_mode=True, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        said = " ".join(str(error).split())
        return said.removeprefix("[ShapeInferenceError] ").removeprefix("Inference error(s): ")
    return ""
