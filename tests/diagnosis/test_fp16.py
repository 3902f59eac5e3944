"""Each rule sees its cause in the numbers and says nothing about healthy nodes."""

from __future__ import annotations

from typing import Any

import pytest

from trtflow.diagnosis.explain import explain
from trtflow.diagnosis.fp16 import Constant, NodeFacts, diagnose
from trtflow.diagnosis.reasons import REASONS
from trtflow.numerics.record import Figures

HEALTHY = {"count": 1000, "ref_amax": 3.0, "ref_rms": 1.0}


def measured(statistics: dict[str, Any]) -> dict[str, Figures]:
    return {tensor: Figures(**figures) for tensor, figures in statistics.items()}


def weight(**changes: Any) -> Constant:
    return Constant(**{"name": "w", "amax": 0.5, "overflow": 0, "flushed_share": 0.0, "size": 9, **changes})


def node(op: str, *constants: Constant) -> NodeFacts:
    return NodeFacts("n", op, ("x",), ("y",), constants)


@pytest.mark.parametrize(
    ("facts", "statistics", "code"),
    [
        (node("Conv"), {"x": HEALTHY, "y": {**HEALTHY, "ref_amax": 91234.5}}, "R01"),
        (node("Conv"), {"x": {**HEALTHY, "ref_amax": 65535.0}, "y": HEALTHY}, "R01"),
        (
            node("ReduceMean"),
            {"x": {**HEALTHY, "count": 10**6, "ref_rms": 200.0}, "y": {**HEALTHY, "count": 10}},
            "R02",
        ),
        (node("Softmax"), {"x": {**HEALTHY, "ref_amax": 40000.0}, "y": HEALTHY}, "R03"),
        (node("Mul", weight(amax=1e9, overflow=1, size=1)), {"x": HEALTHY, "y": HEALTHY}, "R04"),
        (node("Add", weight(amax=1e-12, size=1)), {"x": HEALTHY, "y": HEALTHY}, "R05"),
        (node("Mul"), {"x": HEALTHY, "y": {**HEALTHY, "below_subnormal_share": 0.5}}, "R06"),
        (node("Conv", weight(flushed_share=0.2)), {"x": HEALTHY, "y": HEALTHY}, "R07"),
        (node("Sub"), {"x": {**HEALTHY, "ref_rms": 400.0}, "y": {**HEALTHY, "ref_rms": 0.5}}, "R09"),
        (node("Conv"), {"x": HEALTHY, "y": {**HEALTHY, "ref_nan": 3}}, "R26"),
    ],
)
def test_a_cause_is_named_by_its_code(facts: NodeFacts, statistics: dict[str, Any], code: str) -> None:
    assert [finding.code for finding in diagnose([facts], measured(statistics))] == [code]
    assert code in REASONS


@pytest.mark.parametrize("op", ["Conv", "ReduceMean", "Softmax", "Add", "Sub", "Mul", "LayerNormalization"])
def test_a_healthy_node_gets_no_finding(op: str) -> None:
    assert diagnose([node(op, weight())], measured({"x": HEALTHY, "y": HEALTHY})) == []


def test_a_certain_finding_explains_a_kept_node_before_a_suspicion() -> None:
    facts = node("Add", weight(amax=1e-12, size=1))
    findings = diagnose([facts], measured({"x": HEALTHY, "y": {**HEALTHY, "ref_amax": 7e4}}))
    assert {finding.code for finding in findings} == {"R01", "R05"}
    assert explain("n", findings).code == "R01"


def test_what_no_rule_explains_is_called_measured() -> None:
    assert explain("n", []).code == "measured"
