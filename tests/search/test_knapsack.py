"""Diffuse error: what to lower, against trying everything."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_oracle import Simulated, chain, ledger_of, names, subsets

from trtflow.search.knapsack import GRID, lower_within, rescale, share
from trtflow.search.ledger import Ledger
from trtflow.search.problem import Edge, Problem, Unit

items = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 12)), min_size=1, max_size=8)


def units_of(costs: list[int]) -> list[Unit]:
    """One unit a cost."""
    return [Unit(i, (f"n{i}",), float(cost)) for i, cost in enumerate(costs)]


@settings(max_examples=100, deadline=None)
@given(items, st.integers(1, 30))
def test_what_is_kept_costs_what_the_exhaustive_optimum_costs(case: list[tuple[int, int]], bound: int) -> None:
    costs, errors = [cost for cost, _ in case], [float(error) for _, error in case]
    bound = next(b for b in range(bound, 99) if GRID % b == 0)  # so that errors fall on the grid
    kept = lower_within(units_of(costs), errors, float(bound))
    units = {f"n{i}": pair for i, pair in enumerate(case)}
    low = units.keys() - {node for unit in kept for node in unit.nodes}
    fitting = [some for some in subsets(units) if sum(units[node][1] for node in some) <= bound]
    assert low in fitting
    assert sum(units[node][0] for node in low) == max(sum(units[node][0] for node in some) for some in fitting)


@pytest.mark.parametrize(
    ("costs", "errors", "bound", "kept"),
    [
        ([1, 1, 1], [1.0, 1.0, 1.0], 4.0, []),
        ([3, 2, 1], [1.0, 1.0, 1.0], 1.0, [1, 2]),  # the dearest goes low
        ([5, 3, 3], [2.0, 1.0, 1.0], 2.0, [0]),  # two cheap ones save more than one dear one
        ([1, 9], [0.5, 2.0], 1.0, [1]),  # beyond the bound, whatever it saves
        ([1, 9], [0.5, math.inf], 1.0, [1]),
        ([1, 1], [0.0, 0.0], 1.0, []),
    ],
)
def test_what_saves_least_for_its_error_is_kept(
    costs: list[int], errors: list[float], bound: float, kept: list[int]
) -> None:
    assert [unit.id for unit in lower_within(units_of(costs), errors, bound)] == kept


def pair(*edges: Edge) -> Problem:
    """Three nodes with these tensors between them."""
    return chain(3, edges=edges)


@pytest.mark.parametrize(
    ("edges", "errors", "shares"),
    [
        ((), [1.0, 2.0, 3.0], {("n0",): 1.0, ("n1",): 2.0, ("n2",): 3.0}),
        (
            (Edge("n0", ("n1",)),),
            [1.0, 2.0, 3.0],
            {("n0", "n1"): 1.0, ("n0",): 0.0, ("n1",): 1.0, ("n2",): 3.0},
        ),
        (  # the largest in common first
            (Edge("n0", ("n1",)), Edge("n1", ("n2",))),
            [1.0, 2.0, 3.0],
            {("n1", "n2"): 2.0, ("n0", "n1"): 0.0, ("n0",): 1.0, ("n1",): 0.0, ("n2",): 1.0},
        ),
        (  # ends of the graph and nodes that are not searched share nothing
            (Edge(None, ("n0",)), Edge("n2", (None, "elsewhere"))),
            [1.0, 2.0, 3.0],
            {("n0",): 1.0, ("n1",): 2.0, ("n2",): 3.0},
        ),
        (
            (Edge("n0", ("n1",)),),
            [math.inf, 2.0, 3.0],
            {("n0", "n1"): 0.0, ("n0",): math.inf, ("n1",): 2.0, ("n2",): 3.0},
        ),
    ],
)
def test_neighbours_share_the_error_of_the_tensor_between_them(
    edges: tuple[Edge, ...], errors: list[float], shares: dict[tuple[str, ...], float]
) -> None:
    problem = pair(*edges)
    assert share(problem, problem.units, errors) == shares


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 9.0), min_size=4, max_size=4),
    st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=6),
)
def test_shares_are_never_negative_and_give_each_unit_its_own_error(
    errors: list[float], pairs: set[tuple[int, int]]
) -> None:
    problem = chain(4, edges=tuple(Edge(f"n{one}", (f"n{other}",)) for one, other in pairs))
    found = share(problem, problem.units, errors)
    assert all(error >= 0 for error in found.values())
    for i, error in enumerate(errors):
        assert math.fsum(part for nodes, part in found.items() if f"n{i}" in nodes) == pytest.approx(error)


def begun(oracle: Simulated) -> Ledger:
    """A ledger whose ends are measured."""
    ledger = ledger_of(oracle)
    ledger.measure(frozenset(), "ends")
    ledger.measure(oracle.problem.nodes, "ends")
    return ledger


def test_the_bound_is_found_by_measuring() -> None:
    errors = [0.2] * 10
    oracle = Simulated(chain(10, {i: 1.0 + i for i in range(10)}), noise={f"n{i}": 0.2 for i in range(10)})
    ledger = begun(oracle)
    assert rescale(ledger, oracle.problem.units, errors, [], 2.0) == names(0, 1, 2, 3, 4)
    assert {entry.phase for entry in ledger.history} == {"ends", "knapsack"}


def test_what_is_always_high_stays_high() -> None:
    oracle = Simulated(chain(6), [names(5)], noise={f"n{i}": 0.3 for i in range(5)})
    problem = oracle.problem
    kept = rescale(begun(oracle), problem.units[:5], [0.3] * 5, problem.units[5:], 1.5)
    assert kept is not None
    assert "n5" in kept
    assert len(kept) == 3


def test_without_finite_errors_there_is_nothing_to_weigh() -> None:
    oracle = Simulated(chain(3), [names(1)])
    ledger = begun(oracle)
    before = len(ledger.history)
    assert rescale(ledger, oracle.problem.units, [0.0, math.inf, 0.0], [], 1.0) is None
    assert len(ledger.history) == before
