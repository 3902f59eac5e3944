"""``search``: both ends, then a strategy by name, then the sentence that says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from trtflow.precision.plan import PrecisionPlan
from trtflow.search.baselines import bisect, linear
from trtflow.search.ledger import Budget, Evaluation, Ledger, OutOfBudget
from trtflow.search.oracle import Oracle, Outcome
from trtflow.search.problem import Problem, single
from trtflow.search.propose import propose
from trtflow.search.shrink import is_minimal

Strategy = Callable[[Ledger], "frozenset[str] | None"]

STRATEGIES: dict[str, Strategy] = {
    "trtflow": propose,
    "bisect": lambda ledger: bisect(ledger, ledger.problem.free),
    "bisect-reverse": lambda ledger: bisect(ledger, ledger.problem.free[::-1]),
    "linear": lambda ledger: linear(ledger, ledger.problem.free),
    "linear-reverse": lambda ledger: linear(ledger, ledger.problem.free[::-1]),
}


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    ``plan`` is the cheapest accepted plan measured, or everything high when nothing was accepted. ``minimal``:
    each plan with one kept unit less was measured and not accepted. ``floor`` is the smallest error measured
    when nothing passed, else None. ``builds`` counts what the confirming oracle built.
    """

    plan: PrecisionPlan
    accepted: bool
    minimal: bool
    evaluations: tuple[Evaluation, ...]
    low: Outcome
    high: Outcome
    outcome: Outcome
    cost: float
    floor: float | None
    reason: str
    builds: int


def search(
    problem: Problem,
    oracle: Oracle,
    *,
    strategy: str = "trtflow",
    budget: Budget | None = None,
    on_evaluation: Callable[[Evaluation], None] = lambda _: None,
    confirm: Oracle | None = None,
) -> SearchResult:
    """The smallest, cheapest set of nodes to keep in high precision.

    ``on_evaluation`` is called after every measurement; entries marked ``best`` carry the best plan so far.
    Raises KeyError when ``strategy`` is not one of STRATEGIES.
    """
    find = STRATEGIES[strategy]
    ledger = Ledger(problem, oracle, budget or Budget(), on_evaluation)
    everything = problem.nodes
    low, high = ledger.measure(frozenset(), "ends"), ledger.measure(everything, "ends")
    if low.accepted:
        return _result(ledger, frozenset(), low, high, True, f"{problem.low} alone is accepted")
    if not high.accepted:
        return _result(ledger, everything, low, high, False, _hopeless(problem, high))
    spent = _run(ledger, find)
    assert ledger.best is not None  # noqa: S101 - the high end was accepted
    minimal = is_minimal(ledger, single(problem, ledger.best))
    return _result(ledger, ledger.best, low, high, minimal, _sentence(problem, ledger.best, minimal, spent))


def _run(ledger: Ledger, find: Strategy) -> bool:
    """Let the strategy fill the ledger. Whether the budget ended it."""
    try:
        find(ledger)
    except OutOfBudget:
        return True
    return False


def _result(
    ledger: Ledger, chosen: frozenset[str], low: Outcome, high: Outcome, minimal: bool, reason: str
) -> SearchResult:
    outcome = ledger.measure(chosen, "ends")
    errors = [entry.outcome.error for entry in ledger.history if entry.kind != "probe"]
    return SearchResult(
        plan=ledger.problem.plan(chosen),
        accepted=outcome.accepted,
        minimal=minimal,
        evaluations=tuple(ledger.history),
        low=low,
        high=high,
        outcome=outcome,
        cost=ledger.problem.cost(chosen),
        floor=None if outcome.accepted else min(errors),
        reason=reason,
        builds=int(ledger.spent("build")),
    )


def _hopeless(problem: Problem, high: Outcome) -> str:
    if high.status == "failed":
        return f"the plan with everything in {problem.high} could not be built, so nothing was compared"
    return f"even everything in {problem.high} is not accepted (margin {high.margin:.3g}): precision is not the cause"


def _sentence(problem: Problem, chosen: frozenset[str], minimal: bool, spent: bool) -> str:
    count = len(chosen | problem.forced)
    nodes = f"{count} node{'s' if count != 1 else ''} in {problem.high}"
    if spent:
        return f"the budget ended the search; {nodes} is the cheapest accepted plan so far"
    proof = ", and each of their units is needed" if minimal else ""
    return f"{nodes} {'is' if count == 1 else 'are'} enough{proof}"
