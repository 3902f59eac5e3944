"""What is held against the reference."""

from __future__ import annotations

from dataclasses import dataclass, field

from trtflow.plan import PrecisionPlan
from trtflow.runners.quantized import Ranges
from trtflow.runners.registry import EMULATED


@dataclass(frozen=True)
class Candidate:
    """What is compared: a plan, for INT8 and FP8 the ranges of activations, and the runner that executes it."""

    plan: PrecisionPlan = field(default_factory=PrecisionPlan)
    ranges: Ranges = field(default_factory=lambda: Ranges({}))
    runner: str = EMULATED
