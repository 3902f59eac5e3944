"""MiniLM-L6's network in ONNX, from the weights that its safetensors file holds, without PyTorch.

The nodes are those that a PyTorch export has before anything fuses them, as models reach TensorRT: LayerNormalization
and GELU in their elementary operators, and padding masked by adding the lowest finite FP32 number, which FP16 cannot
hold. The sentence's embedding is the mean over its tokens, at length 1.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from int8_task import Array
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEADS, LAYERS, EPSILON = 384, 12, 6, 1e-12
OPSET = 17


def read_safetensors(file: Path) -> dict[str, Array]:
    """FP32 tensors by name: a length, a JSON header of that length, then the numbers, little-endian."""
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {}
    for name, entry in json.loads(content[8:start]).items():
        if entry.get("dtype") == "F32":
            first, last = entry["data_offsets"]
            numbers = np.frombuffer(content[start + first : start + last], "<f4")
            tensors[name] = numbers.reshape(entry["shape"])
    return tensors


class Graph:
    """A graph being written: nodes are named after the module they belong to, as PyTorch names them."""

    def __init__(self, weights: dict[str, Array]) -> None:
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._used: Counter[str] = Counter()

    def add(self, operator: str, module: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; the name of its output."""
        name = f"/{module}/{operator}" if module else f"/{operator}"
        count = self._used[name]
        self._used[name] += 1
        name += f"_{count}" if count else ""
        self.nodes.append(helper.make_node(operator, inputs, [f"{name}_output_0"], name, **attributes))
        return f"{name}_output_0"

    def number(self, value: float) -> str:
        return self.constant(f"float_{value:.9g}", np.float32(value))

    def integers(self, *values: int) -> str:
        return self.constant("int_" + "_".join(map(str, values)), np.array(values, np.int64))

    def weight(self, name: str, transposed: bool = False) -> str:
        array = self.weights[name]
        return self.constant(f"{name}.T", array.T) if transposed else self.constant(name, array)

    def constant(self, name: str, value: Array | np.float32) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name)
        return name


def build(weights: dict[str, Array]) -> onnx.ModelProto:
    """The network with its three inputs; outputs are the tokens' states and the sentence's embedding."""
    g = Graph(weights)
    mask = _mask(g)
    x = _embeddings(g)
    for index in range(LAYERS):
        module = f"encoder.layer.{index}"
        x = _attention(g, x, mask, f"{module}.attention")
        x = _feed_forward(g, x, module)
    g.nodes += [
        helper.make_node("Identity", [x], ["last_hidden_state"], "/Identity"),
        helper.make_node("Identity", [_embedding(g, x)], ["sentence_embedding"], "/Identity_1"),
    ]
    tokens = ["batch", "tokens"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, tokens)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    outputs = [
        helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*tokens, WIDTH]),
        helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", WIDTH]),
    ]
    graph = helper.make_graph(g.nodes, "minilm", inputs, outputs, list(g.constants.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def _mask(g: Graph) -> str:
    """0 for tokens, the lowest number for padding, to be added to the scores of every head and query."""
    mask = g.add("Unsqueeze", "", "attention_mask", g.integers(1, 2))
    mask = g.add("Cast", "", mask, to=TensorProto.FLOAT)
    mask = g.add("Sub", "", g.number(1), mask)
    return g.add("Mul", "", mask, g.number(float(np.finfo(np.float32).min)))


def _embeddings(g: Graph) -> str:
    module = "embeddings"
    words = g.add("Gather", module, g.weight("embeddings.word_embeddings.weight"), "input_ids")
    kinds = g.add("Gather", module, g.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
    length = g.add("Shape", module, "input_ids", start=1, end=2)
    table = g.weight("embeddings.position_embeddings.weight")
    places = g.add("Slice", module, table, g.integers(0), length, g.integers(0))
    x = g.add("Add", module, g.add("Add", module, words, kinds), places)
    return _layer_norm(g, x, "embeddings.LayerNorm")


def _attention(g: Graph, x: str, mask: str, module: str) -> str:
    heads = {
        name: g.add("Reshape", f"{module}.self", _linear(g, x, f"{module}.self.{name}"),
                    g.integers(0, 0, HEADS, WIDTH // HEADS))
        for name in ("query", "key", "value")
    }  # fmt: skip
    inner = f"{module}.self"
    query = g.add("Transpose", inner, heads["query"], perm=[0, 2, 1, 3])
    key = g.add("Transpose", inner, heads["key"], perm=[0, 2, 3, 1])
    value = g.add("Transpose", inner, heads["value"], perm=[0, 2, 1, 3])
    scores = g.add("MatMul", inner, query, key)
    scores = g.add("Div", inner, scores, g.number((WIDTH / HEADS) ** 0.5))
    scores = g.add("Softmax", inner, g.add("Add", inner, scores, mask), axis=-1)
    context = g.add("Transpose", inner, g.add("MatMul", inner, scores, value), perm=[0, 2, 1, 3])
    context = g.add("Reshape", inner, context, g.integers(0, 0, WIDTH))
    return _residual(g, context, x, f"{module}.output")


def _feed_forward(g: Graph, x: str, module: str) -> str:
    inner = f"{module}.intermediate"
    wide = _linear(g, x, f"{inner}.dense")
    gate = g.add("Erf", inner, g.add("Div", inner, wide, g.number(2**0.5)))
    gate = g.add("Add", inner, gate, g.number(1))
    wide = g.add("Mul", inner, g.add("Mul", inner, wide, gate), g.number(0.5))
    return _residual(g, wide, x, f"{module}.output")


def _residual(g: Graph, x: str, before: str, module: str) -> str:
    x = g.add("Add", module, _linear(g, x, f"{module}.dense"), before)
    return _layer_norm(g, x, f"{module}.LayerNorm")


def _linear(g: Graph, x: str, module: str) -> str:
    product = g.add("MatMul", module, x, g.weight(f"{module}.weight", transposed=True))
    return g.add("Add", module, g.weight(f"{module}.bias"), product)


def _layer_norm(g: Graph, x: str, module: str) -> str:
    centred = g.add("Sub", module, x, g.add("ReduceMean", module, x, axes=[-1]))
    variance = g.add("ReduceMean", module, g.add("Pow", module, centred, g.number(2)), axes=[-1])
    deviation = g.add("Sqrt", module, g.add("Add", module, variance, g.number(EPSILON)))
    scaled = g.add("Mul", module, g.add("Div", module, centred, deviation), g.weight(f"{module}.weight"))
    return g.add("Add", module, scaled, g.weight(f"{module}.bias"))


def _embedding(g: Graph, x: str) -> str:
    """The mean over tokens that are not padding, at length 1."""
    module = "pooling"
    counted = g.add(
        "Cast", module, g.add("Unsqueeze", module, "attention_mask", g.integers(-1)), to=TensorProto.FLOAT
    )
    total = g.add("ReduceSum", module, g.add("Mul", module, x, counted), g.integers(1), keepdims=0)
    count = g.add("ReduceSum", module, counted, g.integers(1), keepdims=0)
    mean = g.add("Div", module, total, g.add("Max", module, count, g.number(1e-9)))
    length = g.add("ReduceL2", module, mean, axes=[1], keepdims=1)
    return g.add("Div", module, mean, g.add("Max", module, length, g.number(1e-12)))
