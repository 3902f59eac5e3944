"""An engine takes the shapes of all samples; the emulator takes any."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from fake_engines import FakeEngine, install

from trtflow.data import Sample
from trtflow.runners.backend import Runner
from trtflow.tasks.measured_on import execute_on
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import ShapeRange


class Watched(FakeEngine):
    """An engine that remembers the shapes that it was given."""

    def start(self, model: onnx.ModelProto, request: EngineRequest) -> Runner:
        self.request = request
        return super().start(model, request)


def samples(*shapes: tuple[int, ...]) -> list[Sample]:
    """A sample of each shape."""
    return [Sample({"x": np.ones(shape, np.float32)}) for shape in shapes]


def test_an_engine_is_bounded_by_all_samples(overflowing: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Watched()
    install(monkeypatch, engine)
    settings = EngineSettings(timeout=9)
    execute_on("cuda", samples((2, 4), (1, 4), (5, 4)), settings)(overflowing)
    assert engine.request.shapes == {"x": ShapeRange((1, 4), (2, 4), (5, 4))}
    assert (engine.request.settings, engine.request.plan) == (settings, None)


def test_the_emulator_takes_samples_of_any_rank(overflowing: onnx.ModelProto) -> None:
    with execute_on("emulated", samples((4,), (1, 4)))(overflowing) as runner:
        assert runner({"x": np.ones((1, 4), np.float32)})["y"].shape == (1, 4)
