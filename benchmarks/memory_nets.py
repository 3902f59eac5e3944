"""The networks whose memory is measured: small activations and large weights, the reverse, and many nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from compare_cases import FETCHED, ROOT, SEED, convolutions
from fetched import PPOCR_DET, fetch
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from trtflow.data import Sample
from trtflow.model.load import load

LAYERS, OWN, WIDTH, INNER, HEADS, TOKENS, WORDS = 20, 10, 448, 1792, 8, 64, 5000


class Writer:
    """A graph being written: weights, and nodes that are named after what they write."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(SEED)

    def weight(self, name: str, *shape: int) -> str:
        values = self._random.standard_normal(shape, np.float32) / np.sqrt(np.float32(shape[0]))
        return self.constant(name, values)

    def constant(self, name: str, values: NDArray[Any]) -> str:
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        name = f"{operator}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], f"n_{name}", **attributes))
        return name

    def model(self, source: onnx.ValueInfoProto, output: str) -> onnx.ModelProto:
        target = helper.make_tensor_value_info(output, onnx.TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "net", [source], [target], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def mlp(layers: int = 8, width: int = 2048) -> onnx.ModelProto:
    """Wide layers, each with a weight of 16 MB, and hardly any activations."""
    g, x = Writer(), "x"
    for index in range(layers):
        x = g.add("Relu", g.add("Gemm", x, g.weight(f"w{index}", width, width), g.weight(f"b{index}", width)))
    return g.model(helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [4, width]), x)


def transformer() -> onnx.ModelProto:
    """About 1,400 nodes and 105 MB; half of the blocks read the weights of the other half through an Identity."""
    g = Writer()
    numbers = {name: g.constant(name, np.array(value, np.float32)) for name, value in _NUMBERS.items()}
    split = g.constant("split", np.array([1, TOKENS, HEADS, -1]))
    joined = g.constant("joined", np.array([1, TOKENS, WIDTH]))
    x = g.add("Gather", g.weight("words", WORDS, WIDTH), "ids")
    for block in range(LAYERS):
        x = _block(g, x, block, numbers, split, joined)
    return g.model(helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, [1, TOKENS]), x)


_NUMBERS = {"two": 2.0, "epsilon": 1e-5, "half": 0.5, "one": 1.0, "root": 2**0.5, "scale": (WIDTH / HEADS) ** 0.5}


def _block(g: Writer, x: str, block: int, numbers: dict[str, str], split: str, joined: str) -> str:
    def weight(name: str, *shape: int) -> str:
        shared = f"{name}{block % OWN}"
        return g.weight(shared, *shape) if block < OWN else g.add("Identity", shared)

    def dense(source: str, name: str, read: int, made: int) -> str:
        return g.add("Add", g.add("MatMul", source, weight(f"{name}w", read, made)), weight(f"{name}b", made))

    def norm(source: str, name: str) -> str:
        centred = g.add("Sub", source, g.add("ReduceMean", source, axes=[-1]))
        variance = g.add("ReduceMean", g.add("Pow", centred, numbers["two"]), axes=[-1])
        scaled = g.add("Div", centred, g.add("Sqrt", g.add("Add", variance, numbers["epsilon"])))
        return g.add("Add", g.add("Mul", scaled, weight(f"{name}g", WIDTH)), weight(f"{name}o", WIDTH))

    def head(name: str, order: list[int]) -> str:
        whole = dense(x, name, WIDTH, WIDTH)
        return g.add("Transpose", g.add("Reshape", whole, split), perm=order)

    scores = g.add("MatMul", head("q", [0, 2, 1, 3]), head("k", [0, 2, 3, 1]))
    shares = g.add("Softmax", g.add("Div", scores, numbers["scale"]), axis=-1)
    mixed = g.add("Transpose", g.add("MatMul", shares, head("v", [0, 2, 1, 3])), perm=[0, 2, 1, 3])
    attended = norm(g.add("Add", x, dense(g.add("Reshape", mixed, joined), "a", WIDTH, WIDTH)), "n")
    inner = dense(attended, "i", WIDTH, INNER)
    erf = g.add("Add", g.add("Erf", g.add("Div", inner, numbers["root"])), numbers["one"])
    gelu = g.add("Mul", g.add("Mul", inner, erf), numbers["half"])
    return norm(g.add("Add", attended, dense(gelu, "o", INNER, WIDTH)), "m")


def ppocr() -> onnx.ModelProto:
    """PP-OCRv4's text detection at 640 × 640."""
    fetch(PPOCR_DET, FETCHED)
    return load(FETCHED / "ppocr-det.onnx").model


def unet() -> onnx.ModelProto:
    """The example."""
    return load(ROOT / "models" / "unet" / "unet.onnx").model


def deep() -> onnx.ModelProto:
    """600 nodes with 2 MB of activations each."""
    return convolutions(200, 32, 128)


NETWORKS: dict[str, Callable[[], onnx.ModelProto]] = {
    "unet": unet,
    "ppocr-det": ppocr,
    "transformer": transformer,
    "deep": deep,
    "mlp": mlp,
}
SIDES = {"ppocr-det": 640}
"""Free dimensions behind the first two; others are 1."""


def samples(network: str, model: onnx.ModelProto, count: int) -> Iterator[Sample]:
    """``count`` samples: standard normal, or tokens."""
    random = np.random.default_rng(SEED)
    for _ in range(count):
        feed: dict[str, NDArray[Any]] = {}
        for value in model.graph.input:
            sides = [d.dim_value or (1, 3, *[SIDES.get(network, 1)] * 2)[i] for i, d in enumerate(_dims(value))]
            ids = value.type.tensor_type.elem_type == onnx.TensorProto.INT64
            feed[value.name] = random.integers(0, WORDS, sides) if ids else random.standard_normal(sides, np.float32)
        yield Sample(feed)


def _dims(value: onnx.ValueInfoProto) -> list[Any]:
    return list(value.type.tensor_type.shape.dim)


def save(network: str, folder: Path) -> Path:
    """The file of ``network`` in ``folder``."""
    file = folder / f"{network}.onnx"
    onnx.save(NETWORKS[network](), file)
    return file
