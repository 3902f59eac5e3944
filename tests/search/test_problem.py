from __future__ import annotations

import math

import pytest
from simulated_oracle import chain, names

from trtflow.plan import PrecisionPlan
from trtflow.search.problem import Edge, Problem, Unit, nodes_of, single

UNITS = (Unit(0, ("a", "b"), 0.4), Unit(1, ("c",), 0.5), Unit(2, ("d", "e"), 0.1))
EDGES = (
    Edge(None, ("a",), 0.01),
    Edge("a", ("b", "d"), 0.02),
    Edge("c", ("d", "e"), 0.04),
    Edge("e", (None,), 0.08),
)


@pytest.mark.parametrize(
    ("high", "cost"),
    [
        ("", 0.01 + 0.08),  # inputs and outputs keep their types
        ("a b c d e", 1.0),
        ("a", 0.2 + 0.02 + 0.08),
        ("a b", 0.4 + 0.02 + 0.08),  # one consumer suffices
        ("c", 0.5 + 0.01 + 0.04 + 0.08),
        ("c d", 0.55 + 0.01 + 0.02 + 0.04 + 0.08),
        ("e", 0.05 + 0.01 + 0.04),
    ],
)
def test_a_plan_costs_its_high_nodes_and_one_cast_a_tensor_that_crosses(high: str, cost: float) -> None:
    assert Problem(UNITS, edges=EDGES).cost(high.split()) == pytest.approx(cost)


@pytest.mark.parametrize(
    ("node", "price"), [("a", 0.3), ("b", 0.2), ("c", 0.5), ("d", 0.05), ("outside", 0.0), ("fixed", 0.7)]
)
def test_a_node_costs_its_own_price_or_its_share_of_the_unit(node: str, price: float) -> None:
    assert Problem(UNITS, node_costs={"a": 0.3, "fixed": 0.7}).price(node) == pytest.approx(price)


def test_forced_nodes_are_paid_and_planned_whatever_is_chosen() -> None:
    problem = Problem(UNITS, forced=frozenset(["c", "outside"]))
    assert problem.cost(()) == problem.cost(["c"]) == pytest.approx(0.5)
    assert problem.plan(["a"]) == PrecisionPlan("fp16", {"a": "fp32", "c": "fp32", "outside": "fp32"})


def test_a_plan_names_the_high_nodes_and_lowers_the_rest() -> None:
    problem = Problem(UNITS, low="int8", high="bf16")
    assert problem.plan(["d"]) == PrecisionPlan("int8", {"d": "bf16"})


def test_a_unit_is_as_suspicious_as_its_most_suspicious_node() -> None:
    problem = Problem(UNITS, priors={"a": 0.1, "b": 0.3, "d": math.inf})
    assert [problem.prior(unit) for unit in UNITS] == [0.3, 0.0, math.inf]
    assert problem.prior(Unit(9, ())) == 0.0


@pytest.mark.parametrize(
    ("forced", "free"), [("", [0, 1, 2]), ("c", [0, 2]), ("a", [0, 1, 2]), ("a b d e", [1]), ("a b c d e", [])]
)
def test_a_unit_is_free_unless_all_of_it_is_forced(forced: str, free: list[int]) -> None:
    assert [unit.id for unit in Problem(UNITS, forced=frozenset(forced.split())).free] == free


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("e a", [("a", 0.2), ("e", 0.05)]),  # in topological order
        ("b c", [("c", 0.5)]),  # b is forced
        ("outside", []),
        ("", []),
    ],
)
def test_single_nodes_are_units_of_their_own(chosen: str, found: list[tuple[str, float]]) -> None:
    units = single(Problem(UNITS, forced=frozenset(["b"])), chosen.split())
    assert [(unit.nodes, unit.cost) for unit in units] == [((node,), pytest.approx(price)) for node, price in found]
    assert [unit.id for unit in units] == list(range(len(units)))


def test_the_nodes_of_units() -> None:
    assert nodes_of(UNITS) == Problem(UNITS).nodes == frozenset("abcde")
    assert nodes_of([]) == frozenset()
    assert chain(3).nodes == names(0, 1, 2)


def test_tied_nodes_are_searched_and_completed_together() -> None:
    problem = Problem(UNITS, tied=(frozenset("de"),))
    assert problem.whole(["a", "e"]) == {"a", "d", "e"}
    assert [unit.nodes for unit in single(problem, ["b", "e"])] == [("b",), ("d", "e")]
    assert single(problem, ["e"])[0].cost == pytest.approx(0.1)
