"""One sentence a node: saved Casts, the first certain finding, a suspicion, or the measurement alone."""

from __future__ import annotations

import pytest

from trtflow.diagnosis.explain import explain
from trtflow.diagnosis.reasons import REASONS
from trtflow.files.findings import Finding
from trtflow.precision import Precision


def said(code: str, node: str = "n", *, certain: bool = False, against: Precision = "fp16") -> Finding:
    return Finding(code, node, "", {}, certain, against)


SAID = {
    "nothing": ([], (), "fp16", "measured"),
    "of another node": ([said("R01", "m", certain=True)], (), "fp16", "measured"),
    "a suspicion": ([said("R05")], (), "fp16", "R05"),
    "the first of two suspicions": ([said("R09"), said("R05")], (), "fp16", "R09"),
    "a certain one behind a suspicion": ([said("R05"), said("R01", certain=True)], (), "fp16", "R01"),
    "the first of two certain ones": ([said("R26", certain=True), said("R01", certain=True)], (), "fp16", "R26"),
    "against INT8 only": ([said("R19", against="int8", certain=True)], (), "fp16", "measured"),
    "against INT8, asked for it": ([said("R01", certain=True), said("R19", against="int8")], (), "int8", "R19"),
    "against FP8 only": ([said("R19", against="int8")], (), "fp8", "measured"),
    "merged, whatever was found": ([said("R01", certain=True)], ("n",), "fp16", "casts"),
    "another one merged": ([said("R01", certain=True)], ("m",), "fp16", "R01"),
}


@pytest.mark.parametrize(("findings", "merged", "against", "code"), SAID.values(), ids=SAID)
def test_a_node_has_its_best_reason(
    findings: list[Finding], merged: tuple[str, ...], against: Precision, code: str
) -> None:
    found = explain("n", findings, merged, against)
    assert (found.code, found.node) == (code, "n")
    assert code in REASONS


def test_findings_are_left_as_they_were() -> None:
    findings = [said("R05"), said("R01", certain=True)]
    explain("n", findings)
    assert [finding.code for finding in findings] == ["R05", "R01"]


def test_without_a_finding_it_is_measured_against_the_precision_that_was_asked_for() -> None:
    assert explain("n", [], against="fp8").against == "fp8"
