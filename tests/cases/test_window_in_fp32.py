"""A window that the graph computes stays FP32: the mixed file loads in ONNX Runtime."""

from __future__ import annotations

import pytest
from graph_models import accepted, casts, i64, info, model, node, random, run

from trtflow.model.load import prepare
from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32
from trtflow.rewriting.promotion import legalize
from trtflow.rewriting.rewrite import rewrite


@pytest.mark.parametrize("window", ["HannWindow", "HammingWindow", "BlackmanWindow"])
def test_the_window_is_fp32_and_a_cast_follows(window: str) -> None:
    nodes = [node(window, "size", "w", "window"), node("Mul", "x w", "y", "apply")]
    net, _ = prepare(model(nodes, [info("x", [3, 8])], [info("y", [3, 8])], [i64("size", 8)]))
    mixed = accepted(rewrite(net, PrecisionPlan(FP16)).model)
    assert casts(mixed.graph) == [("x", FP16), ("w", FP16), ("y__fp16", FP32)]
    assert run(mixed, {"x": random(3, 8)})[0].shape == (3, 8)
    assert legalize(net, PrecisionPlan(FP16)).plan.precision("apply") == FP16
