"""Minimum cuts: the cheapest plan around pinned nodes is what trying everything finds."""

from __future__ import annotations

import itertools
import random

import pytest
from simulated_oracle import chain, names

from trtflow.search.islands import cheapest
from trtflow.search.maxflow import Network
from trtflow.search.problem import Edge, Problem


def test_a_cut_is_where_capacity_is_least() -> None:
    network = Network()
    a, b = network.vertex(), network.vertex()
    for tail, head, capacity in [(network.source, a, 3.0), (a, b, 1.0), (b, network.sink, 3.0)]:
        network.arc(tail, head, capacity)
    assert network.cut() == {network.source, a}


def random_problem(seed: int) -> Problem:
    dice = random.Random(seed)  # noqa: S311 - cases, not secrets
    tensors = [
        Edge(f"n{i}", tuple(f"n{j}" for j in range(i + 1, 9) if dice.random() < 0.4), dice.uniform(0, 0.4))
        for i in range(9)
    ]
    ends = (Edge(None, ("n0", "n3"), 0.1), Edge("n8", (None,), 0.1))
    return chain(9, {i: dice.uniform(0, 0.3) for i in range(9)}, edges=(*tensors, *ends))


@pytest.mark.parametrize("seed", range(12))
def test_the_cheapest_superset_is_the_exhaustive_one(seed: int) -> None:
    problem, pinned, low = random_problem(seed), names(2, 6), names(7)
    free = sorted(problem.nodes - pinned - low)
    subsets = itertools.chain.from_iterable(itertools.combinations(free, size) for size in range(len(free) + 1))
    best = min(problem.cost(pinned.union(subset)) for subset in subsets)
    found = cheapest(problem, pinned, low)
    assert found >= pinned
    assert found.isdisjoint(low)
    assert problem.cost(found) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(6))
def test_penalties_weigh_against_the_cost_of_raising(seed: int) -> None:
    problem = random_problem(seed)
    penalties = {("n1", "n2"): 0.2, ("n5",): 0.3}

    def total(high: frozenset[str]) -> float:
        return problem.cost(high) + sum(price for nodes, price in penalties.items() if not high.issuperset(nodes))

    subsets = itertools.chain.from_iterable(itertools.combinations(sorted(problem.nodes), size) for size in range(10))
    best = min(total(frozenset(subset)) for subset in subsets)
    assert total(cheapest(problem, (), penalties=penalties)) == pytest.approx(best)


def test_a_tensor_that_several_consumers_read_is_cast_once() -> None:
    problem = chain(4, edges=(Edge("n0", ("n1", "n2", "n3"), 0.5),))
    assert problem.cost(names(1, 2)) == pytest.approx(0.5 + 0.5)
