"""From accepted to 1-minimal, and how many evaluations that takes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_oracle import Simulated, chain, ledger_of, names

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Edge, Problem, Unit, nodes_of
from trtflow.search.shrink import gallop, is_minimal, saves, settle, shrink, without


def needing(problem: Problem, *indices: int, **more: object) -> Ledger:
    """A ledger of a search in which these nodes must be high."""
    return ledger_of(Simulated(problem, [names(i) for i in indices], **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("planted", "length", "evaluations"),
    [((0,), 1, 1), ((1,), 2, 2), ((0, 4), 5, 6), ((9,), 10, 8), ((63,), 64, 12)],
)
def test_galloping_finds_the_shortest_start_that_is_enough(
    planted: tuple[int, ...], length: int, evaluations: int
) -> None:
    problem = chain(64)
    ledger = needing(problem, *planted)
    assert gallop(ledger, [], problem.units) == length
    assert len(ledger.history) <= evaluations


def test_galloping_ends_where_no_number_is_enough() -> None:
    problem = chain(8)
    assert gallop(needing(problem, 7), [], problem.units[:6]) is None
    assert gallop(needing(problem, 7), problem.units[7:], problem.units[:6]) == 1


def test_a_start_that_cannot_be_built_is_passed_over() -> None:
    problem = chain(8)
    ledger = needing(problem, 1, fails=lambda low: len(low) == 6)
    assert gallop(ledger, [], problem.units) == 3


@pytest.mark.parametrize("size", [1, 4, 64])
@pytest.mark.parametrize("planted", [(), (0,), (3, 40), (62, 63)])
def test_shrinking_leaves_exactly_what_is_needed(planted: tuple[int, ...], size: int) -> None:
    problem = chain(64)
    ledger = needing(problem, *planted)
    assert nodes_of(shrink(ledger, problem.units, problem.units, size)) == names(*planted)


def test_a_set_that_is_far_from_minimal_costs_the_logarithm() -> None:
    problem = chain(256)
    ledger = needing(problem, 100)
    shrink(ledger, problem.units, problem.units)
    assert len(ledger.history) <= 30


def test_what_is_not_in_the_order_is_left_as_it_is() -> None:
    problem = chain(6)
    kept = shrink(needing(problem, 1), problem.units, problem.units[:3])
    assert nodes_of(kept) == names(1, 3, 4, 5)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda count: st.tuples(
            st.just(count), st.lists(st.sets(st.integers(0, count - 1), min_size=1, max_size=3), max_size=4)
        )
    ),
    st.integers(1, 8),
)
def test_what_is_left_is_accepted_and_1_minimal_whatever_hurts_together(
    case: tuple[int, list[set[int]]], size: int
) -> None:
    count, conflicts = case
    oracle = Simulated(chain(count), [names(*conflict) for conflict in conflicts])
    ledger = ledger_of(oracle)
    kept = shrink(ledger, oracle.problem.units, oracle.problem.units, size)
    assert oracle.accepts(nodes_of(kept))
    assert not any(oracle.accepts(nodes_of(without(kept, [unit]))) for unit in kept)
    assert is_minimal(ledger, kept)


def test_settling_asks_again_where_error_is_not_monotone() -> None:
    """n0 is needed beside n1 and not without it."""
    problem = chain(3)
    oracle = Simulated(problem, noise={"n0": 2.0}, cures=[("n0", "n1")])
    assert nodes_of(settle(ledger_of(oracle), problem.units)) == frozenset()


def test_settling_keeps_what_would_cost_more_to_lower() -> None:
    problem = chain(3, {1: 0.1}, edges=(Edge("n0", ("n1",), 0.2), Edge("n1", ("n2",), 0.2)))
    ledger = needing(problem, 0, 2)
    assert nodes_of(settle(ledger, problem.units)) == names(0, 1, 2)
    assert saves(ledger, problem.units, problem.units[:1])
    assert not saves(ledger, problem.units, [problem.units[0], problem.units[2]])


def test_only_the_units_that_are_asked_about_are_settled() -> None:
    problem = chain(4)
    assert nodes_of(settle(needing(problem), problem.units, problem.units[:2])) == names(2, 3)


@pytest.mark.parametrize(
    ("measured", "minimal"),
    [
        ([], False),  # nobody knows
        ([(0,), (1,)], True),
        ([(0,)], False),
    ],
)
def test_a_set_is_minimal_only_when_each_lesser_one_was_refused(
    measured: list[tuple[int, ...]], minimal: bool
) -> None:
    problem = chain(3)
    ledger = needing(problem, 0, 1)
    for indices in measured:
        ledger.measure(names(*indices), "shrink")
    assert is_minimal(ledger, problem.units[:2]) == minimal


def test_a_lesser_set_that_could_not_be_built_leaves_minimality_open() -> None:
    problem = chain(2)
    ledger = needing(problem, 0, 1, fails=lambda low: len(low) == 1)
    ledger.measure(names(0), "shrink")
    ledger.measure(names(1), "shrink")
    assert not is_minimal(ledger, problem.units)


def test_a_wrong_plan_is_known_by_its_probe() -> None:
    problem = chain(8)
    oracle = Simulated(problem, [names(3)], share=0.25)
    ledger = ledger_of(oracle)
    assert math.isinf(ledger.measure(frozenset(), "ends").error)
    shrink(ledger, problem.units, problem.units)
    assert "probe" in {entry.kind for entry in ledger.history}


def test_units_are_told_apart_by_number() -> None:
    units = [Unit(0, ("a",)), Unit(1, ("a",)), Unit(2, ("b",))]
    assert without(units, [units[1]]) == [units[0], units[2]]
    assert without(units, []) == units
