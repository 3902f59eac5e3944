"""A backend is tried before a search relies on it: whatever it lacks shows on one FP16 sum."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from fake_engines import FakeEngine

from trtflow.errors import BackendError
from trtflow.plan import PrecisionPlan
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import TypedRunner
from trtflow.runners.probe import probe
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange


def _wrong(model: onnx.ModelProto) -> Runner:
    model.graph.node[1].op_type = "Mul"
    return TypedRunner(model)


def _broken(model: onnx.ModelProto) -> Runner:
    raise OSError("libcudart.so.13: cannot open shared object file")


def test_a_backend_that_runs_is_started_once() -> None:
    engine = FakeEngine()
    probe(engine, EngineSettings(), "strong")
    assert engine.started == 1


@pytest.mark.parametrize(
    ("execute", "said"), [(_broken, r"does not run here: libcudart\.so\.13"), (_wrong, "does not compute here")]
)
def test_a_backend_that_does_not_is_an_error_that_says_why(execute: type[TypedRunner], said: str) -> None:
    with pytest.raises(BackendError, match=said):
        probe(FakeEngine(execute), EngineSettings(), "strong")


def test_the_sum_is_in_fp16() -> None:
    models = []

    def watched(model: onnx.ModelProto) -> Runner:
        models.append(model)
        return TypedRunner(model)

    probe(FakeEngine(watched), EngineSettings(), "strong")
    onnx.checker.check_model(models[0], full_check=True)
    with TypedRunner(models[0]) as runner:
        assert runner({"x": np.full((1, 4), 2049, np.float32)})["y"][0, 0] == 4096


@pytest.mark.parametrize(("typing", "kind", "plan"), [("strong", 10, None), ("weak", 1, PrecisionPlan("fp16"))])
def test_fp16_is_asked_for_as_the_backend_takes_it(typing: Typing, kind: int, plan: PrecisionPlan | None) -> None:
    asked: list[tuple[int, EngineRequest]] = []

    class Noting(FakeEngine):
        def start(self, model: onnx.ModelProto, request: EngineRequest) -> Runner:
            asked.append((model.graph.node[0].attribute[0].i, request))
            return super().start(model, request)

    bounds = ShapeRange((7,), (7,), (7,))
    probe(Noting(), EngineSettings(timeout=9, profiles={"image": bounds}, calibrator="minmax"), typing)
    ((found, request),) = asked
    assert (found, request.plan, request.settings) == (kind, plan, EngineSettings(timeout=9))
