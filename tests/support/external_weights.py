"""ONNX files whose weights lie beside them, under any name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.external_data_helper import set_external_data

SIX = ("net.onnx.data", "net.onnx_data", "net.onnx-data", "weights.bin", "parts/0 é.pb", "net")
"""Names under which weights have been seen: after the model, or not."""


def outside(name: str, location: str) -> TensorProto:
    """A tensor of four that says that it lies at ``location``."""
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    return tensor


def write_model(path: Path, *locations: str) -> Path:
    """A model in ``path`` that adds a tensor from each location, of which the files are filled with ones."""
    nodes = [helper.make_node("Add", [f"x{i}", f"w{i}"], [f"x{i + 1}"], f"add{i}") for i in range(len(locations))]
    ports = [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, [4]) for i in (0, len(locations))]
    tensors = [outside(f"w{i}", location) for i, location in enumerate(locations)]
    graph = helper.make_graph(nodes, "outside", ports[:1], ports[1:], tensors)
    path.write_bytes(helper.make_model(graph).SerializeToString())
    for location in locations:
        fill(path.parent / location, 1.0)
    return path


def fill(path: Path, value: float) -> None:
    """Weights of one value, in place of those that were there."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(np.full(4, value, np.float32).tobytes())


def loaded(path: Path) -> onnx.ModelProto:
    """The model with its weights, as onnx reads it."""
    return onnx.load(path)
