"""The script for Polygraphy, read by its own loader and run on a network that takes what TensorRT takes."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import parsed
import pytest
from decisions import cured_decision, decision, int8_decision
from parsed import needs_rtx
from polygraphy import mod

from trtflow.files.exports import layers, polygraphy
from trtflow.files.exports.decision import Decision
from trtflow.files.exports.layers import LayerName
from trtflow.files.names import NamesTable


@pytest.mark.parametrize("name", ['/a"b\\c/Conv 😀', "$valid", "{usage}", "a\nb", "'''"])
def test_the_script_is_python_and_keeps_hostile_names(name: str) -> None:
    tree = ast.parse(polygraphy.write(decision(name)))
    table = next(n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "PRECISIONS")  # type: ignore[attr-defined]
    assert ast.literal_eval(table) == {name: "float32"}


class Tensor:
    """An ITensor: it takes no attributes but TensorRT's."""

    __slots__ = ("dtype", "dynamic_range", "is_shape_tensor", "name")

    def __init__(self, name: str) -> None:
        self.name, self.dtype, self.is_shape_tensor = name, SimpleNamespace(name="FLOAT"), False


class Layer:
    """An ILayer that remembers what is set."""

    num_outputs, num_inputs = 1, 0

    def __init__(self, name: str, kind: str, output: str) -> None:
        self.name, self.type, self.output = f"layer of {name}", SimpleNamespace(name=kind), Tensor(output)
        self.metadata = f"[ONNX Layer: {name}]"
        self.precision, self.types = "", {}  # type: ignore[var-annotated]

    def get_input(self, index: int) -> Tensor:
        raise IndexError(index)

    def get_output(self, index: int) -> Tensor:
        return [self.output][index]

    def set_output_type(self, index: int, kind: str) -> None:
        self.types[index] = kind

    @property
    def told(self) -> tuple[str, dict[int, str]]:
        return self.precision, self.types


class Network:
    """An INetworkDefinition with one input."""

    num_inputs = 1

    def __init__(self, *layers: Layer, reads: str = "x") -> None:
        self.layers, self.num_layers, self.input = layers, len(layers), Tensor(reads)

    def get_layer(self, index: int) -> Layer:
        return self.layers[index]

    def get_input(self, index: int) -> Tensor:
        return [self.input][index]

    @property
    def ranges(self) -> dict[str, Any]:
        tensors = (self.input, *(layer.output for layer in self.layers))
        return {tensor.name: tensor.dynamic_range for tensor in tensors if hasattr(tensor, "dynamic_range")}


def network() -> Network:
    layers = (("a", "CONVOLUTION"), ("b", "CONVOLUTION"), ("c", "CONVOLUTION"), ("d", "ACTIVATION"))
    return Network(*(Layer(name, kind, f"{name}_out") for name, kind in layers))


def docstring(made: Decision) -> str:
    return str(ast.get_docstring(ast.parse(polygraphy.write(made))))


def test_the_script_sets_precisions_and_output_types(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    parsed.execute(polygraphy.write(decision("b", "d")), net, monkeypatch)
    kept = ("float32", {0: "float32"})
    assert [layer.told for layer in net.layers] == [("", {}), kept, ("", {}), kept]
    assert net.ranges == {}
    assert "polygraphy run m.onnx --trt --fp16 --precision-constraints obey \\\n" in docstring(decision("b"))


def test_the_script_sets_ranges_and_holds_what_is_not_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    parsed.execute(polygraphy.write(int8_decision()), net, monkeypatch)
    assert net.ranges == {"x": (-2.5, 2.5), "b_out": (-7.0, 7.0)}
    assert [layer.told for layer in net.layers] == [
        ("int8", {}), ("float32", {0: "float32"}), ("float16", {0: "float16"}), ("", {}),
    ]  # fmt: skip
    flags = "--trt --fp16 --int8 --calibration-cache calibration.cache --precision-constraints obey"
    assert f"m.onnx {flags}" in docstring(int8_decision())


def test_an_input_that_the_parser_renames_has_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    net = Network(Layer("a", "CONVOLUTION", "a_out"), reads="__x")
    parsed.execute(polygraphy.write(int8_decision()), net, monkeypatch)
    assert net.ranges == {"__x": (-2.5, 2.5)}


def test_the_script_carries_the_code_and_the_table_and_says_whose(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        LayerName("one", "ACTIVATION", ("a",), "own", ("y",), ("FLOAT",), ("FLOAT",)),
        LayerName("ONNXTRT_Broadcast", "SHUFFLE", ("a",), "helper", ("",), ("FLOAT",), ("FLOAT",)),
    )
    made = Decision(decision("a").constraints, made={"a": ("y",)}, names=NamesTable("TensorRT 10.9", rows))
    old = Layer("", "ACTIVATION", "z")
    old.name, old.metadata = "one", ""
    script = parsed.execute(polygraphy.write(made), Network(old), monkeypatch)
    assert (script["PARSER"], script["LAYERS"], script["NODES"]) == ("TensorRT 10.9", {"one": "a"}, {"a": ["y"]})
    assert old.told == ("float32", {0: "float32"})
    assert Path(layers.__file__).read_text().split("annotations\n", 1)[1].strip() in polygraphy.write(made)


def test_polygraphy_loads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", parsed.words())
    script, net = tmp_path / polygraphy.file, network()
    script.write_text(polygraphy.write(decision("c")), encoding="utf-8")
    mod.import_from_script(str(script), "postprocess")(net)
    assert [layer.precision for layer in net.layers] == ["", "", "float32", ""]


@needs_rtx
def test_polygraphy_runs_it_on_a_parsed_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", parsed.words())
    script, net = tmp_path / polygraphy.file, parsed.parsed(parsed.softmax())
    made = Decision(decision("sm").constraints, made={"sm": ("y",)})
    script.write_text(polygraphy.write(made), encoding="utf-8")
    mod.import_from_script(str(script), "postprocess")(net)
    assert net.told == {layer: ("float32", {0: "float32"}) for layer in ("sm", "ONNXTRT_ShapeShuffle")}


@pytest.mark.parametrize(
    ("made", "file"),
    [
        (cured_decision(), "MODEL.cured.onnx"),
        (Decision(decision("a").constraints, renamed=True), "MODEL.named.onnx"),
        (decision("a"), "m.onnx"),
    ],
)
def test_the_script_names_the_file_whose_names_and_ranges_it_has(made: Decision, file: str) -> None:
    assert f"polygraphy run {file} --trt" in docstring(made)
