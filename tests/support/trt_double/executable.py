"""The FP32 graph that computes what an engine would: trtflow's emulator, on what was effectively built."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

from trt_double.effective import Effective
from trtflow.emulation.rounding import cast_pair
from trtflow.emulation.typed import emulate_typed
from trtflow.model.edit import clone, fresh_names
from trtflow.model.naming import unique_names
from trtflow.precision import ROWS, Precision
from trtflow.runners.quantized import Ranges, emulate


def strong(model: onnx.ModelProto) -> onnx.ModelProto:
    """What the types of the file say."""
    return emulate_typed(model)


def weak(model: onnx.ModelProto, effective: Effective, ranges: Mapping[str, float]) -> onnx.ModelProto:
    """What the network, its constraints and the flags say."""
    copy = clone(model)
    unique_names(copy)
    _round_constants(copy, effective.constants)
    made = emulate(copy, effective.plan, Ranges(ranges))
    _round_tensors(made, effective.stored)
    return made


def add_one(model: onnx.ModelProto, tensors: list[str]) -> None:
    """Let what makes ``tensors`` be a kernel with a fault."""
    fresh = fresh_names(model)
    for name in tensors:
        one, raw = numpy_helper.from_array(np.float32(1), fresh("one")), fresh(name, "right")
        behind = _under_another_name(model, name, raw)
        model.graph.initializer.append(one)
        model.graph.node.insert(behind, onnx.helper.make_node("Add", [raw, one.name], [name]))


def _round_constants(model: onnx.ModelProto, stored: Mapping[tuple[str, str], Precision]) -> None:
    """Let a node read a constant as it is stored."""
    from trtflow.model.scopes import scopes

    fresh, scope = fresh_names(model), scopes(model)[0]
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            tensor = scope.constant(name)
            precision = stored.get((node.name, name))
            if precision and tensor is not None and tensor.data_type == onnx.TensorProto.FLOAT:
                with np.errstate(over="ignore"):
                    values = numpy_helper.to_array(tensor).astype(ROWS[precision].dtype).astype(np.float32)
                node.input[index] = fresh(name, "stored")
                model.graph.initializer.append(numpy_helper.from_array(values, node.input[index]))


def _round_tensors(model: onnx.ModelProto, stored: Mapping[str, Precision]) -> None:
    fresh = fresh_names(model)
    for name, precision in stored.items():
        raw = fresh(name, "computed")
        behind = _under_another_name(model, name, raw)
        for offset, node in enumerate(cast_pair(raw, name, precision, fresh)):
            model.graph.node.insert(behind + offset, node)


def _under_another_name(model: onnx.ModelProto, name: str, other: str) -> int:
    """Let the node that makes ``name`` make ``other``; where the next node may stand."""
    for position, node in enumerate(model.graph.node):
        for index, output in enumerate(node.output):
            if output == name:
                node.output[index] = other
                return position + 1
    raise KeyError(f"no node makes {name}")
