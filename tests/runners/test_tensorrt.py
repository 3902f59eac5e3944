"""A backend of TensorRT's: what is missing here, how it types engines, and when it builds."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import onnx
import pytest

from trtflow.errors import BackendError
from trtflow.facts import Gpu
from trtflow.runners import tensorrt
from trtflow.runners.registry import BACKENDS
from trtflow.runners.tensorrt import EngineRunner, TensorRt
from trtflow.trt.request import EngineRequest, EngineSettings

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
    runner = RTX.start(overflowing, EngineRequest(Path("m.onnx")))
    assert isinstance(runner, EngineRunner)
    assert runner.name == "tensorrt-rtx"


@pytest.mark.parametrize(("asked", "typing"), [(None, "weak"), ("weak", "weak")])
def test_an_engine_is_typed_as_asked_else_as_the_version_does(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, typing: str
) -> None:
    weak_only = SimpleNamespace(
        __version__="8.6.1",
        BuilderFlag=SimpleNamespace(FP16=0),
        NetworkDefinitionCreationFlag=SimpleNamespace(EXPLICIT_BATCH=0),
        ILayer=SimpleNamespace(set_output_type=None),
        ITensor=SimpleNamespace(),
        INetworkDefinition=SimpleNamespace(),
    )
    monkeypatch.setattr(tensorrt.importlib, "import_module", lambda name: weak_only)
    assert BACKENDS["tensorrt"].typing(EngineSettings(typing=asked)) == typing
    with pytest.raises(
        BackendError, match=r"`typing: strong` was asked for, which TensorRT 8\.6\.1 does not have yet"
    ):
        BACKENDS["tensorrt"].typing(EngineSettings(typing="strong"))


def test_a_module_that_is_gone_is_an_error_that_names_it() -> None:
    with pytest.raises(BackendError, match="own was asked for but cannot be imported: No module named 'no_such"):
        TensorRt("own", "no_such_module_at_all", needs_gpu=False).typing(EngineSettings())
