"""Two oracles: the emulator proposes; an engine that disagrees in a known way is diagnosed and the plan repaired."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from simulated_oracle import Simulated, chain, culprits, names

from trtflow.search.confirm import MEANING, Confirmation, Verdict, explain
from trtflow.search.ledger import Budget
from trtflow.search.oracle import FAILED, Outcome
from trtflow.search.problem import Edge, Problem
from trtflow.search.run import SearchResult, search


def confirmed(
    problem: Problem, engine: Simulated, planted: tuple[int, ...], builds: int | None = None
) -> SearchResult:
    return search(problem, Simulated(problem, culprits(*planted)), confirm=engine, budget=Budget(builds=builds))


def verdict(result: SearchResult) -> str:
    assert result.confirmation is not None
    return result.confirmation.verdict


def test_an_engine_that_agrees_is_built_once_beyond_the_two_ends() -> None:
    problem = chain(121)
    result = confirmed(problem, Simulated(problem, culprits(3, 60)), (3, 60))
    assert (result.builds, verdict(result), set(result.plan.nodes)) == (3, "agree", names(3, 60))
    assert (result.accepted, result.minimal) == (True, True)


def test_one_extra_culprit_of_the_engine_is_found_and_raised() -> None:
    problem = chain(121)
    result = confirmed(problem, Simulated(problem, culprits(3, 60, 90)), (3, 60))
    assert (verdict(result), set(result.plan.nodes)) == ("engine-stricter", names(3, 60, 90))
    assert result.accepted
    assert result.builds <= 24
    assert "1 more node raised" in result.reason


def test_an_extra_culprit_that_the_priors_suspect_costs_three_more_builds() -> None:
    problem = chain(121, priors={"n90": 1.0})
    result = confirmed(problem, Simulated(problem, culprits(3, 60, 90)), (3, 60))
    assert (result.builds, set(result.plan.nodes)) == (4, names(3, 60, 90))


def test_an_engine_that_accepts_all_low_keeps_nothing_and_says_that_it_depends_on_fusion() -> None:
    problem = chain(121)
    result = confirmed(problem, Simulated(problem), (3, 60))
    assert (verdict(result), dict(result.plan.nodes), result.builds) == ("engine-laxer", {}, 1)
    assert "fuses" in result.reason


def test_a_fused_unit_that_is_harmless_goes_low_when_the_user_gives_builds() -> None:
    problem = chain(121)
    result = confirmed(problem, Simulated(problem, culprits(3)), (3, 60), builds=8)
    assert set(result.plan.nodes) == names(3)
    assert result.builds <= 8


def test_an_engine_refused_in_high_precision_is_no_matter_of_precision() -> None:
    problem = chain(9)
    result = confirmed(problem, Simulated(problem, [frozenset()]), (3,))
    assert (verdict(result), result.accepted, result.floor) == ("not-precision", False, math.inf)


@pytest.mark.parametrize("said", ["not-precision", "engine-stricter"])
def test_a_refusal_of_what_the_engine_does_not_honour_says_nothing_of_precision(said: Verdict) -> None:
    refused = replace(FAILED, status="measured", unheeded=("n1", "n2"))
    found = Confirmation(said, refused, refused, refused, None)
    assert found.meaning == (
        "the engine refuses a plan that it does not honour (R25, at n1, n2): that says nothing about precision"
    )
    assert "R25" not in replace(found, proposal=replace(refused, unheeded=())).meaning


def test_a_proposal_that_cannot_be_built_is_repaired_by_its_neighbours() -> None:
    problem = chain(32, priors={"n8": 1.0})
    engine = Simulated(problem, culprits(7), fails=lambda low: "n8" in low and "n7" not in low)
    result = confirmed(problem, engine, (7,))
    assert (verdict(result), set(result.plan.nodes)) == ("build-failed", names(7, 8))
    assert result.accepted


def test_fp32_is_no_answer_where_only_it_can_be_built() -> None:
    problem = chain(32)
    result = confirmed(problem, Simulated(problem, culprits(7), fails=bool), (7,))
    assert (verdict(result), set(result.plan.nodes)) == ("build-failed", names(7))
    assert (result.accepted, result.minimal) == (False, False)
    assert result.reason.endswith("no plan is confirmed")


def test_fp32_is_no_answer_where_the_proposal_is_refused_and_nothing_between_can_be_built() -> None:
    problem = chain(32)
    engine = Simulated(problem, culprits(7, 9), fails=lambda low: 0 < len(low) < 31)
    result = confirmed(problem, engine, (7,))
    assert (verdict(result), set(result.plan.nodes), result.accepted) == ("engine-stricter", names(7), False)


def test_fp32_is_the_answer_where_the_engine_refuses_whatever_has_less() -> None:
    problem = chain(8)
    result = confirmed(problem, Simulated(problem, culprits(*range(8))), (3,))
    assert (verdict(result), set(result.plan.nodes), result.accepted) == ("engine-stricter", set(problem.nodes), True)


def test_where_nothing_can_be_built_the_proposal_stays_and_is_not_accepted() -> None:
    problem = chain(8)
    result = confirmed(problem, Simulated(problem, fails=lambda low: True), (3,))
    assert (verdict(result), set(result.plan.nodes), result.accepted) == ("build-failed", names(3), False)


def test_an_engine_is_asked_also_where_the_emulator_accepts_nothing() -> None:
    problem = chain(8)
    result = search(problem, Simulated(problem, [frozenset()]), confirm=Simulated(problem, culprits(3)))
    assert (verdict(result), set(result.plan.nodes), result.accepted) == ("agree", set(problem.nodes), True)


def test_builds_stay_within_their_budget_and_the_end_that_is_accepted_remains() -> None:
    problem = chain(121)
    result = confirmed(problem, Simulated(problem, culprits(3, 60, 90, 117)), (3, 60), builds=5)
    assert result.builds <= 5
    assert result.accepted


def test_of_equal_suspects_the_one_beside_what_is_kept_is_raised_first() -> None:
    """Node 61 reads what the kept node 60 writes; alone-low errors and priors say nothing."""
    problem = chain(121, edges=(Edge("n60", ("n61",), 0.0),))
    beside = confirmed(problem, Simulated(problem, culprits(60, 61)), (60,))
    assert (set(beside.plan.nodes), beside.builds) == (names(60, 61), 4)


def test_nothing_to_keep_and_an_engine_that_agrees_is_one_build() -> None:
    problem = chain(9)
    result = confirmed(problem, Simulated(problem), ())
    assert (verdict(result), result.builds, dict(result.plan.nodes)) == ("agree", 1, {})


def test_a_repair_that_costs_more_builds_than_there_are_leaves_the_best_that_was_built() -> None:
    problem = chain(121)
    result = confirmed(problem, Simulated(problem, culprits(3, 60, 90)), (3, 60), builds=3)
    assert (verdict(result), result.accepted, set(result.plan.nodes)) == ("engine-stricter", True, set(problem.nodes))


OUTCOME = Outcome(True, 0.0, 0.0)


@pytest.mark.parametrize(
    ("said", "kept", "end"),
    [
        ("agree", names(1), ""),
        ("agree", names(1, 2), ""),
        ("engine-stricter", names(1, 2), "; 1 more node raised, which the engine accepts"),
        ("engine-stricter", names(1, 2, 3), "; 2 more nodes raised, which the engine accepts"),
        ("engine-stricter", None, "; no plan is confirmed"),
        ("build-failed", None, "; no plan is confirmed"),
        ("build-failed", names(1, 2), "; 1 more node raised, which the engine accepts"),
        ("engine-laxer", frozenset(), ""),
        ("not-precision", None, ""),
    ],
)
def test_what_was_said_and_raised_is_one_sentence(said: Verdict, kept: frozenset[str] | None, end: str) -> None:
    confirmation = Confirmation(said, FAILED, None, OUTCOME, kept)
    assert explain(confirmation, names(1)) == confirmation.meaning + end == MEANING[said] + end
