"""PyTorch as a runner says what it lacks, and leaves PyTorch's settings as it found them."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import onnx
import pytest
from torch_cases import numbers

from trtflow.facts import Gpu
from trtflow.runners import remedies, torch_runner
from trtflow.runners.importing import Imported
from trtflow.runners.registry import BACKENDS
from trtflow.runners.torch_runner import SHAPES, Torch, TorchRunner, exactly
from trtflow.trt.request import EngineSettings

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
H100 = Gpu("NVIDIA H100", "9.0", "580")


@pytest.mark.parametrize(
    ("told", "found", "said"),
    [
        (Imported(absent=True), None, "torch is not installed, and there is no GPU"),
        (Imported(absent=True), H100, "torch is not installed"),
        (Imported("2.11"), None, "there is no GPU"),
        (Imported(failed="crashes (SIGSEGV)"), H100, "importing torch, which is installed, crashes (SIGSEGV)"),
        (Imported("2.11"), H100, ""),
    ],
)
def test_it_needs_pytorch_and_a_gpu(
    told: Imported, found: Gpu | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remedies, "imported", lambda module: told)
    monkeypatch.setattr(torch_runner, "gpu", lambda: found)
    assert BACKENDS["torch"].why_not_run() == said


def test_it_is_an_engine_that_builds_nothing_and_executes_files_as_they_are_typed() -> None:
    backend = Torch()
    assert (backend.is_engine, backend.builds, backend.typing(EngineSettings())) == (True, False, "strong")
    assert {"torch", "gpu", "driver"} <= {*backend.facts}


@needs_torch
def test_a_graph_is_made_once_for_each_shape(products: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    from trtflow.runners import torch_graph

    made: list[Any] = []
    real = torch_graph.converted

    def counted(*given: Any) -> Any:
        made.append(given)
        return real(*given)

    monkeypatch.setattr(torch_graph, "converted", counted)
    with TorchRunner(products, "cpu") as runner:
        for rows in (2, 3, 2, 3):
            assert runner({"x": numbers(rows, 6)})["y"].shape == (rows, 4)
        assert len(made) == 2
        for rows in range(4, 4 + 2 * SHAPES):
            runner({"x": numbers(rows, 6)})
        assert len(runner._graphs) <= SHAPES


@needs_torch
def test_outputs_follow_the_feed(products: onnx.ModelProto) -> None:
    with TorchRunner(products, "cpu") as runner:
        first, second = (runner({"x": numbers(2, 6, seed=seed)})["y"] for seed in (1, 2))
    assert not np.allclose(first, second)


@needs_torch
def test_settings_of_pytorch_are_what_they_were() -> None:
    import torch

    products = torch.backends.cuda.matmul
    products.allow_fp16_reduced_precision_reduction = True
    with exactly():
        assert not products.allow_fp16_reduced_precision_reduction
        assert not products.allow_tf32
        assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.deterministic
    assert products.allow_fp16_reduced_precision_reduction
