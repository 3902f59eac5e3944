"""A small world for tests of the engine: fake steps, a config in a folder, and an observer that takes notes."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from trtflow.engine.decide import Decision
from trtflow.engine.outcome import Outcome, RunSettings
from trtflow.engine.plan import Plan, make_plan
from trtflow.engine.preview import preview
from trtflow.engine.run import run_plan
from trtflow.engine.select import Selection, select
from trtflow.engine.store import Store
from trtflow.steps.contract import StepRecord
from trtflow.yaml12 import dump

TOYS = {name: f"toysteps.{name}" for name in ("end", "gather", "search", "write")}


class Notes:
    """An observer that remembers what it was told; ``begun`` is set when a step starts."""

    def __init__(self) -> None:
        self.why: dict[str, str] = {}
        self.told: list[str] = []
        self.progress: list[tuple[str, int, int | None, str]] = []
        self.begun = threading.Event()

    def started(self, step: str, why: str) -> None:
        """See Observer."""
        self.told.append(f"{step}: {why}")
        self.why.setdefault(step, why)
        self.begun.set()

    def progressed(self, step: str, done: int, total: int | None, text: str) -> None:
        """See Observer."""
        self.progress.append((step, done, total, text))

    def ended(self, record: StepRecord) -> None:
        """See Observer."""


class Toy:
    """A config ``toy.yaml`` with ``flow.yaml`` in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "store")
        self.notes = Notes()
        self.workflow({})

    def workflow(self, steps: Mapping[str, object], inputs: Mapping[str, object] | None = None) -> None:
        """Write the workflow."""
        document = {"trtflow": 1, "inputs": inputs or {}, "steps": steps}
        (self.folder / "flow.yaml").write_text(dump(document))
        self.config({})

    def config(self, given: Mapping[str, object], **more: object) -> None:
        """Write the config with these inputs."""
        document = {"trtflow": 1, "workflow": "./flow.yaml", "with": given, **more}
        (self.folder / "toy.yaml").write_text(dump(document))

    def plan(self, *overrides: str) -> Plan:
        """The plan as the files stand."""
        return make_plan(self.folder / "toy.yaml", overrides, steps=TOYS)

    def run(self, *overrides: str, settings: RunSettings | None = None, **chosen: str | None) -> Outcome:
        """Run what ``select`` chooses."""
        plan = self.plan(*overrides)
        self.notes = Notes()
        return run_plan(plan, self.store, select(plan, **chosen), self.notes, settings)

    def preview(self, *overrides: str, selection: Selection | None = None) -> dict[str, Decision]:
        """The dry run."""
        plan = self.plan(*overrides)
        return {one.step.name: one for one in preview(plan, self.store, selection or select(plan))}


def states(outcome: Outcome) -> dict[str, str]:
    """Step → hit, done, failed or skipped."""
    return {name: "hit" if record.cached else record.status for name, record in outcome.records.items()}


def texts(errors: Sequence[StepRecord]) -> dict[str, str]:
    """Step → error."""
    return {record.name: record.error for record in errors}
