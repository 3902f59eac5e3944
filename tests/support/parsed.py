"""Networks that TensorRT-RTX's real parser made, and a recorder of what they are told: RTX has no such setters."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None, reason="tensorrt-rtx is not installed"
)
node = helper.make_node
Told = tuple[str | None, dict[int, str]]


def parsed(model: onnx.ModelProto) -> Network:
    """The network of ``model``, recorded."""
    import tensorrt_rtx as trt

    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    assert parser.parse(model.SerializeToString()), parser.get_error(0).desc()
    return Network(network, (builder, parser))


class Network:
    """An INetworkDefinition with the setters of TensorRT 8.6 to 10.16."""

    def __init__(self, real: Any, owners: object) -> None:
        self._real, self._owners = real, owners
        self._layers = [Layer(real.get_layer(index)) for index in range(real.num_layers)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def get_layer(self, index: int) -> Layer:
        return self._layers[index]

    @property
    def told(self) -> dict[str, Told]:
        """Layer → the precision and the output types that it was given."""
        return {layer.name: (layer.kind, layer.types) for layer in self._layers if layer.kind or layer.types}


class Layer:
    """An ILayer that remembers what it is told; everything else is the real one's."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.kind: str | None = None
        self.types: dict[int, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "precision":
            self.kind = value
        elif name in ("_real", "kind", "types"):
            object.__setattr__(self, name, value)
        else:
            raise AttributeError(name)

    def set_output_type(self, index: int, kind: str) -> None:
        assert 0 <= index < self._real.num_outputs
        self.types[index] = kind


def words() -> ModuleType:
    """A ``tensorrt`` whose constants are their own names."""
    module = ModuleType("tensorrt")
    vars(module).update({name: name for name in ("float32", "float16", "bfloat16", "int8")})
    return module


def execute(script: str, network: Any, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the script on ``network`` as Polygraphy does; its globals."""
    monkeypatch.setitem(sys.modules, "tensorrt", words())
    found: dict[str, Any] = {"__name__": "script"}
    monkeypatch.setitem(sys.modules, "script", SimpleNamespace(__dict__=found))  # type: ignore[arg-type]
    exec(compile(script, "script", "exec"), found)  # noqa: S102 - our own text
    run: Callable[[Any], None] = found["postprocess"]
    run(network)
    return found


def model(
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int | str]],
    outputs: list[str],
    opset: int = 17,
    **weights: Any,
) -> onnx.ModelProto:
    """A model of float inputs and outputs; ``weights`` are FP32 unless they are arrays of another type."""
    held = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        held,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def ones(*shape: int) -> Any:
    return np.ones(shape, np.float32)


def gemm() -> onnx.ModelProto:
    return model([node("Gemm", ["x", "w", "b"], ["y"], name="gemm")], {"x": [2, 3]}, ["y"], w=ones(3, 4), b=ones(4))


def split() -> onnx.ModelProto:
    return model([node("Split", ["x"], ["y", "z"], name="sp", axis=1)], {"x": [2, 4]}, ["y", "z"], opset=11)


def softmax() -> onnx.ModelProto:
    return model([node("Softmax", ["x"], ["y"], name="sm")], {"x": [2, 3, 4]}, ["y"])


def instance_norm() -> onnx.ModelProto:
    nodes = [node("InstanceNormalization", ["x", "s", "b"], ["y"], name="in")]
    return model(nodes, {"x": [2, 3, 4, 4]}, ["y"], s=ones(3), b=ones(3))


def chain(*names: str) -> onnx.ModelProto:
    """Relu and Sigmoid called ``names``, the empty one unnamed."""
    nodes = [node("Relu", ["x"], ["a"], name=names[0]), node("Sigmoid", ["a"], ["y"], name=names[1])]
    return model(nodes, {"x": [2, 3]}, ["y"])


def shared_constant() -> onnx.ModelProto:
    nodes = [node("Mul", ["x", "c"], ["a"], name="mul"), node("Add", ["a", "c"], ["y"], name="add")]
    return model(nodes, {"x": [2, 3, 4]}, ["y"], c=ones(4) * 1e5)


def shapes() -> onnx.ModelProto:
    nodes = [
        node("Shape", ["x"], ["s"], name="shp"),
        node("Cast", ["s"], ["f"], name="cast", to=TensorProto.FLOAT),
        node("Reshape", ["f", "s2"], ["y"], name="rs"),
    ]
    return model(nodes, {"x": ["n", 3]}, ["y"], s2=np.array([2, 1], np.int64))


def returned_input() -> onnx.ModelProto:
    return model([node("Relu", ["x"], ["y"], name="r")], {"x": [2, 3]}, ["y", "x"])


def named_alike() -> onnx.ModelProto:
    """A weight that is called as a node is."""
    nodes = [node("Relu", ["x"], ["a"], name="c"), node("Add", ["a", "c"], ["y"], name="add")]
    return model(nodes, {"x": [2, 3]}, ["y"], c=ones(2, 3))


def loop() -> onnx.ModelProto:
    info = helper.make_tensor_value_info
    flag, value = TensorProto.BOOL, TensorProto.FLOAT
    body = helper.make_graph(
        [node("Identity", ["go"], ["went"], name="again"), node("Add", ["carried", "x"], ["sum"], name="body/add")],
        "body",
        [info("i", TensorProto.INT64, []), info("go", flag, []), info("carried", value, [2, 3])],
        [info("went", flag, []), info("sum", value, [2, 3])],
    )
    nodes = [node("Loop", ["count", "first", "x"], ["y"], name="loop", body=body)]
    return model(nodes, {"x": [2, 3]}, ["y"], count=np.array(3, np.int64), first=np.array(True))
