"""Engines that stand in for a GPU: what they compute, refuse and lack is known."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest

from trtflow.errors import BuildError
from trtflow.runners import registry
from trtflow.runners.backend import Runner
from trtflow.runners.emulated import EmulatedRunner, TypedRunner
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings

Execute = Callable[[onnx.ModelProto], Runner]


class FakeEngine:
    """A backend called ``cuda`` that executes as ``execute`` does, or lacks something; counts what it started."""

    name, builds, facts = "cuda", False, ("cudnn", "gpu")

    def __init__(self, execute: Execute = TypedRunner, missing: str = "") -> None:
        self.execute, self.missing = execute, missing
        self.started = 0

    def why_not(self) -> str:
        return self.missing

    def why_not_run(self) -> str:
        return self.missing

    def typing(self, settings: EngineSettings) -> Typing:
        return "strong"

    def start(self, model: onnx.ModelProto, request: EngineRequest) -> Runner:
        self.started += 1
        return self.execute(model)


class WeakEngine(FakeEngine):
    """One that executes the plan that it is told, as the emulator does, and remembers what it was asked."""

    builds = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[onnx.ModelProto, EngineRequest]] = []

    def typing(self, settings: EngineSettings) -> Typing:
        return settings.typing or "strong"

    def start(self, model: onnx.ModelProto, request: EngineRequest) -> Runner:
        if model.graph.name != "probe":
            self.asked.append((model, request))
        return TypedRunner(model) if request.plan is None else EmulatedRunner(model, request.plan)


def install(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> FakeEngine:
    """Let ``engine`` be what ``runner: cuda`` names."""
    monkeypatch.setattr(registry, "BACKENDS", {**registry.BACKENDS, "cuda": engine})
    monkeypatch.setattr("trtflow.tasks.searching.BACKENDS", registry.BACKENDS)
    told = {"cudnn": "9.10.2", "gpu": "NVIDIA Fake, 9.0"}
    monkeypatch.setattr("trtflow.facts.fact", told.get)
    return engine


def halves(model: onnx.ModelProto) -> int:
    """How many weights are FP16: the fewer, the more of the model is in FP32."""
    return sum(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in model.graph.initializer)


def is_mixed(model: onnx.ModelProto) -> bool:
    """Whether the model has weights in FP16."""
    return halves(model) > 0


def refusing(builds: Callable[[onnx.ModelProto], bool]) -> Execute:
    """What executes the models that ``builds``, and cannot build others."""

    def execute(model: onnx.ModelProto) -> Runner:
        if not builds(model):
            raise BuildError("no implementation")
        return TypedRunner(model)

    return execute
