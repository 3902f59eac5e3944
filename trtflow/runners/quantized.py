"""The emulated runner for plans with INT8 or FP8, and its oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from trtflow.graph.emulate import instrument
from trtflow.graph.quantize import Quantized, quantize
from trtflow.precision.plan import PrecisionPlan
from trtflow.precision.scales import read_scales
from trtflow.runners.emulated import Rounding
from trtflow.runners.onnxrt import ReferenceRunner
from trtflow.runners.oracle import EmulatedOracle


@dataclass(frozen=True)
class Ranges:
    """The magnitudes that the largest codes stand for, and what else quantisation changes.

    ``activations``: tensor → amax. ``weights``: those that are not at their own largest magnitude, a number or one
    per channel. ``biases``: node → what is added to its bias once it is quantised.
    """

    activations: Mapping[str, float]
    weights: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    biases: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def quantize(self, model: ModelProto, plan: PrecisionPlan) -> Quantized:
        """``model`` with the Q/DQ pairs of ``plan`` at these ranges."""
        return quantize(model, plan, self.activations, self.weights, self.biases)


def write_adjustments(ranges: Ranges, path: Path) -> None:
    """Write what `Ranges` holds beside activations, as an npz."""
    arrays: dict[str, Any] = {f"weight {name}": array for name, array in ranges.weights.items()}
    arrays |= {f"bias {name}": array for name, array in ranges.biases.items()}
    with path.open("wb") as file:
        np.savez(file, **arrays)


def read_ranges_of(scales: Path | None, adjustments: Path | None = None) -> Ranges:
    """What a scales file and the file of `write_adjustments` hold. Raises `PlanError` for a bad scales file."""
    amax = {} if scales is None else read_scales(scales).amax
    if adjustments is None:
        return Ranges(amax)
    with np.load(adjustments, allow_pickle=False) as archive:
        kinds = {
            kind: {name.removeprefix(kind): archive[name] for name in archive if name.startswith(kind)}
            for kind in ("weight ", "bias ")
        }
    return Ranges(amax, kinds["weight "], kinds["bias "])


def emulate(model: ModelProto, plan: PrecisionPlan, ranges: Ranges, rounding: Rounding = "tensor") -> ModelProto:
    """The FP32 graph that computes ``model`` under ``plan``: Q/DQ pairs executed, FP16 and BF16 rounded.

    Raises `PlanError` for unknown nodes and for activations without a range.
    """
    quantized = ranges.quantize(model, plan)
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
