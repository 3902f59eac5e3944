from __future__ import annotations

import pytest

from trtflow.engine.outcome import Outcome
from trtflow.engine.store import Record
from trtflow.steps.contract import StepRecord, Table

DONE = StepRecord("done", status="done")
MET = StepRecord("met", status="done", accepted=True)
UNMET = StepRecord("unmet", status="done", accepted=False)
FAILED = StepRecord("failed", status="failed")
SKIPPED = StepRecord("skipped", status="skipped")


@pytest.mark.parametrize(
    ("records", "status"),
    [
        ([], 0),
        ([DONE, MET, SKIPPED], 0),
        ([DONE, UNMET, SKIPPED], 3),
        ([FAILED, SKIPPED], 1),
        ([FAILED, UNMET], 1),
    ],
)
def test_a_failure_outweighs_a_gate_that_is_not_met(records: list[StepRecord], status: int) -> None:
    assert Outcome({record.name: record for record in records}).status == status


def test_failed_and_rejected_steps_are_told_apart() -> None:
    outcome = Outcome({record.name: record for record in (DONE, MET, UNMET, FAILED, SKIPPED)})
    assert (outcome.failed, outcome.rejected) == ([FAILED], [UNMET])


def test_the_table_of_a_step_is_read_back() -> None:
    document = {"columns": ["a"], "rows": [[1]], "title": "t"}
    stored = {"with": Record("1", {}, {}, table=document), "without": Record("2", {}, {})}
    outcome = Outcome(stored=stored)
    assert outcome.table("with") == Table(("a",), ((1,),), "t")
    assert (outcome.table("without"), outcome.table("none")) == (None, None)


ACCEPTS = StepRecord("report", status="done", accepted=True, summary="Accepted.")
REFUSES = StepRecord("report", status="done", accepted=False, summary="Failed.")
BROKEN = StepRecord("failed", status="failed", error="was ended\nby SIGSEGV")
GATE = StepRecord("gate", status="done", accepted=False, summary="R18")
OPEN = StepRecord("gate", status="done", accepted=True, summary="4 checks passed")


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([OPEN, ACCEPTS], ("note: x", "Accepted.")),
        ([BROKEN, REFUSES], ("note: x", "Failed.")),
        ([BROKEN, ACCEPTS], ("Failed: failed: was ended by SIGSEGV",)),
        ([GATE, ACCEPTS], ("Not accepted: gate: R18",)),
        ([GATE, BROKEN], ("Failed: failed: was ended by SIGSEGV",)),
        ([UNMET, GATE], ("Not accepted: unmet; gate: R18",)),
        ([OPEN, SKIPPED], ("gate: 4 checks passed",)),
        ([DONE, MET], ()),
    ],
)
def test_the_last_word_is_the_reports_unless_it_claims_more_than_another_step(
    records: list[StepRecord], said: tuple[str, ...]
) -> None:
    told = [record for record in records if record.name == "report"]
    words = {record.name: Record("1", {}, {}, last_word=["note: x", record.summary]) for record in told}
    assert Outcome({record.name: record for record in records}, words).last_word == said
