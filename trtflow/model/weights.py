"""Weights that are none: NaN, and infinity where it is multiplied."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
import onnx

from trtflow.data_values import non_finite
from trtflow.errors import ModelError
from trtflow.model.constants import values
from trtflow.model.scopes import Scope, scopes
from trtflow.precision import FLOAT_TYPES

_PAIR, _SCALE = (0, 1), (1,)
MULTIPLIED: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum"), _PAIR),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2)),
    **dict.fromkeys(("InstanceNormalization", "LayerNormalization", "GroupNormalization", "PRelu"), _SCALE),
    "BatchNormalization": (1, 3, 4),
}
"""The inputs with which an operator multiplies or divides. Elsewhere -inf masks scores, pads, or bounds a Clip."""
PASSING = frozenset({"Identity", "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
"""What a weight passes through unchanged."""


def check_weights(model: onnx.ModelProto) -> None:
    """Nothing for a model whose weights are numbers.

    Raises:
        ModelError: some are not; the first ten are named.
    """
    found = list(dict.fromkeys(_broken_weights(model)))
    if found:
        more = f"; and {len(found) - 10} others" if len(found) > 10 else ""
        raise ModelError(
            f"{'; '.join(found[:10])}{more}: FP32 itself computes nothing with it. Export the model again; where "
            "such values are meant, allow-nonfinite: true among the options of inspect."
        )


def check_stored(model: onnx.ModelProto) -> None:
    """Nothing for a model whose weights are all there.

    Raises:
        ModelError: some are declared and not stored; the first is named.
    """
    weights = (tensor for scope in scopes(model) for tensor in scope.graph.initializer)
    stripped = [tensor for tensor in weights if math.prod(tensor.dims) and not _stored(tensor)]
    if stripped:
        more = f", nor are {len(stripped) - 1} others" if len(stripped) > 1 else ""
        raise ModelError(
            f"weight '{stripped[0].name}' of shape {[*stripped[0].dims]} is not in the file{more}: expected values. "
            "Where they were stripped, put them back (polygraphy surgeon weight-reconstruct, say), or export again."
        )


def _stored(tensor: onnx.TensorProto) -> bool:
    return any(field.name.endswith("_data") and len(value) for field, value in tensor.ListFields())


def _broken_weights(model: onnx.ModelProto) -> Iterator[str]:
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for scope in scopes(model):
        for node in scope.graph.node:
            for slot, read in enumerate(node.input):
                name, held = _weight(scope, read)
                if held is None or held.data_type not in {*FLOAT_TYPES, onnx.TensorProto.DOUBLE}:
                    continue
                key = scope.key(name)
                if key not in counts:
                    counts[key] = _count(held)
                nan, inf = counts[key]
                if nan or (inf and slot in MULTIPLIED.get(node.op_type, ())):
                    yield f"'{name}' holds {non_finite(nan, inf, int(np.prod(held.dims)))}"


def _weight(scope: Scope, name: str) -> tuple[str, onnx.TensorProto | None]:
    """The constant behind ``name``, whatever it passed through, and its own name."""
    while (node := scope.producer(name)) is not None and node.op_type in PASSING and node.input:
        name = node.input[0]
    return name, scope.constant(name)


def _count(tensor: onnx.TensorProto) -> tuple[int, int]:
    array = values(tensor)
    if np.isfinite(array).all():
        return 0, 0
    return int(np.count_nonzero(np.isnan(array))), int(np.count_nonzero(np.isinf(array)))
