"""What a search found, asked again on samples that it has not seen.

The cheapest plan is the one that fits the search's own samples most tightly, so it is the likeliest to fail on
others. The search has measured dearer plans on the way, and the first of them that the others accept is the answer:
some cost more, and the proof is kept. Everything high always holds and says nothing, so it is no such answer.

Samples that select among plans are no longer unseen. So half of those that are held out stay out of that too, and
judge the one plan that is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from trtflow.search.ledger import Evaluation
from trtflow.search.oracle import Oracle
from trtflow.search.problem import Problem
from trtflow.search.run import SearchResult
from trtflow.search.shown import refused_plans, shown

HELD_OUT_FROM = 4  # with fewer samples all of them are needed to search
ASKED_FROM = 4  # with fewer held out all of them judge, and none selects


@dataclass(frozen=True)
class Split:
    """The places of samples by what they do: be ``searched``, be ``asked`` which plan holds, and judge it alone.

    No choice sees the ``final`` ones.
    """

    searched: tuple[int, ...]
    asked: tuple[int, ...] = ()
    final: tuple[int, ...] = ()


def split_samples(count: int, share: float) -> Split:
    """Hold out every n-th of ``count`` samples, so that they are spread like the others; none of fewer than four."""
    if count < HELD_OUT_FROM or not share:
        return Split(tuple(range(count)))
    step = max(2, round(1 / share))
    held_out = tuple(range(step - 1, count, step))
    searched = tuple(place for place in range(count) if place not in held_out)
    if len(held_out) < ASKED_FROM:
        return Split(searched, final=held_out)
    return Split(searched, held_out[::2], held_out[1::2])


def verify(found: SearchResult, problem: Problem, unseen: Oracle) -> SearchResult | None:
    """``found`` where ``unseen`` accepts its plan, else with its next cheapest plan that ``unseen`` accepts.

    None where ``unseen`` accepts none of them.
    """
    if unseen.evaluate(found.plan).accepted:
        return found
    everything = problem.plan(problem.nodes)
    others = (entry for entry in found.accepted_plans if entry.plan not in (found.plan, everything))
    held = next((entry for entry in others if unseen.evaluate(entry.plan).accepted), None)
    return None if held is None else _instead(found, held, problem)


def _instead(found: SearchResult, held: Evaluation, problem: Problem) -> SearchResult:
    count = held.high_count
    refused = [*refused_plans(found.evaluations), frozenset(found.plan.nodes)]
    reason = f"{count} nodes kept high hold on held-out samples too, which the cheapest plan does not"
    return replace(
        found,
        plan=held.plan,
        minimal=False,
        outcome=held.outcome,
        cost=held.cost,
        shown=shown(problem, frozenset(held.plan.nodes), refused),
        reason=reason,
    )
