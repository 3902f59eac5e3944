"""Diffuse error: nothing stands out, so choose what to lower by what it saves for the error that it adds.

Independent errors add in energy, so a plan's error is the sum of its low units' errors, each measured alone.
Which units to keep high for the least cost so that the rest stays within a bound is a knapsack, solved over a
grid of errors by dynamic programming. The bound is not known in these units and the sum is a model, so the
bound itself is searched and each candidate measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Unit

GRID = 5000  # steps of the error axis; rounding to the nearest, so that the errors of many units cancel
ROUNDS = 24
RESOLUTION = 5e-3  # of the bound: finer than the sum is true
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
    best: list[Unit] | None = None

    def attempt(bound: float) -> bool:
        nonlocal best
        kept = lower_within(units, errors, bound)
        if best is not None and _cost(kept) >= _cost(best):
            return False
        accepted = ledger.accepts([*always, *kept], "knapsack")
        best = kept if accepted else best
        return accepted

    good, bad = _bracket(ledger, errors)
    for _ in range(ROUNDS):
        if bad - good <= RESOLUTION * bad:
            break
        bound = math.sqrt(good * bad) if 0 < good < bad / 4 else (good + bad) / 2
        good, bad = (bound, bad) if attempt(bound) else (good, bound)
    for factor in BEYOND:
        attempt(bad * factor)
    return None if best is None else [*always, *best]


def _bracket(ledger: Ledger, errors: Sequence[float]) -> tuple[float, float]:
    total = math.fsum(error for error in errors if math.isfinite(error))
    accepted, rejected = ledger.tolerance()
    return (accepted, min(rejected, total)) if accepted < min(rejected, total) else (0.0, total)


def _cost(units: Sequence[Unit]) -> float:
    return math.fsum(unit.cost for unit in units)
