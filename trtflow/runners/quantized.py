"""The emulated runner for plans with INT8 or FP8, and its oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from trtflow.graph.emulate import instrument
from trtflow.graph.quantize import quantize
from trtflow.precision.plan import PrecisionPlan
from trtflow.runners.emulated import Rounding
from trtflow.runners.onnxrt import ReferenceRunner
from trtflow.runners.oracle import EmulatedOracle


@dataclass(frozen=True)
class Ranges:
    """The magnitudes that the largest codes stand for: of activations, and of weights that are not at their own."""

    activations: Mapping[str, float]
    weights: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)


def emulate(model: ModelProto, plan: PrecisionPlan, ranges: Ranges, rounding: Rounding = "tensor") -> ModelProto:
    """The FP32 graph that computes ``model`` under ``plan``: Q/DQ pairs executed, FP16 and BF16 rounded.

    Raises `PlanError` for unknown nodes and for activations without a range.
    """
    quantized = quantize(model, plan, ranges.activations, ranges.weights)
    return instrument(quantized.model, quantized.plan, rounding)


class QuantizedRunner(ReferenceRunner):
    """Executes a plan in which nodes are INT8 or FP8, and others in floating point as `EmulatedRunner` does."""

    def __init__(self, model: ModelProto, plan: PrecisionPlan, ranges: Ranges, rounding: Rounding = "tensor") -> None:
        super().__init__(emulate(model, plan, ranges, rounding), name=f"quantized-{plan.default}")


class QuantizedOracle(EmulatedOracle):
    """Measures plans over INT8, FP8, FP16, BF16 and FP32. ``material`` must tell the ranges, too."""

    def __init__(self, ranges: Ranges, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._ranges = ranges

    def runner(self, plan: PrecisionPlan) -> ReferenceRunner:
        """What executes ``plan``."""
        return QuantizedRunner(self._model, plan, self._ranges, self._rounding)
