"""What a run tells while it goes on, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from trtflow.engine.child import read_table
from trtflow.engine.store import Record
from trtflow.steps.contract import StepRecord, Table
from trtflow.text import one_line


class Observer(Protocol):
    """Who watches a run. Called from several threads."""

    def started(self, step: str, why: str) -> None:
        """The step runs now; ``why`` it is not in the store, or that another process works on it."""

    def progressed(self, step: str, done: int, total: int | None, text: str) -> None:
        """The step tells how far it is."""

    def ended(self, record: StepRecord) -> None:
        """The step is over: found in the store, done, failed or skipped."""


@dataclass(frozen=True)
class RunSettings:
    """How to run: ``jobs`` steps at once (0: as many as there are cores).

    ``fresh_memo`` forgets single evaluations too; ``locked`` maps steps to the key and the material that a
    lock file holds them to.
    """

    jobs: int = 0
    fresh_memo: bool = False
    locked: Mapping[str, Mapping[str, Any]] | None = None


@dataclass
class Outcome:
    """What became of the steps, in the plan's order; ``stored`` holds those that are done."""

    records: dict[str, StepRecord] = field(default_factory=dict)
    stored: dict[str, Record] = field(default_factory=dict)

    @property
    def failed(self) -> list[StepRecord]:
        """The steps that failed."""
        return [record for record in self.records.values() if record.status == "failed"]

    @property
    def rejected(self) -> list[StepRecord]:
        """The steps whose gate was not met."""
        return [record for record in self.records.values() if record.accepted is False]

    @property
    def status(self) -> int:
        """The exit status: 1 a step failed, 3 the gate was not met, 0 otherwise."""
        return 1 if self.failed else 3 if self.rejected else 0

    @property
    def last_word(self) -> tuple[str, ...]:
        """What must be noted, and in the last line the verdict: of the step that looks back, else of the worst step.

        A step that accepts has no last word where another does not: it did not look back at that one.
        """
        said = [(record, self.stored[name].last_word) for name, record in self.records.items() if name in self.stored]
        told = [word for record, word in said if word and (self.status == 0 or record.accepted is False)]
        if told:
            return tuple(told[-1])
        if self.failed:
            return (f"Failed: {_each(self.failed)}",)
        if self.rejected:
            return (f"Not accepted: {_each(self.rejected)}",)
        met = [record for record in self.records.values() if record.accepted and record.summary]
        return (_each(met[-1:]),) if met else ()

    def table(self, step: str) -> Table | None:
        """The table that a step returned."""
        stored = self.stored.get(step)
        return read_table(stored.table) if stored else None


def _each(records: Iterable[StepRecord]) -> str:
    """What each step says, in one line."""
    said = ((record.name, one_line(record.error or record.summary)) for record in records)
    return "; ".join(f"{name}: {text}" if text else name for name, text in said)
