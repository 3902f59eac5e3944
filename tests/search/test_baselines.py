"""The baselines do what their tools do, weaknesses included."""

from __future__ import annotations

import pytest
from simulated_oracle import Simulated, chain, names

from trtflow.search.run import search


@pytest.mark.parametrize(
    ("strategy", "kept", "evaluations"),
    [
        ("bisect", 91, 8),
        ("bisect-reverse", 111, 8),
        ("linear", 91, 92),
        ("linear-reverse", 111, 112),
        ("revert-one", 91, 214),
        ("alone-low-binary", 2, 130),
        ("ddmin", 2, 70),
    ],
)
def test_two_overflows_in_121_nodes(strategy: str, kept: int, evaluations: int) -> None:
    problem = chain(121)
    result = search(problem, Simulated(problem, [names(10), names(90)]), strategy=strategy)
    assert len(result.plan.nodes) == kept
    assert len(result.evaluations) <= evaluations + 1


def test_a_bisection_sees_only_prefixes_and_a_reversed_one_only_suffixes() -> None:
    problem = chain(8)
    found = {
        strategy: set(search(problem, Simulated(problem, [names(2)]), strategy=strategy).plan.nodes)
        for strategy in ("bisect", "bisect-reverse", "linear", "linear-reverse")
    }
    first, last = set(names(0, 1, 2)), set(names(2, 3, 4, 5, 6, 7))
    assert found == {"bisect": first, "bisect-reverse": last, "linear": first, "linear-reverse": last}


def test_a_ranking_by_raising_one_unit_is_blind_where_two_overflow() -> None:
    problem = chain(8)
    alone = search(problem, Simulated(problem, [names(6)]), strategy="revert-one")
    both = search(problem, Simulated(problem, [names(6), names(7)]), strategy="revert-one")
    assert set(alone.plan.nodes) == names(6)
    assert set(both.plan.nodes) == problem.nodes  # in the order of the graph, so everything


def test_a_ranking_by_lowering_one_unit_finds_both() -> None:
    problem = chain(8)
    result = search(problem, Simulated(problem, [names(6), names(7)]), strategy="alone-low-binary")
    assert set(result.plan.nodes) == names(6, 7)


@pytest.mark.parametrize("strategy", ["bisect", "linear", "revert-one", "alone-low-binary", "ddmin"])
def test_no_strategy_is_asked_where_low_precision_is_accepted(strategy: str) -> None:
    problem = chain(8)
    result = search(problem, Simulated(problem), strategy=strategy)
    assert (dict(result.plan.nodes), len(result.evaluations)) == ({}, 2)
