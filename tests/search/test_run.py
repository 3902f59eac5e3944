"""The search as a whole, on oracles with a known truth."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from simulated_oracle import Simulated, chain, names

from trtflow.plan import PrecisionPlan
from trtflow.search.ledger import Budget, Evaluation
from trtflow.search.oracle import Outcome
from trtflow.search.run import STRATEGIES, search


def culprits(*indices: int) -> list[frozenset[str]]:
    return [names(i) for i in indices]


@pytest.mark.parametrize(
    ("count", "planted", "bound"),
    [
        (23, (4,), 5),
        (121, (60,), 5),
        (121, (3, 60, 110), 8),
        (121, tuple(range(0, 120, 15)), 13),
        (601, (5, 300, 595), 8),
    ],
)
def test_culprits_that_the_priors_know_are_found_exactly_in_a_few_evaluations(
    count: int, planted: tuple[int, ...], bound: int
) -> None:
    problem = chain(count, priors=dict.fromkeys(names(*planted), math.inf))
    result = search(problem, Simulated(problem, culprits(*planted)))
    assert (result.plan.nodes.keys(), result.minimal) == (set(names(*planted)), True)
    assert len(result.evaluations) <= bound


def test_low_precision_that_is_accepted_keeps_nothing() -> None:
    problem = chain(5)
    result = search(problem, Simulated(problem))
    assert (dict(result.plan.nodes), result.accepted, len(result.evaluations)) == ({}, True, 2)


def test_a_model_that_fails_in_high_precision_says_that_precision_is_not_the_cause() -> None:
    problem = chain(5)
    result = search(problem, Simulated(problem, [frozenset()]))
    assert (result.accepted, result.floor) == (False, math.inf)
    assert "precision is not the cause" in result.reason


def test_forced_nodes_stay_high_without_being_searched() -> None:
    problem = chain(6, forced=names(2))
    result = search(problem, Simulated(problem, culprits(2, 4)))
    assert set(result.plan.nodes) == names(2, 4)


def test_a_spent_budget_returns_the_best_accepted_plan_so_far() -> None:
    problem = chain(64)
    oracle = Simulated(problem, culprits(9, 40))
    result = search(problem, oracle, budget=Budget(evaluations=8))
    assert len(result.evaluations) <= 9
    assert result.accepted
    assert oracle.accepts(result.plan.nodes)
    assert "budget" in result.reason


def test_every_entry_marked_best_is_accepted_and_cheaper_than_the_one_before() -> None:
    problem = chain(64)
    seen: list[Evaluation] = []
    search(problem, Simulated(problem, culprits(9, 40)), on_evaluation=seen.append)
    best = [entry for entry in seen if entry.best]
    assert all(entry.outcome.accepted for entry in best)
    assert [entry.cost for entry in best] == sorted((entry.cost for entry in best), reverse=True)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_every_strategy_by_name_ends_in_an_accepted_plan(strategy: str) -> None:
    problem = chain(20)
    oracle = Simulated(problem, culprits(3, 11))
    result = search(problem, oracle, strategy=strategy)
    assert result.accepted
    assert oracle.accepts(result.plan.nodes)


def test_a_margin_within_the_metrics_own_noise_is_said() -> None:
    problem = chain(8)

    class Noisy(Simulated):
        def evaluate(self, plan: PrecisionPlan) -> Outcome:
            return replace(super().evaluate(plan), noise=0.5)

    assert "own noise" in search(problem, Noisy(problem, noise={"n1": 0.9})).reason
    assert "own noise" not in search(problem, Noisy(problem, noise={"n1": 0.2})).reason
