"""Diffuse error: nothing stands out, so choose what to lower by what it saves for the error that it adds.

Independent errors add in energy, so a plan's error is the sum of its low units' errors, each measured alone.
Which units to keep high for the least cost so that the rest stays within a bound is a knapsack, solved over a
grid of errors by dynamic programming. The bound is not known in these units and the sum is a model, so the
bound itself is searched and each candidate measured. The knapsack knows no casts; a minimum cut with a price on
error does (the Lagrangian of the same problem), so what it proposes within the bound found is measured too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trtflow.search.islands import cheapest
from trtflow.search.ledger import Ledger
from trtflow.search.problem import Problem, Unit, nodes_of

GRID = 5000  # steps of the error axis; rounding to the nearest, so that the errors of many units cancel
ROUNDS = 24
RESOLUTION = 5e-3  # of the bound: finer than the sum is true
PRICES = 24  # halvings of the price on error, over the logarithm
BEYOND = (1.02, 1.05, 1.1, 1.2)  # plans that the sum puts just beyond the bound are measured too: it is a model


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


def rescale(
    ledger: Ledger, units: Sequence[Unit], errors: Sequence[float], always: Sequence[Unit]
) -> list[Unit] | None:
    """The cheapest accepted plan that keeps ``always`` and a solution for some bound; None when none is accepted.

    The bound starts between the largest error that was accepted and the smallest that was not, and is bisected.
    """
    attempt = _Attempts(ledger, always)
    good, bad = _bracket(ledger, errors)
    if not bad > 0:
        return None
    for _ in range(ROUNDS):
        if bad - good <= RESOLUTION * bad:
            break
        bound = math.sqrt(good * bad) if 0 < good < bad / 4 else (good + bad) / 2
        passes = attempt.accepts(lower_within(units, errors, bound))
        good, bad = (bound, bad) if passes else (good, bound)
    for factor in (1.0, *BEYOND):
        attempt.accepts(lower_within(units, errors, bad * factor))
        attempt.accepts(cut_within(ledger.problem, units, errors, always, bad * factor))
    return attempt.best


class _Attempts:
    """Measures solutions that would be cheaper than the best so far."""

    def __init__(self, ledger: Ledger, always: Sequence[Unit]) -> None:
        self.ledger, self.always = ledger, list(always)
        self.best: list[Unit] | None = None

    def accepts(self, kept: Sequence[Unit]) -> bool:
        plan = self.always + list(kept)
        if self.best is not None and self._cost(plan) >= self._cost(self.best):
            return False
        accepted = self.ledger.accepts(plan, "knapsack")
        self.best = plan if accepted else self.best
        return accepted

    def _cost(self, plan: Sequence[Unit]) -> float:
        return self.ledger.problem.cost(nodes_of(plan))


def cut_within(
    problem: Problem, units: Sequence[Unit], errors: Sequence[float], always: Sequence[Unit], bound: float
) -> list[Unit]:
    """The units to keep high beside ``always`` for the lowest price on error at which the rest fits ``bound``."""
    low_price, high_price = 0.0, 1.0 / max(min((error for error in errors if error > 0), default=1.0), 1e-300)
    best = list(units)
    for _ in range(PRICES):
        price = math.sqrt(max(low_price, high_price * 1e-12) * high_price)
        penalties = {unit.nodes: price * error for unit, error in zip(units, errors, strict=True)}
        high = cheapest(problem, nodes_of(always), penalties=penalties)
        kept = [unit for unit in units if high.issuperset(unit.nodes)]
        rest = math.fsum(error for unit, error in zip(units, errors, strict=True) if not high.issuperset(unit.nodes))
        if rest <= bound:
            best, high_price = kept, price
        else:
            low_price = price
    return best


def _bracket(ledger: Ledger, errors: Sequence[float]) -> tuple[float, float]:
    total = math.fsum(error for error in errors if math.isfinite(error))
    accepted, rejected = ledger.tolerance()
    return (accepted, min(rejected, total)) if accepted < min(rejected, total) else (0.0, total)
