from __future__ import annotations

import pytest
from graph_models import f32, info, model, node, random

from trtflow.graph.slivers import merge_slivers
from trtflow.precision.plan import PrecisionPlan

HIGH = "fp32"


def chain() -> object:
    """MatMul, Relu, Neg, MatMul, Exp, MatMul, Tanh."""
    nodes = [
        node("MatMul", "x w", "a"),
        node("Relu", "a", "b"),
        node("Neg", "b", "c"),
        node("MatMul", "c w", "d"),
        node("Exp", "d", "e"),
        node("MatMul", "e w", "f"),
        node("Tanh", "f", "y"),
    ]
    return model(nodes, [info("x", [2, 4])], [info("y", [2, 4])], [f32("w", random(4, 4))])


@pytest.mark.parametrize(
    ("high", "merged"),
    [
        ("a d f", "b c e"),  # Relu and Neg lie between FP32 products, Exp as well; Tanh is read by nobody
        ("a", ""),  # the rest is one low region
        ("a d", "b c"),
        ("b", ""),  # a low product is worth its Casts
        ("c e", ""),
        ("", ""),
    ],
)
def test_only_cheap_groups_between_fp32_nodes_are_merged(high: str, merged: str) -> None:
    plan = PrecisionPlan("fp16", {f"n_{name}": HIGH for name in high.split()})  # type: ignore[dict-item]
    expected = plan.assign([f"n_{name}" for name in merged.split()], "fp32")
    assert merge_slivers(chain(), plan) == expected  # type: ignore[arg-type]
