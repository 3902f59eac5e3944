"""Ranges out of a model that was quantized elsewhere: by ModelOpt, ONNX Runtime or a training framework."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from trtflow.errors import PlanError
from trtflow.files.ranges import RangesFile, read_ranges
from trtflow.model.constants import values
from trtflow.model.scopes import scopes
from trtflow.precision import OF_TYPE, QUANTIZED, ROWS

RENAMED = "_QuantizeLinear_Input"
"""What ONNX Runtime's quantizer appends to the name of a graph's output, in front of the pair that takes the name."""


def open_ranges(path: Path) -> RangesFile:
    """The ranges in ``path``: a Q/DQ model, or one of the formats of ``read_ranges``.

    Raises:
        PlanError: the file cannot be read, or is none of these.
    """
    return read_quantized(path) if path.suffix == ".onnx" else read_ranges(path)


def read_quantized(path: Path) -> RangesFile:
    """The amax of each activation that a QuantizeLinear of the ONNX file ``path`` reads with one symmetric scale.

    Raises:
        PlanError: the file is no ONNX model, or holds no such pair.
    """
    try:
        model = onnx.load(path)
    except Exception as error:
        raise PlanError(f"{path} is not an ONNX model: {error}") from error
    amax: dict[str, float] = {}
    for scope in scopes(model):
        for node in scope.graph.node:
            if node.op_type != "QuantizeLinear" or scope.constant(node.input[0]) is not None:
                continue
            scale, zero = (scope.constant(name) for name in node.input[1:3]) if len(node.input) == 3 else (None, None)
            if scale is None or zero is None or OF_TYPE.get(zero.data_type) not in QUANTIZED:
                continue
            step = np.asarray(values(scale), np.float32)
            if step.size == 1 and not np.asarray(values(zero)).astype(np.float32).any():
                amax[node.input[0].removesuffix(RENAMED)] = (
                    float(step.reshape(())) * ROWS[OF_TYPE[zero.data_type]].largest
                )
    if not amax:
        raise PlanError(f"{path} holds no QuantizeLinear with one symmetric INT8 or FP8 scale for an activation.")
    return RangesFile("Q/DQ model", amax, name=path.name)
