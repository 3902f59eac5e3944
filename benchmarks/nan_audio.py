"""A network as audio networks are, whose FP16 run is not finite: power spectrum → Log → convolutions → ReduceMax.

The floor of 1e-9 under the Log is zero in FP16, so a silent frame gives −inf, and the convolution behind it NaN.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
from nan_probe import TYPES, Array, floats, integers
from onnx import helper, numpy_helper

FRAMES, BANDS, CHANNELS = 24, 16, 8
AROUND, HALVED, FLAT = {"pads": [1, 1, 1, 1]}, {"kernel_shape": [2, 2], "strides": [2, 2]}, {"keepdims": 0}
LAYERS: tuple[tuple[str, dict[str, Any]], ...] = (  # each output is called as its operator, and numbered
    ("Mul x x", {}),
    ("Add Mul floor", {}),
    ("Log Add", {}),
    ("Mul Log tenth", {}),
    ("Conv Mul_1 first", AROUND),
    ("Relu Conv", {}),
    ("Conv Relu second", AROUND),
    ("Clip Conv_1 zero six", {}),
    ("Conv Clip third", AROUND),
    ("Relu Conv_2", {}),
    ("MaxPool Relu_1", HALVED),
    ("ReduceMax MaxPool axes", FLAT),
    ("ReduceMin MaxPool axes", FLAT),
    ("Sub ReduceMax ReduceMin", {}),
    ("Max Sub zero", {}),
    ("Sigmoid Max", {}),
    ("MatMul Sigmoid dense", {}),
    ("Softmax MatMul", {}),
)


def audio_net(dtype: str) -> onnx.ModelProto:
    """``x`` [1, 1, frames, bands] in ``dtype`` ("float32" or "float16") to ``y`` [1, 4]."""
    arrays = {name: value if value.dtype.kind == "i" else value.astype(dtype) for name, value in weights().items()}
    graph = helper.make_graph(
        nodes(),
        "audio",
        [helper.make_tensor_value_info("x", TYPES[dtype], [1, 1, FRAMES, BANDS])],
        [helper.make_tensor_value_info("y", TYPES[dtype], [1, 4])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def weights() -> dict[str, Array]:
    rng = np.random.default_rng(5)
    dense = rng.normal(size=(BANDS // 2, 4))
    kernels = [rng.normal(size=(CHANNELS, channels, 3, 3)) / 4 for channels in (1, CHANNELS, CHANNELS)]
    numbers = {"floor": 1e-9, "tenth": 0.1, "zero": 0.0, "six": 6.0}
    made: dict[str, Array] = {name: floats(value) for name, value in numbers.items()}
    made |= dict(zip(("first", "second", "third"), kernels, strict=True))
    return {**made, "dense": dense, "axes": integers([1, 2])}


def nodes() -> list[onnx.NodeProto]:
    seen: Counter[str] = Counter()
    made = []
    for text, attributes in LAYERS:
        kind, *given = text.split()
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        made.append(helper.make_node(kind, given, [name], name, **attributes))
    made[-1].output[0] = "y"
    return made


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
