"""Each rule sees its cause in the numbers and says nothing about healthy nodes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


X, Y = {"x": HEALTHY}, {"y": HEALTHY}


def changed(tensor: str, **figures: Any) -> dict[str, Any]:
    """Healthy statistics but for ``figures`` of ``tensor``."""
    return {**X, **Y, tensor: {**HEALTHY, **figures}}


SUM = {"count": 1, "ref_rms": 1.0}
LINES = {
    "R01 of an output": ("Conv", (), changed("y", ref_amax=65504.0), changed("y", ref_amax=65504.1)),
    "R01 of an input": ("Conv", (), changed("x", ref_amax=65504.0), changed("x", ref_amax=65504.1)),
    "R02 of a sum": ("ReduceSum", (), changed("x", count=65504) | {"y": SUM}, changed("x", count=65505) | {"y": SUM}),
    "R02 of a mean": ("ReduceMean", (), changed("x", count=10**6), changed("x", count=10**6, ref_rms=66.0)),
    "R02 of squares": ("ReduceL2", (), changed("x", ref_rms=255.9), changed("x", ref_rms=256.0)),
    "R02 of a norm": ("LayerNormalization", (), changed("x", ref_rms=8.0), changed("x", ref_rms=8.2)),
    "R03": ("Softmax", (), changed("x", ref_amax=32752.0), changed("x", ref_amax=32753.0)),
    "R04": ("Mul", ({"overflow": 0, "size": 1}, {"overflow": 1, "size": 1}), {**X, **Y}, {**X, **Y}),
    "R05": ("Add", ({"amax": 2.0**-24, "size": 1}, {"amax": 2.0**-25, "size": 1}), {**X, **Y}, {**X, **Y}),
    "R06": ("Mul", (), changed("y", below_subnormal_share=0.01), changed("y", below_subnormal_share=0.011)),
    "R07": ("Conv", ({"flushed_share": 0.01}, {"flushed_share": 0.011}), {**X, **Y}, {**X, **Y}),
    "R09": ("Sub", (), changed("x", ref_rms=128.0), changed("x", ref_rms=128.1)),
    "R26 of NaN": ("Conv", (), changed("y", ref_nan=0), changed("y", ref_nan=1)),
    "R26 of infinity": ("Conv", (), changed("x", ref_inf=1), changed("y", ref_inf=1)),
}


@pytest.mark.parametrize(("op", "constants", "before", "beyond"), LINES.values(), ids=LINES)
def test_a_rule_speaks_from_its_line_on_and_not_a_hair_before(
    op: str, constants: tuple[dict[str, Any], ...], before: dict[str, Any], beyond: dict[str, Any], request: Any
) -> None:
    quiet, loud = (weight(**entry) for entry in constants) if constants else (weight(), weight())
    assert diagnose([node(op, quiet)], measured(before)) == []
    assert [finding.code for finding in diagnose([node(op, loud)], measured(beyond))] == [
        request.node.callspec.id[:3]
    ]


NEAREST = {
    "a sum is not asked of what does not reduce": (node("Conv"), changed("x", count=10**9, ref_rms=500.0)),
    "nor where the number of elements is not known": (node("ReduceSum"), {"x": {**HEALTHY, "ref_rms": 1e9}}),
    "scores are those that a Softmax reads": (node("Sigmoid"), changed("x", ref_amax=40000.0)),
    "an epsilon is one number": (node("Add", weight(amax=1e-12, size=2)), {**X, **Y}),
    "an epsilon is added, not multiplied": (node("Mul", weight(amax=1e-12, size=1)), {**X, **Y}),
    "zero is no epsilon": (node("Add", weight(amax=0.0, size=1)), {**X, **Y}),
    "a single number has no share of weights": (node("Mul", weight(flushed_share=1.0, size=1)), {**X, **Y}),
    "a product does not cancel": (node("Mul"), changed("y", ref_rms=1e-6)),
    "what is zero is exact": (node("Sub"), changed("y", ref_rms=0.0)),
    "NaN that comes in is not this node's": (node("Relu"), changed("x", ref_nan=9)),
    "small values that come in are not this node's": (node("Relu"), changed("x", below_subnormal_share=0.9)),
    "nothing was measured": (node("Softmax"), {}),
    "a node of constants alone": (NodeFacts("n", "Sub", (), (), (weight(),)), {}),
}


@pytest.mark.parametrize(("facts", "statistics"), NEAREST.values(), ids=NEAREST)
def test_what_only_resembles_a_cause_gets_no_finding(facts: NodeFacts, statistics: dict[str, Any]) -> None:
    assert diagnose([facts], measured(statistics)) == []


@pytest.mark.parametrize(("amax", "certain"), [(65504.0, False), (65505.0, True)])
def test_scores_are_certain_to_overflow_only_beyond_fp16(amax: float, certain: bool) -> None:
    found = {f.code: f.certain for f in diagnose([node("Softmax")], measured(changed("x", ref_amax=amax)))}
    assert found["R03"] is certain
    assert ("R01" in found) is certain


def test_a_constant_operand_cancels_too() -> None:
    facts = node("Add", weight(amax=200.0, size=1))
    (finding,) = diagnose([facts], measured({**X, **Y}))
    assert (finding.code, finding.evidence) == ("R09", {"operands": 200.0, "result": 1.0})


def test_findings_stand_in_the_order_of_the_nodes_and_then_of_the_rules() -> None:
    broken = measured(changed("y", ref_amax=7e4, ref_nan=1, below_subnormal_share=0.5))
    facts = [NodeFacts(name, "Mul", ("x",), ("y",), (weight(overflow=1),)) for name in ("first", "second")]
    assert [(f.node, f.code) for f in diagnose(facts, broken)] == [
        (name, code) for name in ("first", "second") for code in ("R26", "R04", "R01", "R06")
    ]


def test_the_evidence_names_the_tensor_and_its_numbers() -> None:
    (finding,) = diagnose([node("Conv")], measured(changed("y", ref_amax=91234.5, beyond_fp16_share=0.25)))
    assert finding.evidence == {"amax": 91234.5, "tensor": "y", "beyond": 0.25}
    assert finding.text == "its output y reaches 91234.5, beyond FP16's 65504 (25.00% of the values)"


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_wider_range_never_hides_an_overflow(first: float, second: float) -> None:
    low, high = (
        {f.code for f in diagnose([node("Conv")], measured(changed("y", ref_amax=amax)))}
        for amax in sorted((first, second))
    )
    assert low <= high
