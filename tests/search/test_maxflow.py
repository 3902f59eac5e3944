"""Minimum cuts, against trying every side."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trtflow.search.maxflow import Network

Arc = tuple[int, int, float]


def network(inner: int, arcs: list[Arc]) -> Network:
    """A network of ``inner`` vertices besides source (0) and sink (1)."""
    made = Network()
    for _ in range(inner):
        made.vertex()
    for tail, head, capacity in arcs:
        made.arc(tail, head, capacity)
    return made


def capacity(arcs: list[Arc], side: set[int]) -> float:
    """What leaves ``side``."""
    return math.fsum(room for tail, head, room in arcs if tail in side and head not in side)


def sides(inner: int) -> list[set[int]]:
    """Every choice of vertices on the source's side."""
    vertices = range(2, inner + 2)
    chosen = itertools.chain.from_iterable(itertools.combinations(vertices, size) for size in range(inner + 1))
    return [{Network.source, *some} for some in chosen]


@st.composite
def networks(draw: st.DrawFn) -> tuple[int, list[Arc]]:
    """Up to 5 inner vertices, and arcs of whole capacities, infinite ones among them but none to the sink."""
    inner = draw(st.integers(0, 5))
    vertex = st.integers(0, inner + 1)
    finite = st.tuples(vertex, vertex, st.integers(0, 9).map(float))
    endless = st.tuples(vertex, st.integers(2, inner + 1), st.just(math.inf)) if inner else finite
    return inner, draw(st.lists(st.one_of(finite, finite, endless), max_size=16))


@settings(max_examples=200, deadline=None)
@given(networks())
def test_a_cut_is_the_least_and_of_several_the_smallest(case: tuple[int, list[Arc]]) -> None:
    inner, arcs = case
    found = network(inner, arcs).cut()
    least = min(capacity(arcs, side) for side in sides(inner))
    smallest = set.intersection(*(side for side in sides(inner) if capacity(arcs, side) == least))
    assert capacity(arcs, found) == least
    assert found == smallest


@settings(max_examples=50, deadline=None)
@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_arcs_does_not_matter(case: tuple[int, list[Arc]], dice: object) -> None:
    inner, arcs = case
    shuffled = list(arcs)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert network(inner, shuffled).cut() == network(inner, arcs).cut()


@pytest.mark.parametrize(
    ("arcs", "side"),
    [
        ([(0, 2, 3.0), (2, 3, 1.0), (3, 1, 3.0)], {0, 2}),
        ([(0, 2, 1.0), (2, 3, 1.0), (3, 1, 1.0)], {0}),  # of several the smallest
        ([(0, 2, 1.0), (0, 2, 1.0), (2, 1, 1.5)], {0, 2}),  # parallel arcs add up
        ([(0, 2, math.inf), (2, 3, math.inf), (3, 1, 2.0)], {0, 2, 3}),
        ([(0, 1, 5.0), (0, 2, 1.0), (3, 1, 1.0)], {0, 2}),  # what the flow does not need is reached still
        ([(2, 0, 9.0), (3, 2, 9.0)], {0}),  # against the arcs nothing flows
        ([], {0}),
    ],
)
def test_a_cut_is_where_capacity_is_least(arcs: list[Arc], side: set[int]) -> None:
    assert network(2, arcs).cut() == side


def test_flow_is_sent_back_where_the_first_path_was_a_mistake() -> None:
    arcs = [(0, 2, 1.0), (0, 3, 1.0), (2, 3, 1.0), (2, 4, 1.0), (3, 5, 1.0), (4, 1, 1.0), (5, 1, 1.0)]
    found = network(4, arcs).cut()
    assert capacity(arcs, found) == 2.0


def test_what_is_left_by_rounding_is_no_capacity() -> None:
    arcs = [(0, 2, 0.1 + 0.2), (2, 1, 0.3)]
    assert network(1, arcs).cut() == {0}
