"""What runs anywhere: FP32 hides what a type does, emulation shows it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from trtflow.plan import PrecisionPlan
from trtflow.rewriting.rewrite import rewrite
from trtflow.runners.backend import Backend
from trtflow.runners.cpu import Emulated, OnnxRuntime
from trtflow.trt.request import EngineRequest, EngineSettings


@pytest.mark.parametrize(("backend", "finite"), [(OnnxRuntime(), True), (Emulated(), False)])
def test_an_overflow_in_fp16_shows_where_types_are_obeyed(
    overflowing: onnx.ModelProto, backend: Backend, finite: bool
) -> None:
    with backend.start(rewrite(overflowing, PrecisionPlan("fp16")).model, EngineRequest(Path("m.onnx"))) as runner:
        found = runner({"x": np.full((1, 4), 70, np.float32)})["y"]
    assert np.isfinite(found).all() == finite


@pytest.mark.parametrize("backend", [OnnxRuntime(), Emulated()])
def test_nothing_is_missing_and_nothing_is_built(backend: Backend) -> None:
    assert (backend.why_not(), backend.builds) == ("", False)
    assert backend.typing(EngineSettings(typing="weak")) == "strong"


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (OnnxRuntime(), "it executes FP16 in FP32 on a CPU, so it is the reference and decides nothing"),
        (Emulated(), ""),
    ],
)
def test_only_the_emulator_judges_low_precision(backend: Backend, said: str) -> None:
    assert (backend.why_not_run(), backend.is_engine) == (said, False)
