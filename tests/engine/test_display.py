from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from trtflow.engine.display import Display, state_of
from trtflow.steps.contract import StepRecord

DONE = StepRecord("bisect", "bisect", "done", summary="kept 2\nof 40", seconds=1.25)


def watched(terminal: bool) -> str:
    """What is shown of a run of three steps."""
    file = io.StringIO()
    console = Console(file=file, width=60, force_terminal=terminal, color_system=None)
    with Display(console, ["bisect", "build", "report"]) as display:
        display.started("bisect", "never ran")
        display.progressed("bisect", 3, 64, "evaluations")
        display.ended(DONE)
        display.ended(StepRecord("build", status="skipped", error="needs rewrite"))
    return file.getvalue()


def test_without_a_terminal_each_event_is_a_line() -> None:
    assert watched(terminal=False).splitlines() == [
        "bisect       run      never ran",
        "bisect       done     1.2 s  kept 2 of 40",
        "build        skipped  needs rewrite",
    ]


def test_a_long_line_is_not_broken_where_there_is_no_terminal() -> None:
    file = io.StringIO()
    with Display(Console(file=file, width=60), ["compare"]) as display:
        display.ended(StepRecord("compare", status="done", summary="first at /down0/bn0/BatchNormalization " * 3))
    assert len(file.getvalue().splitlines()) == 1


def test_in_a_terminal_the_table_ends_in_its_last_state() -> None:
    text = re.sub(r"\x1b\[\??\d*[A-Za-z]", "\n", watched(terminal=True))
    lines = [line.split() for line in text.splitlines()]
    assert ["bisect", "done", "1.2", "s", "kept", "2", "of", "40"] in lines
    assert ["build", "skipped", "needs", "rewrite"] in lines
    assert ["report", "waits"] in [line[:2] for line in lines]


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (DONE, "done"),
        (StepRecord("a", status="done", cached=True), "hit"),
        (StepRecord("a", status="done", cached=True, accepted=False), "not met"),
        (StepRecord("a", status="failed"), "failed"),
    ],
)
def test_a_step_ends_in_one_word(record: StepRecord, state: str) -> None:
    assert state_of(record) == state


@pytest.mark.parametrize(("quiet", "lines"), [(-1.0, ["3/64 evaluations", "4 evaluations"]), (60.0, [])])
def test_without_a_terminal_progress_is_told_now_and_then(
    quiet: float, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trtflow.engine.display.QUIET", quiet)
    file = io.StringIO()
    with Display(Console(file=file, width=60), ["bisect"]) as display:
        display.started("bisect", "never ran")
        display.progressed("bisect", 3, 64, "evaluations")
        display.progressed("bisect", 4, None, "evaluations")
    assert [line.split(maxsplit=2)[2] for line in file.getvalue().splitlines()[1:]] == lines
