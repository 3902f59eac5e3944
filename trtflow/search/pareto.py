"""Error against cost: every point a measured plan."""

from __future__ import annotations

import math
from collections.abc import Iterable

from trtflow.search.islands import cheapest
from trtflow.search.knapsack import lower_within
from trtflow.search.ledger import Evaluation, Ledger
from trtflow.search.problem import nodes_of
from trtflow.search.survey import alone


def front(evaluations: Iterable[Evaluation]) -> tuple[Evaluation, ...]:
    """Those measured on all samples that no other beats in both cost and error, by rising cost."""
    points: list[Evaluation] = []
    measured = (e for e in evaluations if e.kind == "full" and e.outcome.status == "measured")
    for entry in sorted(measured, key=lambda e: (e.cost, e.outcome.error)):
        if not points or entry.outcome.error < points[-1].outcome.error:
            points.append(entry)
    return tuple(points)


def sweep(ledger: Ledger, points: int) -> None:
    """Measure ``points`` plans that are cheapest for their error, the errors evenly spread in decibels.

    Costs one probe a unit besides: the error of each alone says which plans these are.
    """
    problem = ledger.problem
    errors = {unit.id: alone(ledger, [unit], "sensitivity").error for unit in problem.free}
    always = [unit for unit in problem.free if math.isinf(errors[unit.id])]
    units = [unit for unit in problem.free if 0 < errors[unit.id] < math.inf]
    harmful = [errors[unit.id] for unit in units]
    if not units:
        return
    least, total = min(harmful), math.fsum(harmful)
    for point in range(points):
        bound = total * (least / total) ** (point / points)
        kept = nodes_of(always) | nodes_of(lower_within(units, harmful, bound))
        ledger.measure(cheapest(problem, kept), "pareto")
