"""The script for Polygraphy, run on a network that takes what TensorRT takes."""

from __future__ import annotations

import ast
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from decisions import cured_decision, decision, int8_decision

from trtflow.files.exports import polygraphy
from trtflow.files.exports.decision import Decision


@pytest.mark.parametrize("name", ['/a"b\\c/Conv 😀', "$valid", "{usage}", "a\nb", "'''"])
def test_the_script_is_python_and_keeps_hostile_names(name: str) -> None:
    tree = ast.parse(polygraphy.write(decision(name)))
    table = next(n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "PRECISIONS")  # type: ignore[attr-defined]
    assert ast.literal_eval(table) == {name: "float32"}


class Tensor:
    """An ITensor: it takes no attributes but TensorRT's."""

    __slots__ = ("dtype", "dynamic_range", "is_shape_tensor", "name")

    def __init__(self, name: str) -> None:
        self.name, self.dtype, self.is_shape_tensor = name, "float32", False


class Layer:
    """An ILayer that remembers what is set."""

    def __init__(self, name: str, kind: str, output: str) -> None:
        self.name, self.type, self.num_outputs, self.output = f"layer of {name}", kind, 1, Tensor(output)
        self.metadata = f"[ONNX Layer: {name}]"
        self.said: dict[object, str] = {}

    def get_output(self, index: int) -> Tensor:
        return [self.output][index]

    @property
    def precision(self) -> str:
        return self.said["precision"]

    @precision.setter
    def precision(self, kind: str) -> None:
        self.said["precision"] = kind

    def set_output_type(self, index: int, kind: str) -> None:
        self.said[index] = kind


class Network(list[Layer]):
    """An INetworkDefinition with one input."""

    num_inputs = 1

    def __init__(self, *layers: Layer) -> None:
        super().__init__(layers)
        self.input = Tensor("x")

    def get_input(self, index: int) -> Tensor:
        return [self.input][index]


def postprocess(monkeypatch: pytest.MonkeyPatch, made: Decision, network: Network) -> str:
    """Execute the script as Polygraphy does, and return its docstring."""
    kinds = {name: name for name in ("float32", "float16", "int8")}
    types = {name: name for name in ("CONSTANT", "SHAPE", "CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY")}
    fake = fake_module("tensorrt", **kinds, LayerType=SimpleNamespace(**types))
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    script: dict[str, Any] = {}
    exec(polygraphy.write(made), script)  # noqa: S102 - our own text
    script["postprocess"](network)
    return str(script["__doc__"])


def fake_module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def network() -> Network:
    layers = (("a", "CONVOLUTION"), ("b", "CONVOLUTION"), ("c", "CONVOLUTION"), ("d", "ACTIVATION"))
    return Network(*(Layer(name, kind, f"{name}_out") for name, kind in layers))


def test_the_script_sets_precisions_and_output_types(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    doc = postprocess(monkeypatch, decision("b", "d"), net)
    assert [layer.said for layer in net] == [
        {}, {"precision": "float32", 0: "float32"}, {}, {"precision": "float32", 0: "float32"},
    ]  # fmt: skip
    assert not [t for t in (net.input, *(layer.output for layer in net)) if hasattr(t, "dynamic_range")]
    assert "polygraphy run m.onnx --trt --fp16 --precision-constraints obey \\\n" in doc


def test_the_script_sets_ranges_and_holds_what_is_not_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    doc = postprocess(monkeypatch, int8_decision(), net)
    tensors = (net.input, *(layer.output for layer in net))
    ranges = {tensor.name: tensor.dynamic_range for tensor in tensors if hasattr(tensor, "dynamic_range")}
    assert ranges == {"x": (-2.5, 2.5), "b_out": (-7.0, 7.0)}
    assert [layer.said for layer in net] == [
        {"precision": "int8"}, {"precision": "float32", 0: "float32"}, {"precision": "float16", 0: "float16"}, {},
    ]  # fmt: skip
    assert "m.onnx --trt --fp16 --int8 --calibration-cache calibration.cache --precision-constraints obey" in doc


def test_a_constant_keeps_its_precision_and_integers_their_type(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network(Layer("a", "CONSTANT", "a_out"), Layer("b", "ACTIVATION", "b_out"))
    net[1].output.dtype = "int64"
    postprocess(monkeypatch, decision("a", "b"), net)
    assert [layer.said for layer in net] == [{0: "float32"}, {"precision": "float32"}]


def test_a_layer_without_metadata_is_known_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network(Layer("a", "ACTIVATION", "a_out"))
    net[0].name, net[0].metadata = "a", ""
    postprocess(monkeypatch, decision("a"), net)
    assert net[0].said == {"precision": "float32", 0: "float32"}


def test_ranges_of_a_cured_network_are_for_its_file() -> None:
    assert "polygraphy run MODEL.cured.onnx --trt" in polygraphy.write(cured_decision())
