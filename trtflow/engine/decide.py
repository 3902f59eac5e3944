"""What becomes of a step: one answer in the same words, whether it is asked by a dry run, ``why`` or a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from trtflow.engine.explain import reason
from trtflow.engine.inputs import OutputInput
from trtflow.engine.key import key_material, key_of
from trtflow.engine.lock import Locked, held_to
from trtflow.engine.plan import Plan, PlannedStep
from trtflow.engine.select import Selection
from trtflow.engine.store import Record, Store, step_record
from trtflow.facts import facts
from trtflow.steps.contract import StepRecord

State = Literal["hit", "run", "waits", "skipped", "failed", "absent"]
Records = Mapping[str, StepRecord]


@dataclass(frozen=True)
class Decision:
    """What becomes of ``step``, and why.

    ``hit``: ``found`` in the store. ``run``: to be made. ``waits``: on steps that are not over, so that its key
    is not known. ``skipped``, ``failed``: over without being made. ``absent``: not to be made, and needed.
    ``key`` and ``material`` are there as soon as nothing stands against the step's inputs.
    """

    step: PlannedStep
    state: State
    why: str
    key: str = ""
    material: Mapping[str, Any] = field(default_factory=dict)
    found: Record | None = None

    def record(self, store: Store) -> StepRecord | None:
        """The step for those that come after it; None where it is not over by this decision."""
        if self.found is not None:
            return step_record(self.step.name, self.found, store, cached=True)
        if self.state == "skipped" or self.state == "failed":
            return StepRecord(self.step.name, self.step.type.name, self.state, error=self.why)
        return None


def decide(
    plan: Plan, step: PlannedStep, records: Records, store: Store, selection: Selection, locked: Locked | None = None
) -> Decision:
    """What becomes of ``step`` now that ``records`` holds those of the steps before it that are over."""
    obstacle = _obstacle(step, records)
    if obstacle:
        return Decision(step, "skipped", obstacle)
    pending = [name for name in step.before if name not in records]
    if pending:
        return Decision(step, "waits", f"on {', '.join(pending)}")
    material = key_material(step, records, facts(step.environment), store.digest)
    key = key_of(material)
    changed = held_to(locked, step.name, material)
    if changed:
        return Decision(step, "failed", f"would change, and --locked forbids it: {changed}", key, material)
    if step.name in selection.fresh:
        return Decision(step, "run", "afresh", key, material)
    found = store.record(key)
    if found is not None:
        return Decision(step, "hit", found.summary, key, material, found)
    if step.name not in selection.wanted:
        return _absent(plan, step, selection, key, material)
    why = reason(store.last(plan.config.file, step.name), material)
    return Decision(step, "run", why, key, material)


def _obstacle(step: PlannedStep, records: Records) -> str:
    """Why the step cannot be made, whatever becomes of those that are not over; empty where it may be."""
    undone = [name for name in step.needs if name in records and records[name].status != "done"]
    if undone:
        return f"needs {', '.join(undone)}"
    unmet = [name for name in step.gates if name in records and records[name].accepted is False]
    if unmet:
        return f"needs {', '.join(unmet)} to be met"
    outputs = [one for one in step.inputs if isinstance(one, OutputInput) and one.step in records]
    missing = [f"{one.step}.{one.output}" for one in outputs if one.output not in records[one.step].digests]
    return f"{', '.join(missing)} was not made" if missing else ""


def _absent(plan: Plan, step: PlannedStep, selection: Selection, key: str, material: Mapping[str, Any]) -> Decision:
    """A step that the ones asked for need, or would only look back at, and that the store lacks."""
    needed_by = [name for name in plan.steps if name in selection.wanted and step.name in _needs(plan, name)]
    if not needed_by:
        return Decision(step, "skipped", "not in the store", key, material)
    names = ", ".join(needed_by)
    why = (
        f"{names} needs {step.name}, which is not in the store as the config stands. "
        f"Run it with --until {names} instead."
    )
    return Decision(step, "absent", why, key, material)


def _needs(plan: Plan, name: str) -> set[str]:
    """The steps that must be done before the one called ``name``, near and far."""
    needs = plan.steps[name].needs
    return {*needs, *(far for near in needs for far in _needs(plan, near))}
