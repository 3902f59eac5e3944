"""Error against cost, each point measured."""

from __future__ import annotations

from simulated_oracle import Simulated, chain

from trtflow.search.ledger import Budget
from trtflow.search.run import search


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
