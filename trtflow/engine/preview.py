"""What a run would do, and why, without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from trtflow.engine.explain import reason
from trtflow.engine.facts import facts
from trtflow.engine.inputs import OutputInput
from trtflow.engine.key import key_material, key_of
from trtflow.engine.plan import Plan, PlannedStep
from trtflow.engine.select import Selection, involved
from trtflow.engine.store import Store, step_record
from trtflow.steps.contract import StepRecord


@dataclass(frozen=True)
class Preview:
    """One step: ``hit`` (in the store), ``run`` (would run), or ``waits`` (its key is not known yet)."""

    name: str
    uses: str
    state: Literal["hit", "run", "waits"]
    why: str
    key: str = ""
    material: Mapping[str, Any] | None = None


def preview(plan: Plan, store: Store, selection: Selection) -> list[Preview]:
    """What would become of each step. An input that is not made yet is never an error."""
    records: dict[str, StepRecord] = {}
    return [_preview(plan, plan.steps[name], store, selection, records) for name in involved(plan, selection)]


def _preview(
    plan: Plan, step: PlannedStep, store: Store, selection: Selection, records: dict[str, StepRecord]
) -> Preview:
    waiting = [name for name in step.before if name not in records]
    if waiting:
        return Preview(step.name, step.type.name, "waits", f"on {', '.join(waiting)}")
    missing = missing_outputs(step, records)
    if missing:
        return Preview(step.name, step.type.name, "waits", f"{', '.join(missing)}: not made")
    unmet = unmet_gates(step, records)
    if unmet:
        return Preview(step.name, step.type.name, "waits", f"on {', '.join(unmet)} to be met")
    material = key_material(step, records, facts(step.type.environment), store.digest)
    key = key_of(material)
    record = store.record(key)
    if record is None or step.name in selection.fresh:
        last = store.last(plan.config.file, step.name)
        why = "asked to run afresh" if step.name in selection.fresh else reason(last, material)
        return Preview(step.name, step.type.name, "run", why, key, material)
    records[step.name] = step_record(step.name, record, store, cached=True)
    return Preview(step.name, step.type.name, "hit", record.summary or key[:12], key, material)


def unmet_gates(step: PlannedStep, records: Mapping[str, StepRecord]) -> list[str]:
    """The steps that this one names under ``needs`` and whose gate was not met."""
    return [name for name in step.gates if records[name].accepted is False]


def missing_outputs(step: PlannedStep, records: Mapping[str, StepRecord]) -> list[str]:
    """Optional outputs of done steps that this step needs and that were not made."""
    return [
        f"{one.step}.{one.output}"
        for one in step.inputs
        if isinstance(one, OutputInput) and one.output not in records[one.step].digests
    ]
