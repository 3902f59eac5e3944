"""Networks that are quantized already, in every way that files come."""

from __future__ import annotations

import numpy as np
import onnx
from graph_models import f32, info, model, node, random
from numpy.typing import NDArray
from onnx import TensorProto, helper

INT8 = TensorProto.INT8
CHANNELS = 8


class Network:
    """Nodes and constants as they come; tensors are known by the names of their nodes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.held: list[onnx.TensorProto] = []

    def add(self, op: str, inputs: str, name: str, **attributes: object) -> str:
        self.nodes.append(node(op, inputs, name, f"{name}", **attributes))
        return name

    def codes(self, name: str, elem: int, shape: tuple[int, ...], values: object) -> str:
        flat = np.broadcast_to(np.asarray(values), shape).ravel().tolist()
        self.held.append(helper.make_tensor(name, elem, shape, flat))
        return name

    def floats(self, name: str, values: object) -> str:
        self.held.append(f32(name, values))
        return name

    def pair(self, tensor: str, name: str, scale: float, elem: int = INT8, zero: int = 0) -> str:
        """``tensor`` behind a QuantizeLinear ``name_q`` and a DequantizeLinear ``name_dq``."""
        grid = f"{self.floats(f'{name}_s', scale)} {self.codes(f'{name}_z', elem, (), zero)}"
        codes = self.add("QuantizeLinear", f"{tensor} {grid}", f"{name}_q")
        return self.add("DequantizeLinear", f"{codes} {grid}", f"{name}_dq")

    def weights(self, name: str, values: NDArray[np.float32], elem: int = INT8, zero: int = 0) -> str:
        """Constant codes, a scale per output channel, behind a DequantizeLinear ``name_dq``."""
        scale = np.abs(values).reshape(len(values), -1).max(1) / 120
        along = scale.reshape(-1, *[1] * (values.ndim - 1))
        codes = self.codes(f"{name}_c", elem, values.shape, np.rint(values / along).astype(int) + zero)
        grid = f"{self.floats(f'{name}_s', scale)} {self.codes(f'{name}_z', elem, scale.shape, zero)}"
        return self.add("DequantizeLinear", f"{codes} {grid}", f"{name}_dq", axis=0)

    def conv(self, tensor: str, weights: str, name: str, bias: str = "") -> str:
        return self.add("Conv", f"{tensor} {weights} {bias}", name, pads=[1, 1, 1, 1])

    def model(self, opset: int = 19) -> onnx.ModelProto:
        """The last node's tensor is the output."""
        ports = [info("x", ["N", 3, 8, 8])], [info(self.nodes[-1].output[0], None)]
        net = model(self.nodes, *ports, self.held, opset)
        net.graph.output[0].CopyFrom(onnx.shape_inference.infer_shapes(net).graph.output[0])
        return net


def convolutions(
    *, wide: float = 0.2, paired: tuple[str, ...] = ("one", "two", "three"), elem: int = INT8, zero: int = 0
) -> onnx.ModelProto:
    """Three convolutions with Relu; those in ``paired`` between pairs. ``wide``: how large ``two`` makes its values.

    A BatchNormalization brings these back.
    """
    net, inner = Network(), (CHANNELS, CHANNELS, 3, 3)
    shapes = {"one": (CHANNELS, 3, 3, 3), "two": inner, "three": inner}
    steps = {"one": 0.03, "two": 0.03, "three": 0.05}
    x = "x"
    for seed, (name, shape) in enumerate(shapes.items()):
        values = random(*shape, seed=seed) * (wide if name == "two" else 0.2)
        if name in paired:
            w = net.weights(f"{name}_w", values, elem, zero)
            x = net.pair(x, f"{name}_x", steps[name], elem, zero)
        else:
            w = net.floats(f"{name}_w", values)
        x = net.conv(x, w, name)
        if name == "two":
            given = {"scale": 1, "shift": 0, "mean": 0, "variance": (5 * wide) ** 2}
            unit = [net.floats(f"bn_{key}", np.full(CHANNELS, value)) for key, value in given.items()]
            x = net.add("BatchNormalization", f"{x} {' '.join(unit)}", "bn")
        x = net.add("Relu", x, f"{name}_relu")
    net.add("GlobalAveragePool", x, "y")
    return net.model()


def samples(count: int = 8) -> list[dict[str, NDArray[np.float32]]]:
    """Feeds of ``convolutions``."""
    return [{"x": random(1, 3, 8, 8, seed=100 + i)} for i in range(count)]
