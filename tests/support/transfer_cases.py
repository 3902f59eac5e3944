"""Networks in which the range of a tensor can move, with the tensor, its readers and the kind of the move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.parser import parse_model

HEAD = '<ir_version: 10, opset_import: ["" : 17]>\n'
PICTURE, ROW = "net (float[2,3,8,8] x) => (float[N] y)", "net (float[2,5,6] x) => (float[N] y)"


def build(header: str, body: str, shapes: Mapping[str, Sequence[int]], seed: int = 5) -> onnx.ModelProto:
    """The network with random constants; variances positive."""
    model = parse_model(f"{HEAD}{header}\n{{\n{body}\n}}")
    rng = np.random.default_rng(seed)
    for node in model.graph.node:
        node.name = f"n_{node.output[0]}"
    for name, shape in shapes.items():
        array = rng.uniform(0.5, 2, shape) if name.startswith("v") else rng.normal(0, 1, shape)
        model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return model


CASES = {
    "BatchNormalization, Relu, pooling": (
        PICTURE,
        "a = Conv (x, w)\nb = BatchNormalization (a, s, t, m, v)\nc = Relu (b)\n"
        "d = MaxPool <kernel_shape=[2,2]> (c)\ny = Conv (d, u)",
        {"w": (4, 3, 3, 3), "s": (4,), "t": (4,), "m": (4,), "v": (4,), "u": (5, 4, 1, 1)},
        ("d", ("n_y",), "migration"),
    ),
    "a biased convolution and a depthwise one": (
        PICTURE,
        "a = Conv (x, w, b)\nc = Relu (a)\ny = Conv <group=4> (c, u)",
        {"w": (4, 3, 3, 3), "b": (4,), "u": (8, 1, 3, 3)},
        ("c", ("n_y",), "equalisation"),
    ),
    "a transposed convolution and a grouped one": (
        PICTURE,
        "a = ConvTranspose (x, w, b)\ny = Conv <group=2> (a, u)",
        {"w": (3, 4, 2, 2), "b": (4,), "u": (6, 2, 1, 1)},
        ("a", ("n_y",), "equalisation"),
    ),
    "LayerNormalization and three readers": (
        ROW,
        "a = LayerNormalization (x, s, t)\nq = MatMul (a, f)\nk = MatMul (a, g)\nv0 = MatMul (a, h)\n"
        "z = Add (q, k)\ny = Add (z, v0)",
        {"s": (6,), "t": (6,), "f": (6, 4), "g": (6, 4), "h": (6, 4)},
        ("a", ("n_q", "n_k", "n_v0"), "migration"),
    ),
    "a normalisation spelt out": (
        ROW,
        "a = Tanh (x)\nb = Mul (a, s)\nc = Add (b, t)\ny = MatMul (c, f)",
        {"s": (6,), "t": (6,), "f": (6, 4)},
        ("c", ("n_y",), "migration"),
    ),
    "two products with a bias between": (
        ROW,
        "a = MatMul (x, f)\nb = Add (a, t)\nc = Relu (b)\ny = MatMul (c, g)",
        {"f": (6, 7), "t": (7,), "g": (7, 4)},
        ("c", ("n_y",), "equalisation"),
    ),
    "two Gemm, the second transposed": (
        "net (float[3,6] x) => (float[N] y)",
        "a = Gemm (x, f, t)\nb = LeakyRelu (a)\ny = Gemm <transB=1, alpha=0.5> (b, g, h)",
        {"f": (6, 7), "t": (7,), "g": (4, 7), "h": (4,)},
        ("b", ("n_y",), "equalisation"),
    ),
    "a transposed convolution that reads a pooled one": (
        PICTURE,
        "a = Conv <group=3> (x, w, b)\nc = AveragePool <kernel_shape=[3,3]> (a)\ny = ConvTranspose (c, u)",
        {"w": (6, 1, 3, 3), "b": (6,), "u": (6, 5, 2, 2)},
        ("c", ("n_y",), "equalisation"),
    ),
    "a spelt-out normalisation of pictures": (
        PICTURE,
        "a = Tanh (x)\nb = Mul (a, s)\nc = Add (b, t)\nd = GlobalAveragePool (c)\ny = Conv (d, u)",
        {"s": (3, 1, 1), "t": (1, 3, 1, 1), "u": (5, 3, 1, 1)},
        ("d", ("n_y",), "migration"),
    ),
}
