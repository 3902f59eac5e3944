"""What is read off an engine: why it is not, what became of precisions, and its layers in the names table."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest
from doubling import Install

from trtflow.errors import BuildError
from trtflow.files.names import read_names
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.trt import inspected
from trtflow.trt.building import build
from trtflow.trt.built import EngineBuild
from trtflow.trt.inspected import LAYERS, NAMES, check, inspect
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange

SHAPES = {"x": ShapeRange((1, 4), (1, 4), (2, 4))}
KEPT = PrecisionPlan("fp16", {"up": "fp32", "down": "fp32"})


def engine(model: onnx.ModelProto, folder: Path, plan: PrecisionPlan | None) -> EngineBuild:
    """Weakly typed under ``plan``, strongly without one."""
    onnx.save(model, folder / "m.onnx")
    settings = EngineSettings("strong" if plan is None else "weak")
    return build(EngineRequest(folder / "m.onnx", SHAPES, settings, plan), "tensorrt", folder / "engine.plan")


def statuses(built: EngineBuild) -> dict[str, str]:
    return {one.node: one.status for one in built.honoured.constraints}


@pytest.mark.parametrize(
    ("behaviour", "found"),
    [
        ({}, {"up": "honoured", "down": "honoured"}),
        ({"ignore": ["up"]}, {"up": "not honoured", "down": "honoured"}),
        ({"fuse": [["down", "add"]]}, {"up": "honoured", "down": "fused"}),
    ],
)
def test_weakly_typed_the_nodes_of_the_plan_are_held_against_the_engine(
    double: Install, overflowing: onnx.ModelProto, tmp_path: Path, behaviour: dict[str, Any], found: dict[str, str]
) -> None:
    double("10.16.1", **behaviour)
    built = engine(overflowing, tmp_path, KEPT)
    assert (built.uninspected, statuses(built)) == ("", found)


@pytest.mark.parametrize("version", ["10.0.1", "11.4.0"])
def test_strongly_typed_the_types_of_the_file_are(
    double: Install, overflowing: onnx.ModelProto, tmp_path: Path, version: str
) -> None:
    double(version)
    built = engine(rewrite(overflowing, KEPT).model, tmp_path, None)
    assert statuses(built) == dict.fromkeys(("up", "down", "add"), "honoured")
    assert {row.layer: row.engine_layer for row in read_names(tmp_path / NAMES).rows}["up"] == "up"
    assert (tmp_path / LAYERS).is_file()


TEXT = '{"Layers": [{"Name": "a", "LayerType": "gemm", "Inputs": [], "Outputs": [{"Name": "y", "Format/Datatype": "Float"}], "Metadata": "[ONNX Layer: add]"}]}'  # noqa: E501 (TensorRT's own line)


@pytest.mark.parametrize("plan", [PrecisionPlan("fp16"), PrecisionPlan("fp16", {"up": "fp32"})])
def test_fp16_asked_and_fp32_built_is_an_error(overflowing: onnx.ModelProto, plan: PrecisionPlan) -> None:
    with pytest.raises(BuildError, match="FP16 was asked for, and no layer of the engine has it: FP32 was built"):
        check(TEXT, overflowing, plan, "weak")


class _Engine:
    def __init__(self, text: str) -> None:
        self._text = text

    def create_engine_inspector(self) -> Any:
        return SimpleNamespace(get_engine_information=lambda form: self._text)


@pytest.mark.parametrize(
    ("gpu", "loaded", "text", "why"),
    [
        (None, _Engine(TEXT), "", "on a GPU only"),
        ("one", None, "", "cannot be loaded"),
        ("one", _Engine('{"Layers": ["a"]}'), "", "names of layers only"),
        ("one", _Engine(TEXT), TEXT, ""),
    ],
    ids=["no GPU", "not loaded", "names only", "read"],
)
def test_why_an_engine_is_not_read_is_told(
    monkeypatch: pytest.MonkeyPatch, gpu: str | None, loaded: Any, text: str, why: str
) -> None:
    monkeypatch.setattr(inspected, "fact", lambda name: gpu)
    runtime = SimpleNamespace(deserialize_cuda_engine=lambda engine: loaded)
    module = SimpleNamespace(Runtime=lambda logger: runtime, LayerInformationFormat=SimpleNamespace(JSON=1))
    found, told = inspect(module, None, b"")
    assert found == text
    assert why in told
    assert bool(told) == bool(why)
