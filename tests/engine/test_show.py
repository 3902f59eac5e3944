from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from toyrun import Toy

from trtflow.engine.outcome import Outcome
from trtflow.engine.show import (
    cell_text,
    next_step,
    show_failure,
    show_last_word,
    show_outcome,
    show_preview,
    show_table,
)
from trtflow.engine.store import Record
from trtflow.steps.contract import StepRecord, Table

DONE = StepRecord("bisect", "bisect", "done", summary="kept 2\nof 40", seconds=1.25)


def written(show: Any, *arguments: object) -> list[str]:
    """What is shown on a page of 60 columns, line by line."""
    file = io.StringIO()
    show(Console(file=file, width=60), *arguments)
    return [line.rstrip() for line in file.getvalue().splitlines() if line.strip(" ─")]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "-"),
        (1234567, "1,234,567"),
        (0.000123456, "0.0001235"),
        (float("inf"), "inf"),
        (True, "True"),
        ("x", "x"),
    ],
)
def test_cells_are_short(cell: object, text: str) -> None:
    assert cell_text(cell) == text  # type: ignore[arg-type]


def test_numbers_stand_to_the_right() -> None:
    file = io.StringIO()
    table = Table(("layer", "differing"), (("/conv[0]", 12345), ("b", None)), "Worst first")
    show_table(Console(file=file, width=60), table, "compare")
    assert [line.rstrip() for line in file.getvalue().splitlines() if line.strip(" ─")] == [
        "compare: Worst first",
        " layer      differing",
        " /conv[0]      12,345",
        " b                  -",
    ]


FAILED = StepRecord("a", status="failed", error="broke")


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([DONE, StepRecord("a", status="done", cached=True)], "Done: 2 steps, 1 of them from the store."),
        ([DONE, StepRecord("a", status="skipped")], "Done: 1 step, 0 of them from the store, 1 skipped."),
        ([DONE, FAILED], "What is done is kept; when the cause is mended, go on with:\n  again"),
    ],
)
def test_a_run_says_what_was_done_and_a_failed_one_the_next_command(records: list[StepRecord], said: str) -> None:
    assert next_step(Outcome({record.name: record for record in records}), "again") == said


def test_the_last_word_stands_in_whole_lines() -> None:
    record = StepRecord("report", status="done", accepted=True)
    words = ("note: [one]", "Accepted: " + "x" * 100)
    outcome = Outcome({"report": record}, {"report": Record("1", {}, {}, last_word=words)})
    assert written(show_last_word, outcome) == list(words)


def test_a_failure_is_its_error_and_the_end_of_its_log() -> None:
    record = StepRecord("build", status="failed", error="was ended [by] SIGSEGV", log=tuple(map(str, range(20))))
    assert written(show_failure, record) == ["build was ended [by] SIGSEGV", *(f"  | {i}" for i in range(8, 20))]


def test_an_outcome_is_tables_with_rows_failures_files_and_how_to_go_on() -> None:
    table = {"columns": ["a"], "rows": [[1]], "title": ""}
    records = {"one": DONE, "empty": DONE, "two": StepRecord("two", status="failed", error="broke")}
    tables = {"one": table, "empty": {**table, "rows": []}}
    outcome = Outcome(records, {name: Record("1", {}, {}, table=shown) for name, shown in tables.items()})
    assert written(show_outcome, outcome, [Path("out/a.txt")], "trtflow run a.yaml") == [
        "one",
        " a",
        " 1",
        "two broke",
        "Files",
        "  out/a.txt",
        "What is done is kept; when the cause is mended, go on with:",
        "  trtflow run a.yaml",
    ]


def test_a_run_that_published_nothing_names_no_files() -> None:
    assert written(show_outcome, Outcome({"one": DONE}), [], "again") == ["Done: 1 step, 0 of them from the store."]


def test_a_plan_is_shown_with_the_state_of_each_step_and_why(toy: Toy) -> None:
    toy.workflow({"one": {"uses": "write"}, "gate": {"uses": "end"}, "next": {"uses": "end", "needs": ["one"]}})
    toy.run(until="gate")
    key = toy.preview()["gate"].key
    assert [line.split() for line in written(show_preview, toy.preview().values())] == [
        ["step", "state", "why"],
        ["one", "run", "never", "ran"],
        ["gate", "hit", key[:12]],
        ["next", "waits", "on", "one"],
    ]
