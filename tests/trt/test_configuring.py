"""What a builder is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from trtflow.plan import PrecisionPlan
from trtflow.trt.configuring import weak_flags
from trtflow.trt.request import EngineRequest


@pytest.mark.parametrize(
    ("plan", "flags"),
    [
        (None, {}),
        (PrecisionPlan("fp32"), {}),
        (PrecisionPlan("fp16", {"up": "fp32"}), {"fp16": True}),
        (PrecisionPlan("int8", {"up": "bf16", "down": "fp16"}), {"int8": True, "bf16": True, "fp16": True}),
    ],
)
def test_a_weakly_typed_build_is_allowed_what_the_plan_names(
    plan: PrecisionPlan | None, flags: dict[str, bool]
) -> None:
    asked = weak_flags(EngineRequest(Path("m.onnx"), plan=plan))
    assert asked == {"precision_constraints": "obey", **flags}
