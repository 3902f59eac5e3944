"""Small networks with a planted loss of accuracy, and what must stay in FP32 for each, known by construction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]
CHANNELS, SIZE, SAMPLES = 8, 16, 8


@dataclass(frozen=True)
class Planted:
    """A network with its samples. ``needed``: the nodes that must stay in FP32; None where there is a choice.

    ``engine``: the same network as an engine computes it, where that differs; a node ``NAME:part`` there belongs
    to the node ``NAME``.
    """

    title: str
    model: onnx.ModelProto
    feeds: list[dict[str, Floats]]
    needed: frozenset[str] | None
    tolerance: float = 5e-3
    engine: onnx.ModelProto | None = None


@dataclass
class Chain:
    """A chain of nodes, each named like its output."""

    seed: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    top: str = "x"
    needed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = np.random.default_rng(self.seed)
        self.feeds = [
            {"x": np.abs(self.dice.normal(0, 1, (1, CHANNELS, SIZE, SIZE))).astype(np.float32)}
            for _ in range(SAMPLES)
        ]

    def constant(self, value: object) -> str:
        """The name of an initializer that holds ``value``."""
        name = f"k{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def integers(self, value: list[int]) -> str:
        """The name of an INT64 initializer that holds ``value``."""
        name = f"k{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(value, np.int64), name))
        return name

    def add(self, op: str, *inputs: str, name: str = "", needed: bool = False, **attributes: Any) -> str:
        """Append a node that reads ``inputs`` and is the new top. Returns its name, which is its output's too."""
        name = name or f"{op}_{sum(node.op_type == op for node in self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name, **attributes))
        self.top = name
        if needed:
            self.needed.add(name)
        return name

    def conv_relu(self, gain: float = 1.0, needed: bool = False, both: bool = False) -> None:
        """A 3x3 convolution that multiplies its input by about ``gain``, and a Relu.

        Near the identity, with noise of mean 0: signal and rounding error stay in proportion, however deep.
        """
        noise = self.dice.normal(0, 0.02, (CHANNELS, CHANNELS, 3, 3))
        weight = noise - noise.mean(axis=(1, 2, 3), keepdims=True)
        weight[:, :, 1, 1] += np.eye(CHANNELS)
        self.add("Conv", self.top, self.constant(gain * weight), needed=needed or both, pads=[1, 1, 1, 1])
        self.add("Relu", self.top, needed=both)

    def convs(self, count: int) -> None:
        """``count`` plain convolutions with Relu."""
        for _ in range(count):
            self.conv_relu()

    def model(self) -> onnx.ModelProto:
        """The network so far, ``x`` → its top."""
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes,
            "planted",
            [value("x", TensorProto.FLOAT, [1, CHANNELS, SIZE, SIZE])],
            [value(self.top, TensorProto.FLOAT, None)],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)

    def planted(self, title: str, choice: bool = False, tolerance: float = 5e-3) -> Planted:
        """The finished case."""
        return Planted(title, self.model(), self.feeds, None if choice else frozenset(self.needed), tolerance)


def overflows(nodes: int, count: int) -> Planted:
    """``count`` activations near 40000 (so values beyond 65504), brought back by the next convolution.

    Convolution, Relu and the convolution that reads it are needed.
    """
    chain, pairs = Chain(), (nodes - 1) // 2
    places = {round(pairs * (i + 0.5) / count) for i in range(count)}
    for index in range(pairs):
        hot, back = index in places, index - 1 in places
        chain.conv_relu(4e4 if hot else 2.5e-5 if back else 1.0, needed=back, both=hot)
    chain.add("GlobalAveragePool", chain.top)
    return chain.planted(f"{count} overflow{'s' if count > 1 else ''} in {nodes}")


def cancellation() -> Planted:
    """(x + 400) - 400, twice: no value leaves the range, the rounding error grows 400-fold."""
    chain = Chain()
    for _ in range(2):
        chain.convs(20)
        far = chain.constant(400.0)
        chain.add("Add", chain.top, far, needed=True)
        chain.add("Sub", chain.top, far, needed=True)
    chain.convs(20)
    chain.add("Sigmoid", chain.top)
    return chain.planted("2 cancellations in 125")


def underflow() -> Planted:
    """x·1e-7·1e3·1e4: the first product rounds to a handful of subnormals."""
    chain = Chain()
    chain.convs(30)
    for factor, needed in ((1e-7, True), (1e3, True), (1e4, False)):
        chain.add("Mul", chain.top, chain.constant(factor), needed=needed)
    chain.convs(29)
    return chain.planted("underflow in 121")


def epsilon() -> Planted:
    """x/√(mean x² + 1e-12) over channels one of which is all zero: FP16 flushes the epsilon and divides 0 by 0."""
    chain = Chain()
    chain.convs(28)
    mask = np.ones((1, CHANNELS, 1, 1), np.float32)
    mask[0, 3] = 0.0
    source = chain.add("Mul", chain.top, chain.constant(mask))
    chain.add("Mul", source, source)
    chain.add("ReduceMean", chain.top, axes=[2, 3])
    chain.add("Add", chain.top, chain.constant(1e-12), needed=True)
    chain.add("Sqrt", chain.top, needed=True)
    chain.add("Div", source, chain.top)
    chain.convs(29)
    return chain.planted("epsilon in 120")


def reduction() -> Planted:
    """x/√(Σ x²) with x near 20: what comes in and what goes out is harmless, the sum in between is not."""
    chain = Chain()
    chain.convs(28)
    chain.conv_relu(20.0)
    source = chain.top
    chain.add("Mul", source, source)
    chain.add("ReduceSum", chain.top, chain.integers([2, 3]), needed=True)
    chain.add("Sqrt", chain.top, needed=True)
    chain.add("Div", source, chain.top)
    chain.convs(29)
    return chain.planted("reduction in 120")


def accumulation() -> Planted:
    """x/mean x with x near 300 over 256 pixels, the mean's sum held in FP16 by the engine: beyond 65504.

    No tensor of the network leaves the range, so the emulator, which adds in FP32, has nothing to see.
    """
    emulated, engine = (_with_mean(split) for split in (False, True))
    return replace(emulated.planted("sum in a mean (engine only) in 118"), engine=engine.model())


def _with_mean(split: bool) -> Chain:
    chain = Chain()
    chain.convs(28)
    chain.conv_relu(370.0)
    source = chain.top
    axes = chain.integers([2, 3])
    if split:
        total = chain.add("ReduceSum", source, axes)
        chain.add("Mul", total, chain.constant(1 / SIZE**2), name="mean:scale")
        chain.nodes[-2].name = "mean"
    else:
        chain.add("ReduceMean", source, name="mean", axes=[2, 3], needed=True)
    chain.add("Div", source, chain.top, name="div")
    for _ in range(29):
        chain.conv_relu()
    return chain


def together() -> Planted:
    """Two cancellations, each tolerable: only together they exceed the tolerance. The second is on a quarter of
    the pixels, so it is the cheaper one to keep."""
    chain = Chain()
    chain.convs(20)
    for stride in (1, 2):
        if stride == 2:
            chain.add("MaxPool", chain.top, kernel_shape=[2, 2], strides=[2, 2])
        far = chain.constant(40.0)
        chain.add("Add", chain.top, far, needed=stride == 2)
        chain.add("Sub", chain.top, far, needed=stride == 2)
        chain.convs(20)
    return chain.planted("2 that only hurt together in 125", choice=True, tolerance=8e-3)


def diffuse() -> Planted:
    """Nothing planted: the tolerance is what asks for more than FP16 gives."""
    chain = Chain()
    chain.convs(60)
    chain.add("GlobalAveragePool", chain.top)
    return chain.planted("diffuse in 121", choice=True, tolerance=1.2e-3)


CASES: dict[str, Callable[[], Planted]] = {
    "overflow-1": lambda: overflows(121, 1),
    "overflow-3": lambda: overflows(121, 3),
    "overflow-8": lambda: overflows(121, 8),
    "overflow-601": lambda: overflows(601, 3),
    "cancellation": cancellation,
    "underflow": underflow,
    "epsilon": epsilon,
    "reduction": reduction,
    "accumulation": accumulation,
    "together": together,
    "diffuse": diffuse,
}
