"""Initializers that are inputs as well: weights that an exporter lists, or inputs that have a default.

IR 3 wanted every initializer among the inputs, and exporters went on to list them all. From IR 4 on, to list some of
them says that a caller may feed another value.
"""

from __future__ import annotations

import onnx

from trtflow.precision import LOW_TYPES


def hide_weights(model: onnx.ModelProto) -> list[str]:
    """Take weights out of the inputs of ``model``, in place, and leave those that have a default; notes of both.

    An input in FP16 or BF16 does not keep its default: what reads it starts from FP32.
    """
    kept = _with_defaults(model)
    weights = {tensor.name for tensor in model.graph.initializer} - set(kept)
    real = [value for value in model.graph.input if value.name not in weights]
    hidden = len(model.graph.input) - len(real)
    notes = [f"{', '.join(kept)}: inputs that have a default, on which everything is judged"] if kept else []
    if hidden:
        del model.graph.input[:]
        model.graph.input.extend(real)
        model.ir_version = max(model.ir_version, 4)  # IR 3 demands that every initializer is an input as well
        notes.append(f"{hidden} weights were listed as inputs and became constants")
    return notes


def _with_defaults(model: onnx.ModelProto) -> list[str]:
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    listed = [value.name for value in model.graph.input if value.name in held]
    if model.ir_version < 4 or len(listed) == len(held):
        return []
    return [name for name in listed if held[name].data_type not in LOW_TYPES]
