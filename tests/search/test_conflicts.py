"""Culprits that only hurt together: the choice among them, against trying everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_oracle import Simulated, chain, cheapest_accepted, ledger_of, names

from trtflow.search import conflicts as conflicting
from trtflow.search.conflicts import choose
from trtflow.search.ledger import Ledger
from trtflow.search.problem import Edge, Problem, Unit, nodes_of
from trtflow.search.shrink import shrink


def kept_by(ledger: Ledger) -> list[Unit]:
    """A 1-minimal plan, found in the order of the graph."""
    return shrink(ledger, ledger.problem.units, ledger.problem.units)


def choice(oracle: Simulated, *kept: int) -> frozenset[str] | None:
    """What is chosen instead of ``kept``."""
    units = oracle.problem.units
    return choose(ledger_of(oracle), units, [units[i] for i in kept])


@pytest.mark.parametrize(
    ("costs", "conflicts", "kept", "chosen"),
    [
        ({0: 5.0, 1: 1.0}, [(0, 1)], (0,), {1}),
        ({0: 1.0, 1: 5.0}, [(0, 1)], (0,), None),  # the cheaper one is kept already
        ({0: 1.5, 1: 1.0, 2: 1.0}, [(0, 1), (0, 2)], (1, 2), {0}),  # one ends two conflicts for less
        ({0: 2.5, 1: 1.0, 2: 1.0}, [(0, 1), (0, 2)], (0,), {1, 2}),
        ({0: 5.0, 1: 3.0, 2: 1.0}, [(0, 1, 2)], (0,), {2}),
        ({0: 5.0}, [(0,)], (0,), None),  # guilty alone: nothing to choose
        ({0: 5.0, 1: 1.0, 3: 1.0}, [(0, 1), (3,)], (0, 3), {1, 3}),
    ],
)
def test_the_cheapest_set_that_ends_every_conflict_is_chosen(
    costs: dict[int, float], conflicts: list[tuple[int, ...]], kept: tuple[int, ...], chosen: set[int] | None
) -> None:
    oracle = Simulated(chain(5, costs), [names(*conflict) for conflict in conflicts])
    assert choice(oracle, *kept) == (None if chosen is None else names(*chosen))


def test_a_conflict_that_was_not_known_is_found_when_the_choice_is_refused() -> None:
    oracle = Simulated(chain(5, {0: 5.0, 1: 1.0, 2: 1.0, 3: 9.0}), [names(0, 1), names(0, 2, 3)])
    assert choice(oracle, 0) == names(1, 2)


def test_casts_count_in_the_choice() -> None:
    edges = tuple(Edge(f"n{i}", (f"n{i + 1}",), 0.5) for i in range(4))
    oracle = Simulated(chain(5, {0: 1.2, 2: 1.0}, edges=edges), [names(0, 2)])
    assert choice(oracle, 2) == names(0)  # it is dearer, but has one tensor to cast instead of two


def test_after_so_many_conflicts_the_choice_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Simulated(chain(5, {0: 5.0, 1: 1.0, 2: 1.0, 3: 9.0}), [names(0, 1), names(0, 2, 3)])
    monkeypatch.setattr(conflicting, "ROUNDS", 1)
    assert choice(oracle, 0) is None


def test_a_choice_that_takes_too_many_cuts_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conflicting, "CUTS", 1)
    assert choice(Simulated(chain(5, {0: 5.0, 1: 1.0}), [names(0, 1)]), 0) is None


@st.composite
def tangles(draw: st.DrawFn) -> Simulated:
    """Up to 7 nodes of different costs, and sets of them that hurt together."""
    count = draw(st.integers(2, 7))
    costs = draw(st.lists(st.integers(1, 9).map(float), min_size=count, max_size=count))
    sets = st.sets(st.integers(0, count - 1), min_size=1, max_size=3)
    problem: Problem = chain(count, dict(enumerate(costs)))
    return Simulated(problem, [names(*one) for one in draw(st.lists(sets, min_size=1, max_size=5))])


@settings(max_examples=80, deadline=None)
@given(tangles())
def test_the_choice_costs_what_the_exhaustive_optimum_costs(oracle: Simulated) -> None:
    ledger = ledger_of(oracle)
    kept = kept_by(ledger)
    chosen = choose(ledger, oracle.problem.units, kept)
    plan = nodes_of(kept) if chosen is None else chosen
    assert oracle.accepts(plan)
    assert oracle.problem.cost(plan) == pytest.approx(cheapest_accepted(oracle))
