"""A run as it goes on: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trtflow.steps.contract import StepRecord
from trtflow.text import one_line

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.live import Live
    from rich.table import Table as RichTable

WIDTH = 100
QUIET = 10.0  # seconds between progress lines where there is no terminal
STYLES = {
    "waits": "dim",
    "run": "bold cyan",
    "hit": "green",
    "done": "bold green",
    "not met": "bold red",
    "failed": "bold red",
    "skipped": "yellow",
    "absent": "bold red",
}


@dataclass
class Row:
    """What is shown of one step."""

    name: str
    state: str = "waits"
    text: str = ""
    seconds: float | None = None
    begun: float = 0.0


def state_of(record: StepRecord) -> str:
    """One word for how a step ended."""
    if record.status != "done":
        return record.status
    if record.accepted is False:
        return "not met"
    return "hit" if record.cached else "done"


class Display:
    """Observes a run and shows it; use as a context manager."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self.console = console
        self.rows = {name: Row(name) for name in names}
        self.lock = threading.Lock()
        self.told: dict[str, float] = {}
        self.live = self._live() if console.is_terminal else None

    def __enter__(self) -> Display:
        if self.live:
            self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self.live.stop()

    def started(self, step: str, why: str) -> None:
        """See Observer."""
        with self.lock:
            row = self.rows[step]
            row.state, row.text, row.begun = "run", why, time.monotonic()
            self._line(row)

    def progressed(self, step: str, done: int, total: int | None, text: str) -> None:
        """See Observer."""
        with self.lock:
            row = self.rows[step]
            row.text = f"{done}{f'/{total}' if total is not None else ''} {text}".strip()
            if time.monotonic() - self.told.get(step, row.begun) > QUIET:
                self.told[step] = time.monotonic()
                self._line(row)

    def ended(self, record: StepRecord) -> None:
        """See Observer."""
        with self.lock:
            row = self.rows[record.name]
            row.state = state_of(record)
            row.text = one_line(record.error or record.summary)
            row.seconds = None if record.cached or not record.seconds else record.seconds
            self._line(row)

    def _line(self, row: Row) -> None:
        if self.live is None:
            seconds = "" if row.seconds is None else f"{row.seconds:.1f} s  "
            line = f"{row.name:12} {row.state:8} {seconds}{row.text}"
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _live(self) -> Live:
        from rich.live import Live

        return Live(get_renderable=self.table, console=self.console, refresh_per_second=8)

    def table(self) -> RichTable:
        """All steps with state, seconds and a line of text."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False, width=min(self.console.width, WIDTH))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for row in list(self.rows.values()):
            running = row.state == "run"
            seconds = time.monotonic() - row.begun if running else row.seconds
            table.add_row(
                row.name,
                Text(row.state, style=STYLES.get(row.state, "")),
                "" if seconds is None else f"{seconds:.1f} s",
                Text(row.text, style="dim" if row.state in ("waits", "skipped") else ""),
            )
        return table
