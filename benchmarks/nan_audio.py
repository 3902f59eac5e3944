"""A network as audio networks are, whose FP16 run is not finite: power spectrum → Log → convolutions → ReduceMax.

The floor of 1e-9 under the Log is zero in FP16, so a silent frame gives −inf, and the convolution behind it NaN.
"""

from __future__ import annotations

import numpy as np
import onnx
from nan_probe import TYPES, Array
from onnx import helper, numpy_helper

FRAMES, BANDS, CHANNELS = 24, 16, 8


def audio_net(dtype: str) -> onnx.ModelProto:
    """``x`` [1, 1, frames, bands] in ``dtype`` ("float32" or "float16") to ``y`` [1, 4]."""
    rng = np.random.default_rng(5)
    nodes, weights = _layers(rng)
    arrays = {name: value if value.dtype.kind == "i" else value.astype(dtype) for name, value in weights.items()}
    graph = helper.make_graph(
        nodes,
        "audio",
        [helper.make_tensor_value_info("x", TYPES[dtype], [1, 1, FRAMES, BANDS])],
        [helper.make_tensor_value_info("y", TYPES[dtype], [1, 4])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def _layers(rng: np.random.Generator) -> tuple[list[onnx.NodeProto], dict[str, Array]]:
    weights: dict[str, Array] = {
        "floor": np.float32(1e-9), "tenth": np.float32(0.1), "zero": np.float32(0), "six": np.float32(6),
        "over": np.int64([1, 2]), "last": np.int64([1]), "dense": rng.normal(size=(BANDS // 2, 4)).astype(np.float32),
    }  # fmt: skip
    steps = [("Mul", "x x"), ("Add", "Mul floor"), ("Log", "Add"), ("Mul", "Log tenth")]
    source = "Mul_1"
    for index, channels in enumerate((1, CHANNELS, CHANNELS)):
        weights[f"w{index}"] = (rng.normal(size=(CHANNELS, channels, 3, 3)) / 4).astype(np.float32)
        steps.append(("Conv", f"{source} w{index}"))
        conv = f"Conv_{index}" if index else "Conv"
        steps.append(("Relu", conv) if index != 1 else ("Clip", f"{conv} zero six"))
        source = ("Relu", "Clip", "Relu_1")[index]
    steps += [
        ("MaxPool", source),
        ("ReduceMax", "MaxPool over"),
        ("ReduceMin", "MaxPool over"),
        ("Sub", "ReduceMax ReduceMin"),
    ]
    steps += [("Max", "Sub zero"), ("Sigmoid", "Max"), ("MatMul", "Sigmoid dense"), ("Softmax", "MatMul")]
    counts: dict[str, int] = {}
    nodes = []
    for kind, inputs in steps:
        number = counts[kind] = counts.get(kind, -1) + 1
        name = f"{kind}_{number}" if number else kind
        nodes.append(helper.make_node(kind, inputs.split(), [name], name, **ATTRIBUTES.get(kind, {})))
    nodes[-1].output[0] = "y"
    return nodes, weights


ATTRIBUTES = {
    "Conv": {"pads": [1, 1, 1, 1]},
    "MaxPool": {"kernel_shape": [2, 2], "strides": [2, 2]},
    "ReduceMax": {"keepdims": 0},
    "ReduceMin": {"keepdims": 0},
    "Softmax": {"axis": -1},
}


def sound() -> Array:
    """A tone with a click of silence: a few frames in which only three bands are exactly nothing."""
    rng = np.random.default_rng(6)
    x = rng.uniform(0.1, 2, (1, 1, FRAMES, BANDS)).astype(np.float32)
    x[0, 0, 7:9, 3:6] = 0
    return x


def marked(model: onnx.ModelProto, dtype: str) -> onnx.ModelProto:
    """``model`` with the output of each node returned."""
    present = {value.name for value in model.graph.output}
    names = [name for node in model.graph.node for name in node.output if name not in present]
    model.graph.output.extend(helper.make_tensor_value_info(name, TYPES[dtype], None) for name in names)
    return model


def non_finite(results: dict[str, Array]) -> dict[str, list[int]]:
    """How many NaNs and infinities each tensor holds, of those that hold one."""
    counts = {name: [int(np.isnan(r).sum()), int(np.isinf(r).sum())] for name, r in results.items()}
    return {name: count for name, count in sorted(counts.items()) if sum(count)}
