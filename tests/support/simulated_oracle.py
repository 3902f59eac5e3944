"""Oracles with a known truth, to hold the search against."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from trtflow.plan import PrecisionPlan
from trtflow.search.ledger import Books, Budget, Kind, Ledger
from trtflow.search.oracle import FAILED, Outcome
from trtflow.search.problem import Problem, Unit

Failing = Callable[[frozenset[str]], bool]


@dataclass
class Simulated:
    """Accepts a plan when the squared errors of its low nodes sum to at most 1 and no conflict is all low.

    ``noise``: squared error of each node, in units of the tolerance's square. ``conflicts``: sets of nodes that
    give NaN when all of them are low (one node: a culprit; two: they only hurt together). ``cures``: sets of
    nodes that, all low, cancel the noise of their first (non-monotone). ``fails``: when a build fails.
    """

    problem: Problem
    conflicts: Collection[frozenset[str]] = ()
    noise: Mapping[str, float] = field(default_factory=dict)
    cures: Collection[tuple[str, ...]] = ()
    fails: Failing = lambda low: False
    share: float = 1.0
    asked: list[frozenset[str]] = field(default_factory=list)

    def evaluate(self, plan: PrecisionPlan) -> Outcome:
        """Measure on everything."""
        low = self._low(plan)
        self.asked.append(low)
        if self.fails(low):
            return FAILED
        error = self._error(low)
        return Outcome(error <= 1.0, 1.0 - error if math.isfinite(error) else -math.inf, error)

    def probe(self, plan: PrecisionPlan) -> Outcome:
        """Measure on a share of the samples."""
        outcome = self.evaluate(plan)
        return Outcome(outcome.accepted, outcome.margin, outcome.error, status=outcome.status, passes=self.share)

    def accepts(self, high: Collection[str]) -> bool:
        """The truth about a set of high nodes."""
        low = frozenset(node for unit in self.problem.units for node in unit.nodes) - frozenset(high)
        return not self.fails(low) and self._error(low) <= 1.0

    def _low(self, plan: PrecisionPlan) -> frozenset[str]:
        nodes = (node for unit in self.problem.units for node in unit.nodes)
        return frozenset(node for node in nodes if plan.precision(node) == self.problem.low)

    def _error(self, low: frozenset[str]) -> float:
        if any(conflict <= low for conflict in self.conflicts):
            return math.inf
        cured = {cure[0] for cure in self.cures if low.issuperset(cure)}
        return math.fsum(self.noise.get(node, 0.0) for node in low - cured)


def chain(count: int, costs: Mapping[int, float] | None = None, **more: object) -> Problem:
    """A problem of ``count`` units of one node each, ``n0`` … , of equal cost unless told."""
    costs = costs or {}
    units = tuple(Unit(i, (f"n{i}",), costs.get(i, 1.0 / count)) for i in range(count))
    return Problem(units, **more)  # type: ignore[arg-type]


def names(*indices: int) -> frozenset[str]:
    """The nodes with these indices."""
    return frozenset(f"n{i}" for i in indices)


def culprits(*indices: int) -> list[frozenset[str]]:
    """Conflicts of one node each."""
    return [names(i) for i in indices]


def ledger_of(oracle: Simulated, budget: Budget | None = None, kind: Kind = "full") -> Ledger:
    """An empty ledger over an oracle's problem."""
    return Ledger(oracle.problem, oracle, Books(budget or Budget(), lambda _: None), kind)


def subsets(nodes: Collection[str]) -> list[frozenset[str]]:
    """Every choice of some of ``nodes``, small ones first."""
    sizes = range(len(nodes) + 1)
    return [frozenset(some) for size in sizes for some in itertools.combinations(sorted(nodes), size)]


def cheapest_accepted(oracle: Simulated) -> float:
    """What the best plan costs, by trying everything in the order of cost."""
    priced = sorted((oracle.problem.cost(some), sorted(some)) for some in subsets(oracle.problem.nodes))
    return next(cost for cost, some in priced if oracle.accepts(some))
