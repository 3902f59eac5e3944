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
