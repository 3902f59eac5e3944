"""What a search has shown of each kept node, by its own books, and the sentence that says it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_oracle import Simulated, chain, culprits, names

from trtflow.plan import PrecisionPlan
from trtflow.search.ledger import Budget, Evaluation, Kind
from trtflow.search.oracle import FAILED, Outcome
from trtflow.search.problem import Edge
from trtflow.search.run import search
from trtflow.search.shown import Shown, refused_plans, sentence, shown

DEAR = tuple(Edge(f"n{i}", (f"n{i + 1}",), 0.2) for i in range(8))

PROVEN = {
    "all but one were not enough": (names(2, 4), [names(2)], None, names(4)),
    "even more without it were not enough": (names(2, 4), [names(2, 3, 5)], None, names(4)),
    "two were missing": (names(2, 4), [names()], None, names()),
    "the only one": (names(2), [names()], None, names(2)),
    "shown before its neighbours were raised": (names(2, 3, 4), [names(2), names(4)], names(3), names(2, 4)),
    "raised for Casts, though beside others it counts": (names(2, 3), [names(2)], names(3), names()),
    "nothing was refused": (names(2), [], None, names()),
}


@pytest.mark.parametrize(("kept", "refused", "islands", "needed"), PROVEN.values(), ids=PROVEN)
def test_a_node_is_needed_where_a_plan_that_lacks_it_was_refused(
    kept: frozenset[str], refused: list[frozenset[str]], islands: frozenset[str] | None, needed: frozenset[str]
) -> None:
    assert shown(chain(8), kept, refused, islands).needed == needed


def test_a_forced_node_is_neither_needed_nor_there_for_its_casts() -> None:
    problem = chain(9, edges=DEAR, forced=names(3))
    assert shown(problem, names(2, 3, 4), [names(2, 4)], names(3)) == Shown()


def test_a_node_between_kept_ones_is_there_for_its_casts_where_nothing_shows_that_it_is_needed() -> None:
    problem = chain(9, edges=DEAR)
    assert shown(problem, names(2, 3, 4), []) == Shown(merged=names(3))
    assert shown(problem, names(2, 3, 4), [names(2, 4)]) == Shown(needed=names(3))


def entry(outcome: Outcome, kind: Kind = "full") -> Evaluation:
    return Evaluation(0, "shrink", 1, 0.1, outcome, PrecisionPlan("fp16", {"n1": "fp32"}), kind)


REFUSED = {
    "refused": (entry(Outcome(False, -1.0, 2.0)), True),
    "accepted": (entry(Outcome(True, 1.0, 0.5)), False),
    "not built": (entry(FAILED), False),
    "a probe that is not finite": (entry(Outcome(False, -math.inf, math.inf), "probe"), True),
    "a probe that is worse": (entry(Outcome(False, -1.0, 2.0), "probe"), False),
    "refused by an engine": (entry(Outcome(False, -1.0, 2.0), "build"), True),
}


@pytest.mark.parametrize(("measured", "counts"), REFUSED.values(), ids=REFUSED)
def test_only_what_was_measured_on_all_samples_or_is_not_finite_is_a_refusal(
    measured: Evaluation, counts: bool
) -> None:
    assert refused_plans([measured]) == ([frozenset({"n1"})] if counts else [])


@given(st.sets(st.integers(0, 15), max_size=4), st.sets(st.integers(0, 15), max_size=3))
def test_whatever_is_planted_exactly_the_culprits_that_were_not_forced_are_needed(
    planted: set[int], forced: set[int]
) -> None:
    problem = chain(16, forced=names(*forced))
    result = search(problem, Simulated(problem, culprits(*planted)))
    assert result.shown == Shown(names(*planted - forced))


SENTENCES = {
    "nothing": (names(), Shown(), names(), False, "0 nodes in fp32 are enough, and each is needed"),
    "one": (names(1), Shown(names(1)), names(), False, "1 node in fp32 is enough, and each is needed"),
    "one unproven": (names(1), Shown(), names(), False, "1 node in fp32 is enough: 1 not shown to be needed"),
    "all kinds": (
        names(1, 2, 3, 4),
        Shown(names(1), names(3)),
        names(2),
        False,
        "4 nodes in fp32 are enough: 1 needed, 1 that cannot be fp16, 1 because Casts would cost more, "
        "1 not shown to be needed",
    ),
    "low is accepted": (names(), Shown(), names(), True, "fp16 alone is accepted"),
    "low is accepted, Casts": (
        names(1),
        Shown(),
        names(),
        True,
        "fp16 alone is accepted; 1 node stays in fp32 because the Casts around it would cost more",
    ),
    "low is accepted, forced": (
        names(1, 2),
        Shown(),
        names(1, 2),
        True,
        "fp16 is accepted wherever it can be; 2 nodes cannot",
    ),
    "low is accepted, forced and Casts": (
        names(1, 2, 3),
        Shown(),
        names(1),
        True,
        "fp16 is accepted wherever it can be; 1 node cannot, "
        "2 more stay in fp32 because the Casts around them would cost more",
    ),
}


@pytest.mark.parametrize(("kept", "found", "forced", "low", "said"), SENTENCES.values(), ids=SENTENCES)
def test_the_sentence_claims_no_more_than_was_shown(
    kept: frozenset[str], found: Shown, forced: frozenset[str], low: bool, said: str
) -> None:
    assert sentence(chain(8, forced=forced), kept, found, low_accepted=low) == said


def test_where_low_is_accepted_and_casts_are_dear_nothing_is_needed() -> None:
    edges = (Edge(None, ("n0",), 1.0), Edge("n0", (None,), 1.0))
    problem = replace(chain(1, edges=edges), node_costs={"n0": 0.1})
    result = search(problem, Simulated(problem))
    assert (set(result.plan.nodes), result.shown) == (names(0), Shown(merged=names(0)))
    assert result.reason == (
        "fp16 alone is accepted; 1 node stays in fp32 because the Casts around it would cost more"
    )


def test_a_budget_that_ended_the_search_leaves_nodes_that_are_not_shown_to_be_needed() -> None:
    problem = chain(64)
    result = search(problem, Simulated(problem, culprits(9, 40)), budget=Budget(evaluations=2))
    assert (len(result.plan.nodes), result.shown) == (64, Shown())


def test_what_was_not_accepted_shows_nothing() -> None:
    problem = chain(5)
    assert search(problem, Simulated(problem, [frozenset()])).shown == Shown()


def test_what_an_engine_raises_is_needed_as_far_as_the_engine_refused_less() -> None:
    problem = chain(12)
    engine = Simulated(problem, culprits(3, 8))
    result = search(problem, Simulated(problem, culprits(3)), confirm=engine)
    assert (set(result.plan.nodes), result.shown.needed) == (names(3, 8), names(3, 8))
