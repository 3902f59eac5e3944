"""What is shown after a run, and of a plan that is not run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trtflow.engine.decide import Decision
from trtflow.engine.display import STYLES
from trtflow.engine.outcome import Outcome
from trtflow.located import shown
from trtflow.steps.contract import StepRecord, Table
from trtflow.text import counted

if TYPE_CHECKING:
    from rich.console import Console

LOG_LINES = 12


def show_outcome(console: Console, outcome: Outcome, published: Sequence[Path], again: str) -> None:
    """Tables, failures with the end of their logs, published files, and how to go on."""
    for name in outcome.records:
        table = outcome.table(name)
        if table is not None and table.rows:
            show_table(console, table, name)
    for record in outcome.failed:
        show_failure(console, record)
    if published:
        console.print("\nFiles", style="bold")
        for path in published:
            console.print(f"  {shown(path)}", soft_wrap=True, markup=False, highlight=False)
    console.print(f"\n{next_step(outcome, again)}", soft_wrap=True, markup=False, highlight=False)


def next_step(outcome: Outcome, again: str) -> str:
    """What was done, and what to do next where a step failed."""
    if outcome.failed:
        return f"What is done is kept; when the cause is mended, go on with:\n  {again}"
    done = [record for record in outcome.records.values() if record.status == "done"]
    hits = sum(record.cached for record in done)
    skipped = len(outcome.records) - len(done)
    more = f", {skipped} skipped" if skipped else ""
    return f"Done: {counted(len(done), 'step')}, {hits} of them from the store{more}."


def show_last_word(console: Console, outcome: Outcome) -> None:
    """What must be noted, and the verdict, which is the last line."""
    for line in outcome.last_word:
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def show_failure(console: Console, record: StepRecord) -> None:
    """The error of a step and the end of its log."""
    console.print(f"\n{record.name} {record.error}", style="bold red", markup=False, highlight=False)
    for line in record.log[-LOG_LINES:]:
        console.print(f"  | {line}", style="dim", soft_wrap=True, markup=False, highlight=False)


def show_preview(console: Console, steps: Iterable[Decision]) -> None:
    """The plan: each step's state and why."""
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("step", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_column("why")
    for one in steps:
        table.add_row(one.step.name, Text(one.state, style=STYLES[one.state]), Text(one.why or one.key[:12]))
    console.print(table)


def show_table(console: Console, table: Table, step: str) -> None:
    """A step's table, headed by its name: numbers to the right, four significant digits."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(f"{step}: {table.title}" if table.title else step)
    rich = RichTable(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(table.columns):
        numeric = all(isinstance(row[index], (int, float, type(None))) for row in table.rows)
        rich.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in table.rows:
        rich.add_row(*(Text(cell_text(cell)) for cell in row))
    console.print()
    console.print(rich)


def cell_text(cell: str | float | int | None) -> str:
    """A cell as it is shown."""
    if cell is None:
        return "-"
    if isinstance(cell, float) and not math.isnan(cell):
        return f"{cell:.4g}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
