"""``search``: both ends, then a strategy by name, then the sentence that says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from trtflow.plan import PrecisionPlan
from trtflow.search.baselines import alone_low_binary, bisect, ddmin, linear, revert_one
from trtflow.search.confirm import Confirmation, explain
from trtflow.search.confirm import confirm as ask_engine
from trtflow.search.ledger import Books, Budget, Evaluation, Ledger, OutOfBudget
from trtflow.search.oracle import Oracle, Outcome
from trtflow.search.pareto import front, sweep
from trtflow.search.problem import Problem, single
from trtflow.search.propose import propose
from trtflow.search.shown import NOTHING, Shown, refused_plans, sentence, shown
from trtflow.search.shrink import is_minimal

Strategy = Callable[[Ledger], None]

STRATEGIES: dict[str, Strategy] = {
    "trtflow": propose,
    "bisect": lambda ledger: bisect(ledger, ledger.problem.free),
    "bisect-reverse": lambda ledger: bisect(ledger, ledger.problem.free[::-1]),
    "linear": lambda ledger: linear(ledger, ledger.problem.free),
    "linear-reverse": lambda ledger: linear(ledger, ledger.problem.free[::-1]),
    "revert-one": revert_one,
    "alone-low-binary": alone_low_binary,
    "ddmin": ddmin,
}


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    ``plan`` is the cheapest plan measured and accepted, or everything high when nothing was. ``minimal``: each
    plan with one kept node less was measured and refused, or is dearer for its casts. ``shown``: which of the kept
    nodes accuracy needs, and which cost less than casts around them. ``floor`` is the smallest error
    measured when nothing passed, else None. ``confirmation`` is what the confirming oracle said and
    ``builds`` how often it was asked (reused ones not counted).
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
    shown: Shown = NOTHING
    confirmation: Confirmation | None = None

    @property
    def passes(self) -> float:
        """What the search cost in full passes over its samples, builds not counted."""
        return sum(entry.outcome.passes for entry in self.evaluations if entry.kind != "build")

    @property
    def accepted_plans(self) -> tuple[Evaluation, ...]:
        """Every accepted plan by rising cost: what to fall back to when held-out samples refuse the first."""
        kinds = {"build"} if self.confirmation else {"full"}
        passed = [entry for entry in self.evaluations if entry.outcome.accepted and entry.kind in kinds]
        return tuple(sorted(passed, key=lambda entry: (entry.cost, entry.index)))

    @property
    def front(self) -> tuple[Evaluation, ...]:
        """The measured plans that no other beats in both cost and error, by rising cost."""
        return front(self.evaluations)


def search(
    problem: Problem,
    oracle: Oracle,
    *,
    strategy: str = "trtflow",
    budget: Budget | None = None,
    on_evaluation: Callable[[Evaluation], None] = lambda _: None,
    confirm: Oracle | None = None,
    pareto: int = 0,
) -> SearchResult:
    """The smallest, cheapest set of nodes to keep in high precision.

    ``on_evaluation`` is called after every measurement; entries marked ``best`` carry the best plan so far.
    ``confirm`` is asked about both ends and the plan found, and the plan is repaired there if it disagrees.
    ``pareto`` asks for that many more plans, spread over the error, for ``SearchResult.front``.

    Raises:
        KeyError: ``strategy`` is not one of ``STRATEGIES``.
    """
    find = STRATEGIES[strategy]
    books = Books(budget or Budget(), on_evaluation)
    ledger = Ledger(problem, oracle, books)
    low, high = ledger.measure(frozenset(), "ends"), ledger.measure(problem.nodes, "ends")
    refused = high.status == "measured" and not high.accepted
    spent = not (refused and not low.accepted) and _ran_out(ledger, find, pareto)
    if ledger.best is None:
        found = _result(ledger, problem.nodes, (low, high), False, _hopeless(problem, high), NOTHING)
    else:
        minimal = is_minimal(ledger, single(problem, ledger.best))
        proof = _shown(ledger, ledger.best, low.accepted)
        reason = _sentence(ledger, ledger.best, proof, low.accepted, spent)
        found = _result(ledger, ledger.best, (low, high), minimal, reason, proof)
    return found if confirm is None else _confirmed(found, Ledger(problem, confirm, books, "build"), ledger)


def _ran_out(ledger: Ledger, find: Strategy, pareto: int) -> bool:
    """Let the strategy fill the ledger. Whether the budget ended it."""
    try:
        if find is propose or not ledger.accepts(frozenset(), "ends"):
            find(ledger)
        if pareto:
            sweep(ledger, pareto)
    except OutOfBudget:
        return True
    return False


def _confirmed(found: SearchResult, engine: Ledger, emulated: Ledger) -> SearchResult:
    proposal = frozenset(found.plan.nodes) - engine.problem.forced
    said = ask_engine(engine, emulated, proposal)
    refused = engine.problem.nodes if said.verdict == "not-precision" else proposal
    kept = refused if said.kept is None else said.kept
    outcome = engine.measure(kept, "ends")
    return replace(
        found,
        plan=engine.problem.plan(kept),
        accepted=outcome.accepted,
        minimal=outcome.accepted and (found.minimal if kept == proposal else _least(engine, kept)),
        evaluations=tuple(engine.history),
        outcome=outcome,
        cost=engine.problem.cost(kept),
        floor=None if outcome.accepted else _floor(engine),
        reason=f"{found.reason}; {explain(said, proposal)}",
        builds=int(engine.spent("build")),
        shown=_confirmed_shown(found, engine, kept) if outcome.accepted else NOTHING,
        confirmation=said,
    )


def _least(engine: Ledger, kept: frozenset[str]) -> bool:
    return is_minimal(engine, single(engine.problem, kept))


def _confirmed_shown(found: SearchResult, engine: Ledger, kept: frozenset[str]) -> Shown:
    """What engine and emulator have shown together."""
    return shown(
        engine.problem, kept | engine.problem.forced, refused_plans(engine.history), found.shown.merged & kept
    )


def _result(
    ledger: Ledger, chosen: frozenset[str], ends: tuple[Outcome, Outcome], minimal: bool, reason: str, proof: Shown
) -> SearchResult:
    outcome = ledger.measure(chosen, "ends")
    return SearchResult(
        plan=ledger.problem.plan(chosen),
        accepted=outcome.accepted,
        minimal=minimal,
        evaluations=tuple(ledger.history),
        low=ends[0],
        high=ends[1],
        outcome=outcome,
        cost=ledger.problem.cost(chosen),
        floor=None if outcome.accepted else _floor(ledger),
        reason=reason,
        builds=int(ledger.spent("build")),
        shown=proof,
    )


def _shown(ledger: Ledger, chosen: frozenset[str], low_accepted: bool) -> Shown:
    needed = frozenset[str]() if low_accepted else ledger.needed
    islands = chosen - needed if needed is not None and needed <= chosen else None
    return shown(ledger.problem, chosen, refused_plans(ledger.history), islands)


def _floor(ledger: Ledger) -> float:
    return min(entry.outcome.error for entry in ledger.history if entry.kind == ledger.kind)


def _hopeless(problem: Problem, high: Outcome) -> str:
    if high.status == "failed":
        return f"the plan with everything in {problem.high} could not be built, nor was another plan accepted"
    return f"even everything in {problem.high} is not accepted (margin {high.margin:.3g}): precision is not the cause"


def _sentence(ledger: Ledger, chosen: frozenset[str], proof: Shown, low_accepted: bool, spent: bool) -> str:
    problem = ledger.problem
    if spent:
        count = len(chosen | problem.forced)
        nodes = f"{count} node{'s' if count != 1 else ''} in {problem.high}"
        found = f"the budget ended the search; {nodes} is the cheapest accepted plan so far"
    else:
        found = sentence(problem, chosen, proof, low_accepted=low_accepted)
    return found + _doubt(ledger.measure(chosen, "ends"))


def _doubt(outcome: Outcome) -> str:
    if outcome.margin >= outcome.noise:
        return ""
    return f"; the margin of {outcome.margin:.3g} is within the metric's own noise of {outcome.noise:.3g}"
