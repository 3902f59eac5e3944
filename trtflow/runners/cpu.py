"""What runs on any machine: ONNX Runtime's CPU provider in FP32, and the emulator of other precisions on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trtflow.runners.backend import Runner
from trtflow.trt.capabilities import Typing
from trtflow.trt.request import EngineRequest, EngineSettings

if TYPE_CHECKING:
    from onnx import ModelProto


class _Everywhere:
    """What needs nothing beside ONNX Runtime, and is no engine."""

    is_engine = False
    builds = False
    facts: tuple[str, ...] = ("onnxruntime",)

    def why_not(self) -> str:
        """It is always there."""
        return ""

    def why_not_run(self) -> str:
        """It is always there."""
        return ""

    def typing(self, settings: EngineSettings) -> Typing:
        """It executes files as they are typed; no engine is built."""
        return "strong"


class OnnxRuntime(_Everywhere):
    """The FP32 reference."""

    name = "onnxruntime"

    def why_not_run(self) -> str:
        """As a judge of low precision it must not be taken."""
        return "it executes FP16 in FP32 on a CPU, so it is the reference and decides nothing"

    def start(self, model: ModelProto, request: EngineRequest) -> Runner:
        """What executes ``model`` in FP32: on a CPU lower floating-point types decide nothing."""
        from trtflow.runners.reference import ReferenceRunner

        return ReferenceRunner(model)


class Emulated(_Everywhere):
    """Every tensor rounded as its type says."""

    name = "emulated"

    def start(self, model: ModelProto, request: EngineRequest) -> Runner:
        """What executes ``model`` as it is typed."""
        from trtflow.runners.emulated import TypedRunner

        return TypedRunner(model)
