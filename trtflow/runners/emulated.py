"""The emulated runner: any precision plan over FP32, FP16 and BF16, evaluated on a CPU."""

from __future__ import annotations

from typing import Literal

from onnx import ModelProto

from trtflow.emulation.emulate import instrument
from trtflow.emulation.typed import emulate_typed
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Accumulation
from trtflow.runners.reference import ReferenceRunner

Rounding = Literal["tensor", "unit"]


class EmulatedRunner(ReferenceRunner):
    """Executes ``plan``: what a low node reads and writes is rounded, the operator computes in FP32.

    A Polygraphy ``OnnxrtRunner`` over the instrumented graph, so it can stand in ``Comparator.run``.
    """

    def __init__(
        self,
        model: ModelProto,
        plan: PrecisionPlan,
        rounding: Rounding = "tensor",
        taps: tuple[str, ...] = (),
        accumulation: Accumulation = FP32,
    ) -> None:
        super().__init__(instrument(model, plan, rounding, accumulation), name=f"emulated-{plan.default}", taps=taps)


class TypedRunner(ReferenceRunner):
    """Executes a model with FP16 or BF16 tensors as its types say, which ONNX Runtime's CPU provider does not."""

    def __init__(self, model: ModelProto, taps: tuple[str, ...] = (), accumulation: Accumulation = FP32) -> None:
        super().__init__(emulate_typed(model, accumulation), name="typed", taps=taps)
