"""Two oracles: the emulator proposes, the engine confirms, and where it disagrees the plan is repaired there.

An engine is dear to build, so it is asked three times when all is well: the two ends and the proposal. A
disagreement is a finding, since the emulator knows nothing of kernels and fusion:

1. Everything high is refused by the engine: precision is not the cause.
2. Everything low is accepted by the engine and not by the emulator: what the engine fuses never leaves its
   registers in low precision.
3. The proposal is refused by the engine: a kernel, its accumulation or a fusion, not the range of a tensor.
   So are both refusals worth nothing where the engine computes in another precision than the plan says.
4. The engine cannot be built: nothing is known about its accuracy.
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import Literal

from trtflow.search.ledger import Ledger, OutOfBudget
from trtflow.search.oracle import Outcome
from trtflow.search.problem import Problem, Unit, single
from trtflow.search.shrink import gallop, shrink
from trtflow.text import listed

Verdict = Literal["agree", "not-precision", "engine-laxer", "engine-stricter", "build-failed"]

MEANING: dict[Verdict, str] = {
    "agree": "the engine agrees with the emulator",
    "not-precision": "the engine is refused with everything in high precision: precision is not the cause",
    "engine-laxer": "the engine accepts all low, the emulator does not: it depends on what the engine fuses",
    "engine-stricter": "the engine refuses what the emulator accepts: a kernel or a fusion, not a tensor's range",
    "build-failed": "the proposed plan could not be built, so its accuracy on the engine is not known",
}
UNHEEDED = "the engine refuses a plan that it does not honour (R25, at {}): that says nothing about precision"


@dataclass(frozen=True)
class Confirmation:
    """What the engine said of the two ends and the proposal. ``high``: None when all low was enough for both.

    ``kept``: the nodes of the plan that the engine accepts; None when it accepts none. Everything high is no such
    plan where one with less could not be built: nobody knows whether it would do.
    """

    verdict: Verdict
    low: Outcome
    high: Outcome | None
    proposal: Outcome
    kept: frozenset[str] | None

    @property
    def meaning(self) -> str:
        """The verdict as a sentence."""
        if self.verdict in ("not-precision", "engine-stricter") and self.proposal.unheeded:
            return UNHEEDED.format(listed(self.proposal.unheeded))
        return MEANING[self.verdict]


def confirm(engine: Ledger, emulated: Ledger, proposal: frozenset[str]) -> Confirmation:
    """Ask the engine about both ends and ``proposal``; repair there what it refuses, as far as the budget goes."""
    problem = engine.problem
    low = engine.measure(frozenset(), "ends")
    if low.accepted:
        return Confirmation("engine-laxer" if proposal else "agree", low, None, low, frozenset())
    high = engine.measure(problem.nodes, "ends")
    if high.status == "measured" and not high.accepted:
        return Confirmation("not-precision", low, high, high, None)
    outcome = engine.measure(proposal, "ends")
    if outcome.accepted:
        verdict: Verdict = "agree"
    else:
        verdict = "build-failed" if outcome.status == "failed" else "engine-stricter"
    with contextlib.suppress(OutOfBudget):
        _improve(engine, emulated, proposal, outcome)
    return Confirmation(verdict, low, high, outcome, _accepted(engine, proposal))


def _accepted(engine: Ledger, proposal: frozenset[str]) -> frozenset[str] | None:
    best, everything = engine.best, engine.problem.nodes
    if best is None or not best >= everything or proposal | engine.problem.forced >= everything:
        return best
    unknown = any(
        entry.kind == engine.kind and entry.outcome.status == "failed" and entry.plan.nodes.keys() >= proposal
        for entry in engine.history
    )
    return None if unknown else best


def _improve(engine: Ledger, emulated: Ledger, proposal: frozenset[str], outcome: Outcome) -> None:
    """Repair a refused proposal; shrink an accepted one only if the user gave builds for that."""
    kept = single(engine.problem, proposal)
    if outcome.accepted:
        if engine.budget.builds is not None:
            shrink(engine, kept, sorted(kept, key=lambda unit: -unit.cost))
        return
    added = _ranking(emulated, proposal, first=len(kept))
    length = gallop(engine, kept, added)
    if length:
        shrink(engine, [*kept, *added[:length]], added[:length][::-1], size=max(1, length // 2))


def _ranking(emulated: Ledger, proposal: frozenset[str], first: int) -> list[Unit]:
    """What else to raise, likeliest first: suspected, bad when alone low, beside what is kept, cheap."""
    problem = emulated.problem
    beside = _neighbours(problem, proposal)
    errors = emulated.alone_errors()
    parts = (tuple(node for node in unit.nodes if node not in proposal) for unit in problem.free)
    units = [Unit(first + i, part, math.fsum(map(problem.price, part))) for i, part in enumerate(filter(None, parts))]

    def likelihood(unit: Unit) -> tuple[float, float, bool, float]:
        error = max((errors.get(node, 0.0) for node in unit.nodes), default=0.0)
        return -problem.prior(unit), -error, beside.isdisjoint(unit.nodes), unit.cost

    return sorted(units, key=likelihood)


def _neighbours(problem: Problem, nodes: frozenset[str]) -> frozenset[str]:
    touching = [edge for edge in problem.edges if edge.producer in nodes or nodes.intersection(edge.consumers)]
    return frozenset(node for edge in touching for node in (edge.producer, *edge.consumers) if node) - nodes


def explain(confirmation: Confirmation, proposal: frozenset[str]) -> str:
    """One sentence: what the engine said, and what was raised for it."""
    added = len((confirmation.kept or frozenset()) - proposal)
    if confirmation.kept is None and confirmation.verdict in ("build-failed", "engine-stricter"):
        return f"{confirmation.meaning}; no plan is confirmed"
    if confirmation.verdict == "agree" or not added:
        return confirmation.meaning
    return f"{confirmation.meaning}; {added} more node{'s' if added != 1 else ''} raised, which the engine accepts"
