"""The cheapest plan around pinned nodes is what trying everything finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_oracle import chain, names, subsets

from trtflow.search.islands import Penalties, cheapest
from trtflow.search.problem import Edge, Problem

COUNT = 7
NODES = [f"n{i}" for i in range(COUNT)]
prices = st.integers(0, 9).map(lambda tenths: tenths / 10)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Seven nodes of any prices, and tensors between them and to the ends of the graph."""
    end = st.sampled_from([*NODES, None, "elsewhere"])
    edge = st.builds(Edge, end, st.lists(end, min_size=1, max_size=3).map(tuple), prices)
    costs = draw(st.lists(prices, min_size=COUNT, max_size=COUNT))
    return chain(
        COUNT,
        dict(enumerate(costs)),
        edges=draw(st.lists(edge, max_size=8).map(tuple)),
        forced=draw(st.frozensets(st.sampled_from(NODES), max_size=1)),
    )


@settings(max_examples=60, deadline=None)
@given(problems(), st.frozensets(st.integers(0, 2), max_size=2), st.frozensets(st.integers(3, 6), max_size=2))
def test_the_cheapest_superset_is_the_exhaustive_one_and_of_several_the_smallest(
    problem: Problem, high: frozenset[int], low: frozenset[int]
) -> None:
    pinned, lowered = names(*high) | problem.forced, names(*low) - problem.forced
    found = cheapest(problem, names(*high), lowered)
    possible = [pinned | some for some in subsets(problem.nodes - pinned - lowered)]
    best = min(map(problem.cost, possible))
    assert pinned <= found
    assert found.isdisjoint(lowered)
    assert problem.cost(found) == pytest.approx(best)
    assert len(found) == min(len(some) for some in possible if problem.cost(some) <= best + 1e-9)


penalties_of = st.dictionaries(
    st.lists(st.sampled_from(NODES), min_size=1, max_size=3, unique=True).map(tuple), prices, max_size=4
)


@settings(max_examples=60, deadline=None)
@given(problems(), penalties_of)
def test_penalties_weigh_against_the_cost_of_raising(problem: Problem, penalties: Penalties) -> None:
    def total(high: frozenset[str]) -> float:
        return problem.cost(high) + sum(price for nodes, price in penalties.items() if not high.issuperset(nodes))

    best = min(total(some | problem.forced) for some in subsets(problem.nodes - problem.forced))
    assert total(cheapest(problem, (), penalties=penalties)) == pytest.approx(best)


@pytest.mark.parametrize(
    ("between", "cast", "island"),
    [
        (0.05, 0.2, {2, 3, 4}),  # two slivers and the node between them
        (0.50, 0.2, {2, 4}),
        (0.40, 0.2, {2, 4}),  # at equal cost the smaller one
        (0.30, 0.2, {2, 3, 4}),
    ],
)
def test_what_lies_between_is_raised_where_that_is_cheaper_than_its_casts(
    between: float, cast: float, island: set[int]
) -> None:
    edges = tuple(Edge(f"n{i}", (f"n{i + 1}",), cast) for i in range(COUNT - 1))
    problem = chain(COUNT, dict.fromkeys(range(COUNT), 1.0) | {3: between}, edges=edges)
    assert cheapest(problem, names(2, 4)) == names(*island)


def test_a_tensor_that_several_consumers_read_is_cast_once() -> None:
    problem = chain(4, edges=(Edge("n0", ("n1", "n2", "n3"), 0.5),))
    assert problem.cost(names(1, 2)) == pytest.approx(0.5 + 0.5)


ties = st.lists(st.frozensets(st.sampled_from(NODES), min_size=1, max_size=3), max_size=2)


@settings(max_examples=60, deadline=None)
@given(problems(), ties, st.frozensets(st.integers(0, 6), max_size=2))
def test_what_is_tied_is_high_together(problem: Problem, groups: list[frozenset[str]], high: frozenset[int]) -> None:
    taken = set(groups[0]) if groups else set()
    disjoint = tuple(group for group in (*groups[:1], *(group - taken for group in groups[1:])) if group)
    pinned = names(*high) | problem.forced
    found = cheapest(replace(problem, tied=disjoint), pinned)
    possible = [pinned | some for some in subsets(problem.nodes - pinned)]
    whole = [some for some in possible if all(group <= some or group.isdisjoint(some) for group in disjoint)]
    assert found in whole
    assert problem.cost(found) == pytest.approx(min(map(problem.cost, whole)))
