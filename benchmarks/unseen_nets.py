"""Ten small networks with random weights, and samples that differ: in what they show, how loudly, how noisily."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from trtflow.data import Dataset, Sample

Shape = tuple[int, ...]
Array = NDArray[np.float32]


class Graph:
    """A graph under construction, from input ``x`` on; each method adds nodes and returns what they make."""

    def __init__(self, seed: int) -> None:
        self.rng, self.nodes, self.held = np.random.default_rng(seed), list[NodeProto](), list[TensorProto]()

    def weights(self, *shape: int, gain: float = 1.0) -> str:
        """A constant whose products keep their size; a tenth of its rows are five times as large."""
        fan = int(np.prod(shape[1:])) if len(shape) == 4 else shape[0]
        values = self.rng.normal(0, gain / np.sqrt(fan), shape)
        values[self.rng.random(shape[0]) < 0.1] *= 5
        self.held.append(numpy_helper.from_array(values.astype(np.float32), f"w{len(self.held)}"))
        return self.held[-1].name

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [f"{name}_out"], name, **attributes))
        return f"{name}_out"

    def conv(self, x: str, wide: int, to: int) -> str:
        return self.add("Conv", x, self.weights(to, wide, 3, 3, gain=1.4), pads=[1, 1, 1, 1])

    def model(self, output: str, fed: Shape, made: Shape) -> onnx.ModelProto:
        """The finished model: its ``output`` is called ``y``."""
        self.nodes.append(helper.make_node("Identity", [output], ["y"], "last"))
        ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", fed), ("y", made))]
        graph = helper.make_graph(self.nodes, "net", ports[:1], ports[1:], self.held)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def convolutions(seed: int, depth: int, wide: int) -> onnx.ModelProto:
    """Convolutions with residual sums, at 16 by 16."""
    graph = Graph(seed)
    x = graph.add("Relu", graph.conv("x", 3, wide))
    for _ in range(depth):
        inner = graph.conv(graph.add("Relu", graph.conv(x, wide, wide)), wide, wide)
        x = graph.add("Relu", graph.add("Add", x, inner))
    return graph.model(graph.conv(x, wide, 4), (1, 3, 16, 16), (1, 4, 16, 16))


def perceptron(seed: int, depth: int, wide: int) -> onnx.ModelProto:
    """Products with Gelu-like gates, to ten classes."""
    graph, x, size = Graph(seed), "x", 48
    for _ in range(depth):
        x = graph.add("MatMul", x, graph.weights(size, wide, gain=1.4))
        x, size = graph.add("Mul", x, graph.add("Sigmoid", x)), wide
    return graph.model(graph.add("MatMul", x, graph.weights(size, 10)), (1, 48), (1, 10))


def attention(seed: int, depth: int, wide: int) -> onnx.ModelProto:
    """Self-attention of one head over 16 tokens, with residual sums."""
    graph = Graph(seed)
    x = graph.add("MatMul", "x", graph.weights(24, wide))
    for _ in range(depth):
        q, k, v = (graph.add("MatMul", x, graph.weights(wide, wide)) for _ in range(3))
        scores = graph.add("MatMul", q, graph.add("Transpose", k, perm=[0, 2, 1]))
        x = graph.add("Add", x, graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v))
        x = graph.add("Add", x, graph.add("MatMul", graph.add("Tanh", x), graph.weights(wide, wide)))
    return graph.model(graph.add("MatMul", x, graph.weights(wide, 6)), (1, 16, 24), (1, 16, 6))


@dataclass(frozen=True)
class Net:
    """A network, the shape that it is fed, how many samples its owner has, and the metric that accepts."""

    name: str
    make: Callable[[int, int, int], onnx.ModelProto]
    depth: int
    wide: int
    fed: Shape
    samples: int
    metric: str = "sqnr"


PICTURE, ROW, TOKENS = (1, 3, 16, 16), (1, 48), (1, 16, 24)
NETS = (
    Net("conv 2x12", convolutions, 2, 12, PICTURE, 16),
    Net("conv 3x16", convolutions, 3, 16, PICTURE, 20),
    Net("conv 4x8", convolutions, 4, 8, PICTURE, 24),
    Net("conv classes", convolutions, 2, 8, PICTURE, 24, "agreement"),
    Net("mlp 2x64", perceptron, 2, 64, ROW, 16),
    Net("mlp 4x48", perceptron, 4, 48, ROW, 24),
    Net("mlp classes", perceptron, 3, 48, ROW, 24, "agreement"),
    Net("attention 1x32", attention, 1, 32, TOKENS, 16),
    Net("attention 2x24", attention, 2, 24, TOKENS, 20),
    Net("attention 3x32", attention, 3, 32, TOKENS, 24),
)


def samples(fed: Shape, count: int, seed: int) -> Dataset:
    """``count`` samples of shape ``fed``; other seeds give others of the same kind."""
    found = list(_samples(fed, count, np.random.default_rng(seed)))
    return Dataset(f"seed {seed}", lambda: iter(found))


def _samples(fed: Shape, count: int, rng: np.random.Generator) -> Iterator[Sample]:
    size = int(np.prod(fed))
    shapes = np.random.default_rng(0).normal(0, 1, (8, size))  # what all samples are mixed from
    for _ in range(count):
        loud, noise = rng.lognormal(0, 0.5), 0.3 * rng.random()
        mixed = loud * (rng.normal(0, 1, 8) @ shapes / np.sqrt(8) + noise * rng.normal(0, 1, size))
        yield Sample({"x": mixed.reshape(fed).astype(np.float32)})
