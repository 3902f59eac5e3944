"""The search as a whole, on oracles with a known truth."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from simulated_oracle import Simulated, chain, culprits, names

from trtflow.plan import PrecisionPlan
from trtflow.search.ledger import Budget, Evaluation
from trtflow.search.oracle import Outcome
from trtflow.search.run import STRATEGIES, search


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


@pytest.mark.parametrize(
    ("oracle", "budget", "reason"),
    [
        (Simulated(chain(5)), None, "fp16 alone is accepted"),
        (Simulated(chain(5), culprits(2)), None, "1 node in fp32 is enough, and each is needed"),
        (Simulated(chain(5), culprits(2, 4)), None, "2 nodes in fp32 are enough, and each is needed"),
        (
            Simulated(chain(64), culprits(9, 40)),
            Budget(evaluations=2),
            "the budget ended the search; 64 nodes in fp32 is the cheapest accepted plan so far",
        ),
        (
            Simulated(chain(5), [frozenset()]),
            None,
            "even everything in fp32 is not accepted (margin -inf): precision is not the cause",
        ),
        (
            Simulated(chain(5), culprits(2), fails=lambda low: True),
            None,
            "the plan with everything in fp32 could not be built, nor was another plan accepted",
        ),
    ],
)
def test_what_came_of_a_search_is_one_sentence(oracle: Simulated, budget: Budget | None, reason: str) -> None:
    assert search(oracle.problem, oracle, budget=budget).reason == reason


def test_an_unknown_strategy_is_an_error_of_the_caller() -> None:
    problem = chain(2)
    with pytest.raises(KeyError, match="guess"):
        search(problem, Simulated(problem), strategy="guess")


def test_accepted_plans_come_by_rising_cost_and_begin_with_the_answer() -> None:
    problem = chain(16)
    result = search(problem, Simulated(problem, culprits(3, 11)))
    costs = [entry.cost for entry in result.accepted_plans]
    assert costs == sorted(costs)
    assert result.accepted_plans[0].plan == result.plan
    assert all(entry.outcome.accepted and entry.kind == "full" for entry in result.accepted_plans)


def test_passes_leave_builds_out_and_count_probes_by_their_share() -> None:
    problem = chain(16)
    oracle = Simulated(problem, culprits(3), share=0.25)
    result = search(problem, oracle, confirm=Simulated(problem, culprits(3)))
    kinds = [entry.kind for entry in result.evaluations]
    assert result.passes == kinds.count("full") + 0.25 * kinds.count("probe")
    assert result.builds == kinds.count("build") == 3
    assert all(entry.kind == "build" for entry in result.accepted_plans)
