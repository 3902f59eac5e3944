from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from trtflow.engine.display import Display, state_of
from trtflow.engine.outcome import Outcome
from trtflow.engine.show import cell_text, show_table, verdict
from trtflow.steps.contract import StepRecord, Table

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


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, "-"),
        (1234567, "1 234 567"),
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
        " /conv[0]      12 345",
        " b                  -",
    ]


def test_the_last_word_names_what_failed_and_the_next_command() -> None:
    outcome = Outcome({"bisect": StepRecord("bisect", status="failed"), "a": DONE})
    assert list(verdict(outcome, "trtflow run a.yaml")) == [
        "\nFailed: bisect. What is done is kept; when the cause is mended, go on with:\n  trtflow run a.yaml"
    ]
