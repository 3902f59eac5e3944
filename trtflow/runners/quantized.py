"""The emulated runner for plans with INT8 or FP8, and its oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from onnx import ModelProto

from trtflow.cures import Cure
from trtflow.emulation.emulate import instrument
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP32, Accumulation
from trtflow.qdq.quantize import Quantized, quantize
from trtflow.runners.emulated import Rounding
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.memo import Memo
from trtflow.runners.oracle import EmulatedOracle
from trtflow.runners.reference import ReferenceRunner


@dataclass(frozen=True)
class Ranges:
    """The magnitudes that the largest codes of activations stand for, and the cures that quantization carries out."""

    activations: Mapping[str, float]
    cures: tuple[Cure, ...] = ()

    def quantize(self, model: ModelProto, plan: PrecisionPlan) -> Quantized:
        """``model`` with the Q/DQ pairs of ``plan`` at these ranges."""
        return quantize(model, plan, self.activations, self.cures)


def emulate(
    model: ModelProto,
    plan: PrecisionPlan,
    ranges: Ranges,
    rounding: Rounding = "tensor",
    accumulation: Accumulation = FP32,
) -> ModelProto:
    """The FP32 graph that computes ``model`` under ``plan``: Q/DQ pairs executed, FP16 and BF16 rounded.

    Raises:
        PlanError: the plan names unknown nodes, or an activation has no range.
    """
    quantized = ranges.quantize(model, plan)
    return instrument(quantized.model, quantized.plan, rounding, accumulation)


class QuantizedRunner(ReferenceRunner):
    """Executes a plan in which nodes are INT8 or FP8, and others in floating point as ``EmulatedRunner`` does."""

    def __init__(
        self,
        model: ModelProto,
        plan: PrecisionPlan,
        ranges: Ranges,
        rounding: Rounding = "tensor",
        taps: tuple[str, ...] = (),
        accumulation: Accumulation = FP32,
    ) -> None:
        super().__init__(
            emulate(model, plan, ranges, rounding, accumulation), name=f"quantized-{plan.default}", taps=taps
        )


class QuantizedOracle(EmulatedOracle):
    """Measures plans over INT8, FP8, FP16, BF16 and FP32. ``material`` must tell the ranges, too."""

    def __init__(
        self,
        ranges: Ranges,
        model: ModelProto,
        evaluator: Evaluator,
        rounding: Rounding = "tensor",
        memo: Memo | None = None,
        material: Mapping[str, Any] = MappingProxyType({}),
        accumulation: Accumulation = FP32,
    ) -> None:
        super().__init__(model, evaluator, rounding, memo, material, accumulation)
        self._ranges = ranges

    def runner(self, plan: PrecisionPlan) -> ReferenceRunner:
        """What executes ``plan``."""
        taps = self._evaluator.selection.before
        return QuantizedRunner(self._model, plan, self._ranges, self._rounding, taps, self._accumulation)
