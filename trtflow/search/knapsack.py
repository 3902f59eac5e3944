"""Diffuse error: nothing stands out, so choose what to lower by what it saves for the error that it adds.

Independent errors add in energy, so a plan's error is about the sum of its low items' errors, each measured alone.
The cheapest plan within an error bound is then a knapsack, and the bound, unknown in these terms, is searched, each
candidate measured. Two models of the same problem, since neither sees all:

1. A minimum cut with a price on error (the Lagrangian): knows casts, and that neighbours share the rounding of the
   tensor between them, but finds only the plans that are best for some price.
2. Dynamic programming over a grid of errors: finds the best plan for every bound, but knows items only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trtflow.search.islands import Penalties, cheapest
from trtflow.search.ledger import Ledger
from trtflow.search.problem import Problem, Unit, nodes_of

GRID = 5000  # steps of the error axis; rounding to the nearest, so that the errors of many items cancel
ROUNDS = 24
RESOLUTION = 5e-3  # of the bound, and of the price: finer than the sum is true
MARGIN = 2.0  # the sum is off by this more in places
BEYOND = (1.02, 1.05, 1.1, 1.2)  # plans that the sum puts just beyond the bound are measured too: it is a model


def rescale(
    ledger: Ledger, units: Sequence[Unit], errors: Sequence[float], always: Sequence[Unit], whole: float
) -> frozenset[str] | None:
    """The cheapest accepted plan with ``always`` high that either model finds; None when none is accepted.

    ``errors``: of each unit alone. ``whole``: of all of them together, which says how far the sum is off.
    """
    attempts = _Attempts(ledger, nodes_of(always))
    if any(0 < error < math.inf for error in errors):
        _search_prices(attempts, share(ledger.problem, units, errors))
        _search_bounds(attempts, units, errors, whole)
    return attempts.best


class _Attempts:
    """Measures what would be cheaper than the best so far."""

    def __init__(self, ledger: Ledger, always: frozenset[str]) -> None:
        self.ledger, self.problem, self.always = ledger, ledger.problem, always
        self.best: frozenset[str] | None = None

    def accepts(self, high: frozenset[str]) -> bool:
        """Whether the plan is accepted. One that is no cheaper than the best need not be known: yes."""
        if self.best is not None and self.problem.cost(high) >= self.problem.cost(self.best):
            return True
        if accepted := self.ledger.accepts(high, "knapsack"):
            self.best = high
        return accepted


def _search_prices(attempts: _Attempts, penalties: Penalties) -> None:
    """Bisect the price on error, over its logarithm, for the lowest at which the cut is accepted."""
    positive = [error for error in penalties.values() if 0 < error < math.inf]
    prices = [attempts.problem.price(node) for node in attempts.problem.nodes]
    low, high = 1e-6 / math.fsum(positive), 10 * math.fsum(prices) / min(positive)
    for _ in range(2 * ROUNDS):
        if high <= low * (1 + RESOLUTION):
            break
        price = math.sqrt(low * high)
        weighed = {nodes: price * error for nodes, error in penalties.items()}
        passes = attempts.accepts(cheapest(attempts.problem, attempts.always, penalties=weighed))
        low, high = (low, price) if passes else (price, high)


def _search_bounds(attempts: _Attempts, units: Sequence[Unit], errors: Sequence[float], whole: float) -> None:
    """Bisect the bound around the errors that were accepted and refused, in terms of the sum."""
    total = math.fsum(error for error in errors if math.isfinite(error))
    accepted, refused = attempts.ledger.tolerance()
    good, bad = accepted * total / whole / MARGIN, min(refused * total / whole * MARGIN, total)
    for _ in range(ROUNDS):
        if bad - good <= RESOLUTION * bad:
            break
        bound = math.sqrt(good * bad) if 0 < good < bad / 4 else (good + bad) / 2
        passes = attempts.accepts(attempts.always | nodes_of(lower_within(units, errors, bound)))
        good, bad = (bound, bad) if passes else (good, bound)
    for factor in (1.0, *BEYOND):
        attempts.accepts(attempts.always | nodes_of(lower_within(units, errors, bad * factor)))


def lower_within(units: Sequence[Unit], errors: Sequence[float], bound: float) -> list[Unit]:
    """The units to keep high: the least cost such that the errors of the others sum to at most ``bound`` > 0.

    ``errors``: one per unit, ≥ 0; a unit whose error is beyond the bound is kept. O(len(units) · GRID).
    """
    steps = [round(error / bound * GRID) if error <= bound else GRID + 1 for error in errors]
    saved = np.zeros(GRID + 1)
    lowered = np.zeros((len(units), GRID + 1), dtype=bool)
    for row, (unit, step) in enumerate(zip(units, steps, strict=True)):
        with_it = np.full(GRID + 1, -1.0)
        with_it[step:] = saved[: max(0, GRID + 1 - step)] + unit.cost
        lowered[row] = with_it >= saved
        saved = np.maximum(saved, with_it)
    kept, room = [], GRID
    for row in reversed(range(len(units))):
        if lowered[row, room]:
            room -= steps[row]
        else:
            kept.append(units[row])
    return kept[::-1]


def share(problem: Problem, units: Sequence[Unit], errors: Sequence[float]) -> dict[tuple[str, ...], float]:
    """Split the errors of units into those of their own and those of tensors between two of them.

    A tensor is rounded when either side is low, once, so lowering the other side as well adds nothing. Where
    both sides alone make an error, the tensor between them is the simplest reason: it gets what they have in
    common, the largest first. Keys are the nodes that must all be high to be rid of the error.
    """
    owner = {node: i for i, unit in enumerate(units) for node in unit.nodes}
    left = [error if math.isfinite(error) else 0.0 for error in errors]
    pairs = {
        (owner[edge.producer], owner[consumer])
        for edge in problem.edges
        for consumer in edge.consumers
        if edge.producer in owner and consumer in owner and owner[edge.producer] != owner[consumer]
    }
    shares: dict[tuple[str, ...], float] = {}
    for one, other in sorted(pairs, key=lambda pair: (-min(left[pair[0]], left[pair[1]]), pair)):
        common = min(left[one], left[other])
        shares[units[one].nodes + units[other].nodes] = common
        left[one], left[other] = left[one] - common, left[other] - common
    own = {unit.nodes: rest for unit, rest in zip(units, left, strict=True)}
    kept = {unit.nodes: math.inf for unit, error in zip(units, errors, strict=True) if not math.isfinite(error)}
    return {**shares, **own, **kept}
