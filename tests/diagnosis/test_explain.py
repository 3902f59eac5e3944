"""One root cause a node: the first certain finding, a suspicion, a partner's, or a word for none."""

from __future__ import annotations

import pytest

from trtflow.diagnosis.explain import explain
from trtflow.diagnosis.reasons import REASONS
from trtflow.files.findings import Finding
from trtflow.files.search import Because, Word
from trtflow.precision import Precision


def said(code: str, node: str = "n", *, certain: bool = False, against: Precision = "fp16") -> Finding:
    return Finding(code, node, "", {}, certain, against)


SAID = {
    "nothing": ([], None, "fp16", "measured"),
    "of another node": ([said("R01", "m", certain=True)], None, "fp16", "measured"),
    "a suspicion": ([said("R05")], None, "fp16", "R05"),
    "the first of two suspicions": ([said("R09"), said("R05")], None, "fp16", "R09"),
    "a certain one behind a suspicion": ([said("R05"), said("R01", certain=True)], None, "fp16", "R01"),
    "the first of two certain ones": ([said("R26", certain=True), said("R01", certain=True)], None, "fp16", "R26"),
    "against INT8 only": ([said("R19", against="int8", certain=True)], None, "fp16", "measured"),
    "against INT8, asked for it": ([said("R01", certain=True), said("R19", against="int8")], None, "int8", "R19"),
    "against FP8 only": ([said("R19", against="int8")], None, "fp8", "measured"),
    "cheaper, whatever was found": ([said("R01", certain=True)], "cheaper", "fp16", "casts"),
    "forced, whatever was found": ([said("R01", certain=True)], "forced", "fp16", "forced"),
    "a constant that was found": ([said("R04", certain=True)], "constant", "fp16", "R04"),
    "a constant against which nothing was found": ([], "constant", "bf16", "R04"),
    "kept, not shown to be needed": ([], "unproven", "fp16", "measured"),
    "needed, and said why": ([said("R01", certain=True)], "needed", "fp16", "R01"),
}


@pytest.mark.parametrize(("findings", "word", "against", "code"), SAID.values(), ids=SAID)
def test_a_node_has_its_best_reason(
    findings: list[Finding], word: Word | None, against: Precision, code: str
) -> None:
    found = explain("n", findings, word and {"n": Because(word=word, text="")}, against)
    assert (found.code, found.node) == (code, "n")
    assert code in REASONS


def test_findings_are_left_as_they_were() -> None:
    findings = [said("R05"), said("R01", certain=True)]
    explain("n", findings)
    assert [finding.code for finding in findings] == ["R05", "R01"]


def test_without_a_finding_it_is_measured_against_the_precision_that_was_asked_for() -> None:
    assert explain("n", [], against="fp8").against == "fp8"


def chain(*words: Word) -> dict[str, Because]:
    """``n0`` … in a row, each beside the next."""
    last = len(words) - 1
    beside = [tuple(f"n{j}" for j in (i - 1, i + 1) if 0 <= j <= last) for i in range(len(words))]
    return {f"n{i}": Because(word=word, text="", beside=beside[i]) for i, word in enumerate(words)}


COMPANY: dict[str, tuple[tuple[Word, ...], int, list[int], str | None]] = {
    "the neighbour": (("needed", "needed"), 1, [0], "n0"),
    "one further on, by way of another partner": (("needed", "needed", "needed"), 2, [0], "n0"),
    "the nearest": (("needed",) * 5, 1, [0, 4], "n0"),
    "what a constant forces": (("constant", "needed"), 1, [0], "n0"),
    "none behind a node that is there for its Casts": (("needed", "cheaper", "needed"), 2, [0], None),
    "none for a node that is not needed itself": (("needed", "unproven"), 1, [0], None),
    "none where nobody knows a cause": (("needed", "needed"), 1, [], None),
}


@pytest.mark.parametrize(("words", "asked", "culprits", "partner"), COMPANY.values(), ids=COMPANY)
def test_a_needed_node_without_a_finding_goes_with_the_nearest_culprit(
    words: tuple[Word, ...], asked: int, culprits: list[int], partner: str | None
) -> None:
    found = explain(f"n{asked}", [said("R05", f"n{i}") for i in culprits], chain(*words))
    if partner is None:
        assert (found.code, found.evidence) == ("measured", {})
    else:
        assert (found.code, found.evidence) == ("partner", {"with": partner})
        assert found.text == f"goes with {partner}: needed together"


def test_where_nobody_knows_a_cause_the_neighbours_are_named() -> None:
    assert explain("n1", [], chain("needed", "needed", "needed")).text == (
        "no rule explains it; needed together with n0 and n2"
    )
    assert explain("n0", [], chain("needed")).text == "no rule explains it"
