"""Error against cost, each point measured."""

from __future__ import annotations

import math
from typing import Any

import pytest
from simulated_oracle import Simulated, chain, ledger_of, names

from trtflow.plan import PrecisionPlan
from trtflow.search.ledger import Budget, Evaluation, Ledger
from trtflow.search.oracle import FAILED, Outcome
from trtflow.search.pareto import front, sweep
from trtflow.search.run import search


def point(index: int, cost: float, error: float, **more: Any) -> Evaluation:
    """A measured plan."""
    return Evaluation(index, "search", 0, cost, Outcome(True, 0.0, error), PrecisionPlan("fp16", {}), **more)


@pytest.mark.parametrize(
    ("points", "kept"),
    [
        ([], []),
        ([(1, 9), (2, 5), (3, 1)], [0, 1, 2]),
        ([(3, 1), (1, 9), (2, 5)], [1, 2, 0]),  # by rising cost
        ([(1, 5), (2, 5), (3, 6)], [0]),  # dearer for no less error
        ([(1, 5), (1, 4), (1, 6)], [1]),
        ([(1, math.inf), (2, 1)], [0, 1]),
    ],
)
def test_the_front_is_what_no_other_plan_beats_in_both(points: list[tuple[float, float]], kept: list[int]) -> None:
    found = front(point(i, cost, error) for i, (cost, error) in enumerate(points))
    assert [entry.index for entry in found] == kept


def test_probes_builds_and_failures_are_no_points() -> None:
    failed = Evaluation(2, "search", 0, 0.0, FAILED, PrecisionPlan("fp16", {}))
    others = [point(0, 0.0, 0.0, kind="probe"), point(1, 0.0, 0.0, kind="build"), failed]
    assert front([*others, point(3, 5.0, 5.0)]) == (point(3, 5.0, 5.0),)


def swept(oracle: Simulated, points: int) -> Ledger:
    """A ledger after a sweep."""
    ledger = ledger_of(oracle)
    sweep(ledger, points)
    return ledger


def test_a_sweep_costs_a_probe_a_unit_and_a_pass_a_point() -> None:
    problem = chain(12, {i: 1.0 + i for i in range(12)})
    ledger = swept(Simulated(problem, noise={f"n{i}": 0.1 * 2**i for i in range(12)}, share=0.25), 4)
    kinds = [entry.kind for entry in ledger.history]
    assert (kinds.count("probe"), kinds.count("full")) == (12, 4)


def test_what_breaks_alone_is_high_at_every_point() -> None:
    problem = chain(6)
    ledger = swept(Simulated(problem, [names(2)], {f"n{i}": 0.1 + i for i in range(6) if i != 2}), 3)
    points = [entry for entry in ledger.history if entry.phase == "pareto"]
    assert points
    assert all("n2" in entry.plan.nodes for entry in points)


def test_without_any_error_there_is_nothing_to_sweep() -> None:
    ledger = swept(Simulated(chain(3), [names(1)]), 5)
    assert {entry.phase for entry in ledger.history} == {"sensitivity"}


def test_asked_for_points_spread_over_the_error_and_each_is_measured_and_not_dominated() -> None:
    problem = chain(30, {i: 1.0 + i % 5 for i in range(30)})
    oracle = Simulated(problem, noise={f"n{i}": 0.01 * 1.3**i for i in range(30)})
    plain, asked = search(problem, oracle), search(problem, oracle, pareto=8)
    assert len(asked.front) > len(plain.front)
    errors = [point.outcome.error for point in asked.front]
    costs = [point.cost for point in asked.front]
    assert errors == sorted(errors, reverse=True)
    assert costs == sorted(costs)


def test_points_count_against_the_budget() -> None:
    problem = chain(30)
    oracle = Simulated(problem, noise={f"n{i}": 0.1 for i in range(30)})
    assert search(problem, oracle, pareto=50, budget=Budget(evaluations=40)).passes <= 41
