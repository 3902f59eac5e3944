"""One runner for all plans of a search."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest

from trtflow.plan import PrecisionPlan
from trtflow.runners.emulated import EmulatedRunner
from trtflow.runners.switched import SwitchedRunner

PLANS = [
    PrecisionPlan("fp16", dict.fromkeys(kept, "fp32"))
    for size in range(4)
    for kept in itertools.combinations(("up", "down", "add"), size)
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: "+".join(plan.nodes) or "none")
def test_every_plan_gives_the_emulators_numbers(overflowing: onnx.ModelProto, plan: PrecisionPlan) -> None:
    feed = {"x": np.array([[1, 60, 70, -70]], np.float32)}
    with EmulatedRunner(overflowing, plan) as own, SwitchedRunner(overflowing, "fp16").under(plan) as shared:
        np.testing.assert_array_equal(shared(feed)["y"], own(feed)["y"])


def test_the_session_outlives_deactivation(overflowing: onnx.ModelProto) -> None:
    feed, runner = {"x": np.full((1, 4), 70, np.float32)}, SwitchedRunner(overflowing, "fp16")
    results = []
    for plan in (PrecisionPlan("fp16"), PrecisionPlan("fp32")):
        with runner.under(plan):
            results.append(bool(np.isfinite(runner(feed)["y"]).all()))
    assert results == [False, True]
