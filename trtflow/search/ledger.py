"""The books of a search: every plan measured once, counted against the budget, the best plan always at hand."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from trtflow.plan import PrecisionPlan
from trtflow.search.oracle import Oracle, Outcome
from trtflow.search.problem import Problem, Unit, nodes_of

CHEAP = 0.5  # a probe that costs more than this share of an evaluation is not worth asking twice
Kind = Literal["full", "probe", "build"]


@dataclass(frozen=True)
class Budget:
    """What a search may spend: full passes over its samples, seconds, builds of the confirming oracle.

    ``evaluations`` counts full passes: a probe counts as the share of the samples that it uses. The two ends
    are always measured.
    """

    evaluations: float | None = None
    seconds: float | None = None
    builds: int | None = None


@dataclass(frozen=True)
class Evaluation:
    """One measurement of the search, in order. ``best``: from here on this is the best plan known."""

    index: int
    phase: str
    high_count: int
    cost: float
    outcome: Outcome
    plan: PrecisionPlan
    kind: Kind = "full"
    best: bool = False


class OutOfBudget(Exception):  # noqa: N818 - not an error: the way a search that must stop unwinds to its best plan
    """The budget is spent."""


@dataclass
class Books:
    """What all oracles of one search share: the budget, the history and who is told."""

    budget: Budget
    on_evaluation: Callable[[Evaluation], None]
    history: list[Evaluation] = field(default_factory=list)
    start: float = field(default_factory=time.monotonic)


class Ledger:
    """Measures sets of high nodes through one oracle, each once, and keeps the books."""

    def __init__(self, problem: Problem, oracle: Oracle, books: Books, kind: Kind = "full") -> None:
        self.problem, self.oracle, self.books, self.kind = problem, oracle, books, kind
        self.budget, self.history = books.budget, books.history
        self.best: frozenset[str] | None = None
        self.needed: frozenset[str] | None = None  # before islands were merged; None until that is tried
        self._known: dict[tuple[Kind, frozenset[str]], Outcome] = {}

    def measure(self, high: Iterable[Unit] | frozenset[str], phase: str, kind: Kind | None = None) -> Outcome:
        """The outcome of the plan with ``high`` in high precision; measured now unless it was before.

        Raises:
            OutOfBudget: it would have to be measured, and the budget is spent.
        """
        nodes = high if isinstance(high, frozenset) else nodes_of(high)
        nodes = nodes | self.problem.forced
        kind = kind or self.kind
        if (known := self._known.get((kind, nodes))) is not None:
            return known
        self._check_budget(kind, phase)
        plan = self.problem.plan(nodes)
        outcome = self.oracle.probe(plan) if kind == "probe" else self.oracle.evaluate(plan)
        self._known[kind, nodes] = outcome
        self._record(nodes, plan, outcome, phase, kind)
        return outcome

    def accepts(self, high: Iterable[Unit] | frozenset[str], phase: str, doubtful: bool = False) -> bool:
        """Whether the plan with ``high`` in high precision is accepted.

        ``doubtful``: it probably is not. Where low precision breaks a sample outright, the hardest samples then
        suffice: a value that is not finite in a probe is not finite in the whole either.
        """
        high = high if isinstance(high, frozenset) else nodes_of(high)
        if doubtful and self._probe_first and math.isinf(self.measure(high, phase, "probe").error):
            return False
        return self.measure(high, phase).accepted

    @property
    def _probe_first(self) -> bool:
        """Whether probes are cheap and non-finite values are what to expect. Until one was made, the former is."""
        if self.kind != "full":
            return False
        shares = [entry.outcome.passes for entry in self.history if entry.kind == "probe"]
        low = self._known.get(("full", self.problem.forced))
        return max(shares, default=0.0) <= CHEAP and low is not None and math.isinf(low.error)

    def could_pass(self, high: Iterable[Unit]) -> bool:
        """Whether nothing that was measured says that the plan with ``high`` is refused."""
        nodes = nodes_of(high) | self.problem.forced
        known = self._known.get((self.kind, nodes))
        if known is not None and known.status == "measured":
            return known.accepted
        probed = self._known.get(("probe", nodes))
        return probed is None or probed.status == "failed" or not math.isinf(probed.error)

    def tolerance(self) -> tuple[float, float]:
        """The largest finite error that was accepted, and the smallest that was not (inf when none was)."""
        measured = [entry.outcome for entry in self.history if entry.outcome.status == "measured"]
        accepted = max((o.error for o in measured if o.accepted and math.isfinite(o.error)), default=0.0)
        return accepted, min((o.error for o in measured if not o.accepted), default=math.inf)

    def alone_errors(self) -> dict[str, float]:
        """For each node, the error of the smallest set with it that was low with everything else high."""
        lows = [(self.problem.nodes - high, outcome) for (_, high), outcome in self._known.items()]
        found: dict[str, float] = {}
        for low, outcome in sorted(lows, key=lambda item: -len(item[0])):
            if outcome.status == "measured":
                found.update(dict.fromkeys(low, outcome.error))
        return found

    def spent(self, kind: Kind) -> float:
        """Passes spent on evaluations and probes, or builds made."""
        if kind == "build":
            return sum(entry.kind == "build" and not entry.outcome.reused for entry in self.history)
        return sum(entry.outcome.passes for entry in self.history if entry.kind != "build")

    def _check_budget(self, kind: Kind, phase: str) -> None:
        if phase == "ends":
            return
        limit = self.budget.builds if kind == "build" else self.budget.evaluations
        late = self.budget.seconds is not None and time.monotonic() - self.books.start >= self.budget.seconds
        if late or (limit is not None and self.spent(kind) >= limit):
            raise OutOfBudget

    def _record(self, high: frozenset[str], plan: PrecisionPlan, outcome: Outcome, phase: str, kind: Kind) -> None:
        cost = self.problem.cost(high)
        best = kind == self.kind and outcome.accepted and self._beats(cost)
        if best:
            self.best = high
        entry = Evaluation(len(self.history), phase, len(high), cost, outcome, plan, kind, best)
        self.history.append(entry)
        self.books.on_evaluation(entry)

    def _beats(self, cost: float) -> bool:
        return self.best is None or cost < self.problem.cost(self.best)
