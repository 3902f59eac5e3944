"""Small networks, each a pattern that an optimiser of ONNX Runtime looks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 16  # a block of ONNX Runtime's own layout, which narrower convolutions never see
IMAGE = (1, CHANNELS, 8, 8)
ROWS = (8, 64)


class Net:
    """A graph in the making: tensors are added with their values, nodes with what they read."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(0)

    def constant(self, values: ArrayLike, kind: int = TensorProto.FLOAT) -> str:
        """A tensor of ``values``."""
        name, array = f"c{len(self.tensors)}", np.asarray(values)
        self.tensors.append(helper.make_tensor(name, kind, array.shape, array.ravel()))
        return name

    def ints(self, *values: int) -> str:
        """An INT64 vector."""
        return self.constant(values, TensorProto.INT64)

    def normal(self, *shape: int, scale: float = 0.3) -> str:
        """Normal numbers."""
        name = f"c{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(self.array(*shape, scale=scale), name))
        return name

    def array(self, *shape: int, scale: float = 0.3) -> Any:
        """Normal numbers that are no tensor yet."""
        return (self.rng.standard_normal(shape) * scale).astype(np.float32)

    def ops(self, op: str, *inputs: str, count: int, **attributes: Any) -> tuple[str, ...]:
        """The outputs of a node with ``count`` of them."""
        outputs = tuple(f"t{len(self.nodes)}_{index}" for index in range(count))
        self.nodes.append(helper.make_node(op, inputs, outputs, f"{op}_{len(self.nodes)}", **attributes))
        return outputs

    def op(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The output of a node."""
        return self.ops(op, *inputs, count=1, **attributes)[0]

    def model(self, inputs: Mapping[str, Sequence[int]], output: str, opset: int = 21) -> onnx.ModelProto:
        """What was added, as a model."""
        given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
        made = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "g", given, [made], self.tensors)
        domains = [("", opset), ("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=[helper.make_opsetid(*d) for d in domains], ir_version=10)


Weights = Callable[..., str]
Pattern = Callable[[Net, str, Weights], str]


def one(op: str, **attributes: Any) -> Pattern:
    """A node with one input."""
    return lambda net, x, w: net.op(op, x, **attributes)


def behind(first: Pattern, *others: Pattern) -> Pattern:
    """Patterns in a row."""

    def row(net: Net, x: str, w: Weights) -> str:
        for pattern in (first, *others):
            x = pattern(net, x, w)
        return x

    return row


def conv(group: int = 1, *, bias: bool = True) -> Pattern:
    """A 3 × 3 convolution of an image."""

    def pattern(net: Net, x: str, w: Weights) -> str:
        weights = w(net, (CHANNELS, CHANNELS // group, 3, 3), 0)
        more = [net.normal(CHANNELS)] if bias else []
        return net.op("Conv", x, weights, *more, kernel_shape=[3, 3], pads=[1] * 4, group=group)

    return pattern


def clip(low: float, high: float) -> Pattern:
    """Values held between two limits."""
    return lambda net, x, w: net.op("Clip", x, net.constant(np.float32(low)), net.constant(np.float32(high)))


def matmul(net: Net, x: str, w: Weights) -> str:
    """A product with weights, over the last axis of an image."""
    return net.op("MatMul", x, w(net, (8, 16), 1))


def gemm(net: Net, x: str, w: Weights) -> str:
    """A Gemm of the image in rows."""
    rows = net.op("Reshape", x, net.ints(CHANNELS, 64))
    return net.op("Gemm", rows, w(net, (16, 64), 0), net.normal(16), transB=1)


def batch_norm(net: Net, x: str, w: Weights) -> str:
    """BatchNormalization of an image."""
    scale, shift, mean = (net.normal(CHANNELS) for _ in range(3))
    return net.op("BatchNormalization", x, scale, shift, mean, net.constant(np.abs(net.array(CHANNELS)) + 0.5))


def binary(op: str, value: float) -> Pattern:
    """A node with a constant as its second input."""
    return lambda net, x, w: net.op(op, x, net.constant(np.float32(value)))


def add_vector(net: Net, x: str, w: Weights) -> str:
    """A bias along the last axis."""
    return net.op("Add", x, net.normal(8))


def add_input(pattern: Pattern) -> Pattern:
    """A residual sum around ``pattern``."""
    return lambda net, x, w: net.op("Add", pattern(net, x, w), x)


def gated(pattern: Pattern) -> Pattern:
    """x · pattern(x)."""
    return lambda net, x, w: net.op("Mul", x, pattern(net, x, w))


def resize(mode: str) -> Pattern:
    """An image of twice the size."""
    return lambda net, x, w: net.op("Resize", x, "", net.constant([1.0, 1, 2, 2]), mode=mode)


def slices(net: Net, x: str, w: Weights) -> str:
    """The four pixels of each 2 × 2 square, side by side."""
    starts = [(0, 0), (1, 0), (0, 1), (1, 1)]
    axes, steps, end = net.ints(2, 3), net.ints(2, 2), net.ints(8, 8)
    return net.op("Concat", *(net.op("Slice", x, net.ints(*s), end, axes, steps) for s in starts), axis=1)


def split_add(net: Net, x: str, w: Weights) -> str:
    """The sum of both halves."""
    return net.op("Add", *net.ops("Split", x, count=2, axis=1, num_outputs=2))


def gather(net: Net, x: str, w: Weights) -> str:
    """Single rows, taken one by one."""
    rows = (net.op("Gather", x, net.constant(np.int64(i), TensorProto.INT64), axis=3) for i in range(8))
    return net.op("Concat", *(net.op("Unsqueeze", row, net.ints(3)) for row in rows), axis=3)


def tanh_gelu(net: Net, x: str, w: Weights) -> str:
    """Gelu by its approximation, spelt out."""
    cube = net.op("Mul", net.op("Pow", x, net.constant(np.float32(3))), net.constant(np.float32(0.044715)))
    inner = net.op("Mul", net.op("Add", x, cube), net.constant(np.float32(0.7978845608)))
    outer = net.op("Add", net.op("Tanh", inner), net.constant(np.float32(1)))
    return net.op("Mul", net.op("Mul", x, net.constant(np.float32(0.5))), outer)


def erf_gelu(net: Net, x: str, w: Weights) -> str:
    """Gelu, spelt out."""
    inner = net.op("Erf", net.op("Div", x, net.constant(np.float32(2**0.5))))
    product = net.op("Mul", x, net.op("Add", inner, net.constant(np.float32(1))))
    return net.op("Mul", product, net.constant(np.float32(0.5)))


def layer_norm(net: Net, x: str, w: Weights) -> str:
    """LayerNormalization, spelt out."""
    centred = net.op("Sub", x, net.op("ReduceMean", x, net.ints(-1)))
    square = net.op("Pow", centred, net.constant(np.float32(2)))
    variance = net.op("Add", net.op("ReduceMean", square, net.ints(-1)), net.constant(np.float32(1e-5)))
    scaled = net.op("Mul", net.op("Div", centred, net.op("Sqrt", variance)), net.normal(8))
    return net.op("Add", scaled, net.normal(8))


def tokens(pattern: Pattern) -> Pattern:
    """``pattern`` over an image as a sequence of vectors."""
    return behind(reshaped(1, CHANNELS * 8, 8), pattern)


def rms_norm(net: Net, x: str, w: Weights) -> str:
    """RMSNorm, spelt out."""
    square = net.op("Pow", x, net.constant(np.float32(2)))
    mean = net.op("Add", net.op("ReduceMean", square, net.ints(-1)), net.constant(np.float32(1e-5)))
    return net.op("Mul", net.op("Div", x, net.op("Sqrt", mean)), net.normal(8))


def attention(net: Net, x: str, w: Weights) -> str:
    """softmax(x · xᵀ / √8 + mask) · x over the last two axes."""
    scores = net.op("MatMul", x, net.op("Transpose", x, perm=[0, 1, 3, 2]))
    scaled = net.op("Div", scores, net.constant(np.float32(8**0.5)))
    masked = net.op("Add", scaled, net.normal(1, 1, 8, 8))
    return net.op("MatMul", net.op("Softmax", masked, axis=-1), x)


def dynamic_matmul(net: Net, x: str, w: Weights) -> str:
    """A product in INT8 whose range is found as it runs."""
    codes, scale, zero = net.ops("DynamicQuantizeLinear", x, count=3)
    weights = net.constant(net.rng.integers(-127, 128, (8, 16)), TensorProto.INT8)
    product = net.op("Cast", net.op("MatMulInteger", codes, weights, zero), to=TensorProto.FLOAT)
    return net.op("Mul", product, net.op("Mul", scale, net.constant(np.float32(0.01))))


def through(*kinds: int) -> Pattern:
    """Casts to each of ``kinds`` and back to FP32."""

    def pattern(net: Net, x: str, w: Weights) -> str:
        for kind in (*kinds, TensorProto.FLOAT):
            x = net.op("Cast", x, to=kind)
        return x

    return pattern


def not_where(net: Net, x: str, w: Weights) -> str:
    """A choice by a negated condition."""
    positive = net.op("Greater", x, net.constant(np.float32(0)))
    return net.op("Where", net.op("Not", positive), x, net.op("Neg", x))


def reciprocal(net: Net, x: str, w: Weights) -> str:
    """(1 / x) · y."""
    return net.op("Mul", net.op("Div", net.constant(np.float32(1)), net.op("Exp", x)), net.op("Tanh", x))


def mean(net: Net, x: str, w: Weights) -> str:
    """The mean of each channel."""
    return net.op("ReduceMean", x, net.ints(2, 3))


def reshaped(*shape: int) -> Pattern:
    """Another shape."""
    return lambda net, x, w: net.op("Reshape", x, net.ints(*shape))


def pad(net: Net, x: str, w: Weights) -> str:
    """Zeros around an image."""
    return net.op("Pad", x, net.ints(0, 0, 1, 1, 0, 0, 1, 1))


POOL = {"kernel_shape": [2, 2], "strides": [2, 2]}
WEIGHTED: dict[str, Pattern] = {
    "Conv": conv(),
    "Conv no bias": conv(bias=False),
    "Conv depthwise": conv(CHANNELS),
    "Conv groups": conv(2),
    "Conv Conv": behind(conv(), conv()),
    "Conv Relu": behind(conv(), one("Relu")),
    "Conv Clip": behind(conv(), clip(0, 6)),
    "Conv LeakyRelu": behind(conv(), one("LeakyRelu", alpha=0.1)),
    "Conv Sigmoid": behind(conv(), one("Sigmoid")),
    "Conv HardSigmoid": behind(conv(), one("HardSigmoid")),
    "Conv Tanh": behind(conv(), one("Tanh")),
    "Conv SiLU": behind(conv(), gated(one("Sigmoid"))),
    "Conv BN": behind(conv(), batch_norm),
    "Conv BN Relu": behind(conv(), batch_norm, one("Relu")),
    "Conv Mul": behind(conv(), binary("Mul", 0.7)),
    "Conv Add Relu": behind(add_input(conv()), one("Relu")),
    "Conv MaxPool": behind(conv(), one("MaxPool", **POOL)),
    "Conv AveragePool": behind(conv(), one("AveragePool", **POOL)),
    "Conv GlobalAveragePool": behind(conv(), one("GlobalAveragePool")),
    "Conv GlobalMaxPool": behind(conv(), one("GlobalMaxPool")),
    "Conv Resize": behind(conv(), resize("nearest")),
    "Pad Conv": behind(pad, conv()),
    "ConvTranspose": lambda net, x, w: net.op("ConvTranspose", x, w(net, (CHANNELS, 8, 2, 2), 1), strides=[2, 2]),
    "MatMul": matmul,
    "MatMul Add": behind(matmul, lambda net, x, w: net.op("Add", x, net.normal(16))),
    "MatMul Relu": behind(matmul, one("Relu")),
    "Mul MatMul": behind(binary("Mul", 0.35), matmul),
    "Gemm": gemm,
    "Gemm Relu": behind(gemm, one("Relu")),
    "Gemm Sigmoid": behind(gemm, one("Sigmoid")),
}
PLAIN: dict[str, Pattern] = {
    **{op: one(op) for op in ("Relu", "Sigmoid", "Tanh", "Exp", "Abs", "Neg", "HardSigmoid", "HardSwish", "Erf")},
    "LeakyRelu": one("LeakyRelu", alpha=0.1),
    "Clip": clip(0, 6),
    "Clip inside": clip(-0.7, 0.9),
    "Gelu": one("Gelu"),
    "Gelu tanh": one("Gelu", approximate="tanh"),
    "Gelu by Erf": erf_gelu,
    "Gelu by Tanh": tanh_gelu,
    "bias Gelu": behind(add_vector, erf_gelu),
    "SiLU": gated(one("Sigmoid")),
    "quick Gelu": gated(behind(binary("Mul", 1.702), one("Sigmoid"))),
    "Softmax": one("Softmax", axis=-1),
    "bias Softmax": behind(add_vector, one("Softmax", axis=-1)),
    "LayerNorm": lambda net, x, w: net.op("LayerNormalization", x, net.normal(8), net.normal(8)),
    "LayerNorm spelt out": layer_norm,
    "skip LayerNorm": behind(add_input(add_vector), layer_norm),
    "skip LayerNorm of tokens": tokens(behind(add_input(add_vector), layer_norm)),
    "bias Gelu of tokens": tokens(behind(add_vector, erf_gelu)),
    "RMSNorm spelt out": rms_norm,
    "InstanceNorm": lambda net, x, w: net.op("InstanceNormalization", x, net.normal(CHANNELS), net.normal(CHANNELS)),
    "attention": attention,
    "MaxPool": one("MaxPool", **POOL),
    "AveragePool": one("AveragePool", **POOL),
    "GlobalAveragePool": one("GlobalAveragePool"),
    "GlobalMaxPool": one("GlobalMaxPool"),
    "ReduceMean": mean,
    "Transpose": one("Transpose", perm=[0, 2, 3, 1]),
    "Reshape": reshaped(1, CHANNELS, 64),
    "Pad": pad,
    "Resize": resize("nearest"),
    "Resize linear": resize("linear"),
    "Split Add": split_add,
    "slices": slices,
    "Gather": gather,
    "Relu Clip": behind(one("Relu"), clip(-1, 0.8)),
    "Not Where": not_where,
    "Div Mul": reciprocal,
    "Dropout Identity": behind(one("Dropout"), one("Identity")),
    "dynamic MatMul": dynamic_matmul,
    "FP16": through(10),
    "BF16": through(16),
    "FP16 BF16": through(10, 16),
    "BF16 FP16": through(16, 10),
    "FP16 twice": behind(through(10), through(10)),
    "FP16 FP8": through(10, 17),
    "E4M3": through(17),
    "E5M2": through(19),
    "double": through(11),
    "double FP16": through(11, 10),
    "INT8": through(3),
    "INT32": through(6),
}
PAIRS = ("Add", "Mul", "Sub", "Div", "Max", "MatMul", "Concat", "Where")


def pair(net: Net, op: str, x: str, y: str) -> str:
    """A node that reads two tensors."""
    if op == "Concat":
        return net.op(op, x, y, axis=1)
    more = [net.op("Greater", x, y)] if op == "Where" else []
    return net.op(op, *more, x, y)
