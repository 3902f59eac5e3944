"""Engines are built as the file is typed, and a request that the builder ignores is an error."""

from __future__ import annotations

import importlib.util
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest
from graph_models import info, model, node

from trtflow.errors import BuildError
from trtflow.facts import Gpu
from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners import tensorrt
from trtflow.runners.registry import BACKENDS
from trtflow.runners.tensorrt import EngineRunner, TensorRt, build_engine, load_plugins
from trtflow.trt.shapes import ShapeRange

needs_rtx = pytest.mark.skipif(
    importlib.util.find_spec("tensorrt_rtx") is None,
    reason="tensorrt-rtx is not installed: pip install 'trtflow[rtx]'",
)
SHAPES = {"x": ShapeRange((1, 4), (1, 4), (2, 4))}


RTX = TensorRt("tensorrt-rtx", "tensorrt_rtx", needs_gpu=False)


@pytest.mark.parametrize(
    ("module", "needs_gpu", "expected"),
    [
        ("no_such_module_at_all", False, "no_such_module_at_all is not installed"),
        ("json", True, "own needs a GPU to build, and there is no GPU"),
        ("json", False, ""),
    ],
)
def test_what_is_missing_is_told(
    monkeypatch: pytest.MonkeyPatch, module: str, needs_gpu: bool, expected: str
) -> None:
    monkeypatch.setattr(tensorrt, "gpu", lambda: None)
    assert TensorRt("own", module, needs_gpu).why_not() == expected


def test_a_module_that_cannot_be_imported_is_told_with_its_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "stub_wheel.py").write_text("raise RuntimeError('no libnvinfer')")
    monkeypatch.syspath_prepend(tmp_path)
    why = TensorRt("own", "stub_wheel", needs_gpu=False).why_not()
    assert why == "importing stub_wheel, which is installed, fails (no libnvinfer)"


@pytest.mark.parametrize(
    ("backend", "found", "expected"),
    [
        ("tensorrt-rtx", None, "needs a GPU (Turing to Blackwell, not Hopper) to run, and there is none"),
        ("tensorrt-rtx", Gpu("NVIDIA H100", "9.0", "580"), "not Hopper) to run: this is NVIDIA H100, compute"),
        (
            "tensorrt-rtx",
            Gpu("Tesla V100", "7.0", "580"),
            "not Hopper) to run: this is Tesla V100, compute capability 7.0",
        ),
        ("tensorrt-rtx", Gpu("Tesla T4", "7.5", "580"), ""),
        ("tensorrt-rtx", Gpu("RTX 5090", "12.0", "580"), ""),
        ("tensorrt-rtx", Gpu("unknown", "[N/A]", "580"), ""),
        ("tensorrt", Gpu("NVIDIA H100", "9.0", "580"), ""),
        ("tensorrt", None, "there is no GPU"),
    ],
)
def test_what_is_missing_to_run_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, backend: str, found: Gpu | None, expected: str
) -> None:
    monkeypatch.setattr(tensorrt, "gpu", lambda: found)
    monkeypatch.setattr(tensorrt, "why_not_imported", lambda module: "")
    why = BACKENDS[backend].why_not_run()
    assert expected in why
    assert bool(expected) == bool(why)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(None, "x is not installed, and there is no GPU"), (Gpu("Tesla T4", "7.5", "580"), "x is not installed")],
)
def test_a_backend_that_is_not_installed_does_not_run_either(
    monkeypatch: pytest.MonkeyPatch, found: Gpu | None, expected: str
) -> None:
    monkeypatch.setattr(tensorrt, "gpu", lambda: found)
    monkeypatch.setattr(tensorrt, "why_not_imported", lambda module: "x is not installed")
    assert BACKENDS["tensorrt-rtx"].why_not_run() == expected


def test_starting_builds_nothing_before_the_runner_is_entered(overflowing: onnx.ModelProto) -> None:
    runner = RTX.start(overflowing, SHAPES)
    assert isinstance(runner, EngineRunner)
    assert runner.name == "tensorrt-rtx"


class _Tensor:
    def __init__(self, kind: str) -> None:
        self.dtype = SimpleNamespace(name=kind)


class _Layer:
    def __init__(self, *kinds: str) -> None:
        self.num_outputs = len(kinds) + 1  # an optional output that is not there is None
        self._outputs = [*map(_Tensor, kinds), None]

    def get_output(self, index: int) -> _Tensor | None:
        return self._outputs[index]


def test_network_tensors_are_counted_by_type() -> None:
    layers = [_Layer("HALF", "FLOAT"), _Layer("HALF")]
    network = SimpleNamespace(num_layers=2, get_layer=layers.__getitem__)
    assert tensorrt._count_types(network) == {"half": 2, "float": 1}


@pytest.mark.parametrize(("tensors", "ignored"), [({"half": 2, "float": 1}, False), ({"float": 3}, True)])
def test_a_request_that_the_network_ignores_is_an_error(
    overflowing: onnx.ModelProto, tmp_path: Path, tensors: dict[str, int], ignored: bool
) -> None:
    onnx.save(rewrite(overflowing, PrecisionPlan("fp16")).model, tmp_path / "m.onnx")
    expected = pytest.raises(BuildError, match="asks for half") if ignored else nullcontext()
    with expected:
        tensorrt._require_low_precision(tmp_path / "m.onnx", tensors)


@needs_rtx
def test_a_mixed_model_is_built_with_both_types(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    onnx.save(rewrite(overflowing, PrecisionPlan("fp16", {"up": "fp32"})).model, tmp_path / "m.onnx")
    built = build_engine("tensorrt-rtx", tmp_path / "m.onnx", SHAPES, tmp_path / "m.plan")
    assert built.bytes == (tmp_path / "m.plan").stat().st_size > 0
    assert set(built.tensors) == {"half", "float"}


@needs_rtx
def test_a_file_that_does_not_parse_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(onnx.ModelProto().SerializeToString())
    with pytest.raises(BuildError, match=r"tensorrt-rtx does not build broken\.onnx"):
        build_engine("tensorrt-rtx", tmp_path / "broken.onnx", SHAPES, tmp_path / "m.plan")


@needs_rtx
def test_what_the_parser_says_of_an_operator_is_told(overflowing: onnx.ModelProto, tmp_path: Path) -> None:
    overflowing.graph.node[0].op_type = "Unheard"
    overflowing.graph.node[0].domain = "of"
    overflowing.opset_import.append(onnx.helper.make_opsetid("of", 1))
    onnx.save(overflowing, tmp_path / "m.onnx")
    with pytest.raises(BuildError, match=r"tensorrt-rtx does not build m\.onnx: .*Unheard.*The log has the rest\."):
        build_engine("tensorrt-rtx", tmp_path / "m.onnx", SHAPES, tmp_path / "m.plan")


@needs_rtx
def test_an_input_without_dimensions_is_built(tmp_path: Path) -> None:
    scaled = model([node("Mul", "x rate", "y")], [info("x", ["N", 4]), info("rate", [])], [info("y", ["N", 4])])
    onnx.save(scaled, tmp_path / "m.onnx")
    shapes = {**SHAPES, "rate": ShapeRange((), (), ())}
    assert build_engine("tensorrt-rtx", tmp_path / "m.onnx", shapes, tmp_path / "m.plan").bytes > 0


@pytest.mark.parametrize("loads", [True, False])
def test_the_users_plugin_libraries_are_loaded_or_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loads: bool
) -> None:
    asked: list[str] = []

    def load(path: str) -> object:
        asked.append(path)
        return object() if loads else None

    registry = SimpleNamespace(load_library=load)
    module = SimpleNamespace(init_libnvinfer_plugins=lambda *given: True, get_plugin_registry=lambda: registry)
    library = tmp_path / "plugin.so"
    monkeypatch.setattr(tensorrt, "plugin_libraries", lambda: (library,))
    expected = nullcontext() if loads else pytest.raises(BuildError, match=r"cannot load .*plugin\.so")
    with expected:
        load_plugins(module, None)
    assert asked == [str(library)]
