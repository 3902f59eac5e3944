"""What a run would do, and why, without doing it."""

from __future__ import annotations

from trtflow.engine.decide import Decision, decide
from trtflow.engine.plan import Plan
from trtflow.engine.select import Selection, involved
from trtflow.engine.store import Store
from trtflow.steps.contract import StepRecord


def preview(plan: Plan, store: Store, selection: Selection) -> list[Decision]:
    """What would become of each step. An input that is not made yet is never an error."""
    records: dict[str, StepRecord] = {}
    decisions = []
    for name in involved(plan, selection):
        decision = decide(plan, plan.steps[name], records, store, selection)
        decisions.append(decision)
        record = decision.record(store)
        if record is not None:
            records[name] = record
    return decisions
