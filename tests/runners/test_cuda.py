"""The CUDA provider is never mistaken for the CPU's, which hides FP16."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest

from trtflow.errors import BackendError, BuildError
from trtflow.facts import Gpu
from trtflow.runners import cuda, remedies
from trtflow.runners.cuda import PROVIDER, Cuda
from trtflow.runners.importing import Imported
from trtflow.trt.request import EngineRequest

needs_cuda = pytest.mark.skipif(
    PROVIDER not in onnxruntime.get_available_providers(), reason="onnxruntime has no CUDA provider"
)


def _has(monkeypatch: pytest.MonkeyPatch, **told: Any) -> None:
    monkeypatch.setattr(cuda, "imported", lambda module: Imported("1.32", **told))
    monkeypatch.setattr(remedies, "imported", lambda module: Imported("1.32", **told))


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"providers": ("Azure", "CPU")}, "but the installed onnxruntime offers Azure, CPU"),
        ({"failed": "crashes (SIGSEGV)"}, "but importing onnxruntime, which is installed, crashes (SIGSEGV)"),
        ({"absent": True}, "but onnxruntime is not installed"),
        ({"providers": (PROVIDER, "CPU")}, ""),
    ],
)
def test_without_the_provider_it_says_what_is_there(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, Any], said: str
) -> None:
    _has(monkeypatch, **told)
    assert Cuda().why_not() == (f"it needs ONNX Runtime's CUDA provider, {said}" if said else "")


def test_without_a_gpu_the_provider_alone_does_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    _has(monkeypatch, providers=(PROVIDER,))
    monkeypatch.setattr(cuda, "gpu", lambda: None)
    assert Cuda().why_not_run() == "there is no GPU"
    monkeypatch.setattr(cuda, "gpu", lambda: Gpu("H100", "9.0", "580"))
    assert Cuda().why_not_run() == ""


def test_a_model_that_the_provider_refuses_is_not_built(overflowing: onnx.ModelProto) -> None:
    overflowing.graph.node[0].op_type = "NoSuchOperator"
    with (
        pytest.raises(BuildError, match="refuses the model"),
        Cuda().start(overflowing, EngineRequest(Path("m.onnx"))),
    ):
        pass


class _Session:
    """A session in which the provider did not start, as onnxruntime has it: the CPU takes over silently."""

    asked: ClassVar[list[object]] = []

    def __init__(
        self,
        model: bytes,
        options: onnxruntime.SessionOptions,
        providers: list[object],
        disabled_optimizers: list[str],
    ) -> None:
        self.asked[:] = [options.use_deterministic_compute, *providers]

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]


def test_a_provider_that_does_not_start_is_an_error(
    monkeypatch: pytest.MonkeyPatch, overflowing: onnx.ModelProto
) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", _Session)
    runner = Cuda().start(overflowing, EngineRequest(Path("m.onnx")))
    with pytest.raises(BackendError, match="did not start"), runner:
        pass
    assert _Session.asked == [True, (PROVIDER, {"use_tf32": "0"}), "CPUExecutionProvider"]


@needs_cuda
def test_a_gpu_computes_as_the_file_is_typed(overflowing: onnx.ModelProto) -> None:
    with Cuda().start(overflowing, EngineRequest(Path("m.onnx"))) as runner:
        assert np.isfinite(runner({"x": np.full((1, 4), 70, np.float32)})["y"]).all()
