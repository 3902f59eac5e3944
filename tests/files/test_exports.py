"""Each export says the decision in the other tool's own grammar, and says what it cannot."""

from __future__ import annotations

import ast
import json
import re
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from trtflow.cures.clipping import Clipping
from trtflow.cures.rescaling import Rescaling
from trtflow.files.constraints import Constraints, ModelReference, Node
from trtflow.files.exports import (
    FORMATS,
    SCALE_FORMATS,
    Port,
    formats_for,
    modelopt_args,
    ort_providers,
    polygraphy_postprocess,
    triton_config,
    trtexec_args,
)


def decision(*names: str) -> Constraints:
    nodes = {name: Node(precision="fp32", op="Conv", reason="R01") for name in names}
    return Constraints(model=ModelReference(path="m.onnx", sha256="0"), default="fp16", nodes=nodes)


def test_trtexec_gets_precision_and_output_type_of_each_node() -> None:
    lines = trtexec_args(decision("/a/Conv", "b:0")).splitlines()
    assert lines[1:] == [
        "--fp16",
        "--precisionConstraints=obey",
        "--layerPrecisions=/a/Conv:fp32,b:0:fp32",
        "--layerOutputTypes=/a/Conv:fp32,b:0:fp32",
    ]


def test_names_that_trtexec_cannot_say_are_named() -> None:
    text = trtexec_args(decision("a,b", "c"))
    assert "use polygraphy_postprocess.py: a,b" in text
    assert "--layerPrecisions=c:fp32" in text


def test_a_decision_without_kept_nodes_is_just_the_flag() -> None:
    assert trtexec_args(decision()).splitlines()[1:] == ["--fp16"]


def test_the_polygraphy_script_is_python_and_keeps_hostile_names() -> None:
    script = polygraphy_postprocess(decision('/a"b\\c/Conv 😀'))
    tree = ast.parse(script)
    table = next(n.value for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id == "PRECISIONS")  # type: ignore[attr-defined]
    assert ast.literal_eval(table) == {'/a"b\\c/Conv 😀': "float32"}


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


def postprocess(monkeypatch: pytest.MonkeyPatch, constraints: Constraints, network: Network) -> str:
    """Execute the script as Polygraphy does, and return its docstring."""
    kinds = {name: name for name in ("float32", "float16", "int8")}
    types = {name: name for name in ("CONSTANT", "SHAPE", "CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY")}
    fake = fake_module("tensorrt", **kinds, LayerType=SimpleNamespace(**types))
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    script: dict[str, Any] = {}
    exec(polygraphy_postprocess(constraints), script)  # noqa: S102 - our own text
    script["postprocess"](network)
    return str(script["__doc__"])


def fake_module(name: str, **members: object) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


def network() -> Network:
    layers = (("a", "CONVOLUTION"), ("b", "CONVOLUTION"), ("c", "CONVOLUTION"), ("d", "ACTIVATION"))
    return Network(*(Layer(name, kind, f"{name}_out") for name, kind in layers))


def int8_decision() -> Constraints:
    nodes = {"a": Node(precision="int8", op="Conv", reason="quantised"), **decision("b").nodes}
    scales = {"x": 2.5, "a_out": 0.0, "b_out": 7.0, "of another graph": 1.0}
    return decision().model_copy(update={"nodes": nodes, "scales": scales})


def test_the_polygraphy_script_sets_precisions_and_output_types(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    doc = postprocess(monkeypatch, decision("b", "d"), net)
    assert [layer.said for layer in net] == [
        {}, {"precision": "float32", 0: "float32"}, {}, {"precision": "float32", 0: "float32"},
    ]  # fmt: skip
    assert not [t for t in (net.input, *(layer.output for layer in net)) if hasattr(t, "dynamic_range")]
    assert "polygraphy run m.onnx --trt --fp16 --precision-constraints obey \\\n" in doc


def test_the_polygraphy_script_sets_ranges_and_holds_what_is_not_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network()
    doc = postprocess(monkeypatch, int8_decision(), net)
    tensors = (net.input, *(layer.output for layer in net))
    ranges = {tensor.name: tensor.dynamic_range for tensor in tensors if hasattr(tensor, "dynamic_range")}
    assert ranges == {"x": (-2.5, 2.5), "b_out": (-7.0, 7.0)}
    assert [layer.said for layer in net] == [
        {"precision": "int8"}, {"precision": "float32", 0: "float32"}, {"precision": "float16", 0: "float16"}, {},
    ]  # fmt: skip
    assert "m.onnx --trt --fp16 --int8 --calibration-cache calibration.cache --precision-constraints obey" in doc


def test_trtexec_gets_the_flags_of_all_precisions_and_the_cache() -> None:
    assert [line for line in trtexec_args(int8_decision()).splitlines() if not line.startswith("#")] == [
        "--fp16",
        "--int8",
        "--calib=calibration.cache",
        "--precisionConstraints=obey",
        "--layerPrecisions=a:int8,b:fp32",
        "--layerOutputTypes=b:fp32",
    ]


def test_weakly_typed_formats_name_the_file_that_the_ranges_are_of() -> None:
    about = {"subject": "b_out", "nodes": ("b",), "before": 1.0, "after": 0.1}
    cures = (Rescaling(kind="migration", shifts=(1, 0), **about), Clipping(shares=(0.9,), **about))
    cured = int8_decision().model_copy(update={"cures": cures})
    for text in (trtexec_args(cured), polygraphy_postprocess(cured)):
        assert "on the cured ONNX" in text
        assert "Only the mixed ONNX has the weight clipping." in text
    assert "polygraphy run MODEL.cured.onnx --trt" in polygraphy_postprocess(cured)


def test_modelopt_patterns_match_the_whole_name_only() -> None:
    pattern = re.search(r"'(.+)'", modelopt_args(decision("/a.b/Conv")))
    assert pattern
    assert re.match(pattern[1], "/a.b/Conv")
    assert not re.match(pattern[1], "/a.b/Conv_1")
    assert not re.match(pattern[1], "/axb/Conv")


def test_onnx_runtime_is_told_to_obey_the_types() -> None:
    provider, options = json.loads(ort_providers(decision()))["providers"][0]
    assert provider == "TensorrtExecutionProvider"
    assert options["trt_fp16_enable"] is False


@pytest.mark.parametrize(
    ("dims", "batch", "shown"),
    [
        ((None, 3, 8), 8, "dims: [ 3, 8 ]"),
        ((1, 3, 8), 0, "dims: [ 1, 3, 8 ]"),
        ((1, 3, None), 0, "dims: [ 1, 3, -1 ]"),
    ],
)
def test_triton_drops_a_free_batch_dimension(dims: tuple[int | None, ...], batch: int, shown: str) -> None:
    port = Port("x", "float32", dims)
    text = triton_config("unet", (port,), (port,))
    assert f"max_batch_size: {batch}" in text
    assert text.count(shown) == 2


def test_every_text_format_says_where_it_is_valid() -> None:
    for name, (file, write) in FORMATS.items():
        if name in SCALE_FORMATS:  # their readers know no comments
            continue
        head = write(decision("a")).splitlines()
        assert any("TensorRT" in line or "ModelOpt" in line for line in head[:3]), file


def test_ranges_are_exported_from_the_scales() -> None:
    scaled = decision("a").model_copy(update={"scales": {"x": 1.0}})
    written = {name: write(scaled) for name, (_, write) in SCALE_FORMATS.items()}
    assert written == {
        "calibration-cache": "TRT-101303-EntropyCalibration2\nx: 3c010204\n",
        "ppq": '{\n "act_quant_info": {\n  "x": 1.0\n }\n}\n',
        "dynamic-ranges": "x: 1.0\n",
    }


def test_fp8_lives_in_the_mixed_model_only() -> None:
    kept, low = decision("b"), {"a": Node(precision="fp8", op="Conv", reason="quantised")}
    mixed = kept.model_copy(update={"nodes": {**kept.nodes, **low}, "scales": {"x": 4.0}})
    lines = trtexec_args(mixed).splitlines()
    assert "# Only the mixed ONNX has the FP8 layers, which need Q/DQ pairs." in lines
    assert not any("fp8" in line for line in lines if not line.startswith("#"))
    assert {file for file, _ in formats_for(mixed)} == {
        "trtexec.args", "polygraphy_postprocess.py", "modelopt.args", "ort_providers.json",
    }  # fmt: skip
