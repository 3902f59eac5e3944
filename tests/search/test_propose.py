"""trtflow's own strategy: planted truths are found exactly, cheaply, and 1-minimal."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulated_oracle import Simulated, chain, cheapest_accepted, culprits, names

from trtflow.search.problem import Edge, Problem, Unit
from trtflow.search.run import search


@pytest.mark.parametrize(
    ("count", "planted", "passes"),
    [
        (23, (4, 5, 6), 8),
        (121, (60, 61, 62), 8),
        (121, (3, 4, 5, 60, 61, 62, 110, 111, 112), 16),
        (601, (5, 6, 7, 300, 301, 302, 595, 596, 597), 20),
    ],
)
def test_culprits_that_no_prior_knows_are_found_exactly_by_halving(
    count: int, planted: tuple[int, ...], passes: float
) -> None:
    problem = chain(count)
    result = search(problem, Simulated(problem, culprits(*planted), share=0.25))
    assert (result.plan.nodes.keys(), result.minimal) == (set(names(*planted)), True)
    assert result.passes <= passes


def test_a_certain_prior_that_is_wrong_is_lowered_again() -> None:
    problem = chain(121, priors={"n3": math.inf})
    result = search(problem, Simulated(problem, culprits(70)))
    assert (set(result.plan.nodes), result.minimal) == (names(70), True)


def test_cancellation_is_found_though_its_error_is_finite() -> None:
    problem = chain(125)
    noise = {"n30": 1e4, "n31": 1e4, "n90": 1e3, "n91": 1e3}
    result = search(problem, Simulated(problem, noise=noise, share=0.25))
    assert (set(result.plan.nodes), result.minimal) == (names(30, 31, 90, 91), True)


def test_of_two_nodes_that_only_hurt_together_the_cheaper_is_kept() -> None:
    problem = chain(60, {10: 5.0, 40: 1.0})
    result = search(problem, Simulated(problem, [names(10, 40)]))
    assert set(result.plan.nodes) == names(40)


def test_one_node_is_kept_when_it_ends_two_conflicts_for_less_than_two() -> None:
    problem = chain(30, {4: 1.5, 9: 1.0, 20: 1.0})
    result = search(problem, Simulated(problem, [names(4, 9), names(4, 20)]))
    assert set(result.plan.nodes) == names(4)


def test_diffuse_error_keeps_what_costs_least_for_the_error_it_takes_away() -> None:
    noise = {f"n{i}": 0.2 for i in range(10)}
    problem = chain(10, {i: 1.0 + i for i in range(10)})
    result = search(problem, Simulated(problem, noise=noise))
    assert set(result.plan.nodes) == names(0, 1, 2, 3, 4)


def test_units_are_split_to_the_nodes_that_matter() -> None:
    problem = Problem(tuple(Unit(i, (f"n{3 * i}", f"n{3 * i + 1}", f"n{3 * i + 2}"), 1 / 20) for i in range(20)))
    result = search(problem, Simulated(problem, culprits(31)))
    assert set(result.plan.nodes) == names(31)


def test_slivers_are_merged_where_casts_cost_more_than_the_node_between() -> None:
    edges = tuple(Edge(f"n{i}", (f"n{i + 1}",), 0.2) for i in range(8))
    problem = chain(9, edges=edges, node_costs={"n3": 0.05})
    result = search(problem, Simulated(problem, culprits(2, 4)))
    assert (set(result.plan.nodes), result.minimal) == (names(2, 3, 4), True)


def test_what_is_forced_high_is_merged_too_where_low_is_accepted() -> None:
    edges = tuple(Edge(f"n{i}", (f"n{i + 1}",), 0.2) for i in range(8))
    problem = chain(9, edges=edges, node_costs={"n3": 0.05}, forced=names(2, 4))
    result = search(problem, Simulated(problem))
    assert (set(result.plan.nodes), result.shown.merged) == (names(2, 3, 4), names(3))


def test_where_error_is_not_monotone_the_plan_is_verified_and_1_minimal() -> None:
    problem = chain(40)
    oracle = Simulated(
        problem, culprits(7), {"n10": 2.0, "n11": 0.3, "n30": 2.0}, cures=[("n10", "n11"), ("n30", "n31")]
    )
    result = search(problem, oracle)
    assert result.accepted
    assert oracle.accepts(result.plan.nodes)
    assert not any(oracle.accepts(set(result.plan.nodes) - {node}) for node in result.plan.nodes)


def test_builds_that_fail_are_not_taken_for_bad_accuracy() -> None:
    problem = chain(16)
    oracle = Simulated(problem, culprits(5), fails=lambda low: len(low) % 2 == 0 and 0 < len(low) < 15)
    result = search(problem, oracle)
    assert result.accepted
    assert "n5" in result.plan.nodes


def test_a_plan_is_found_even_where_everything_high_cannot_be_built() -> None:
    problem = chain(16, priors={"n5": math.inf})
    result = search(problem, Simulated(problem, culprits(5), fails=lambda low: not low))
    assert (result.accepted, set(result.plan.nodes)) == (True, names(5))


def test_where_nothing_can_be_built_that_is_said() -> None:
    problem = chain(4)
    result = search(problem, Simulated(problem, culprits(1), fails=lambda low: True))
    assert (result.accepted, "could not be built" in result.reason) == (False, True)


@st.composite
def problems(draw: st.DrawFn) -> Simulated:
    count = draw(st.integers(1, 24))
    problem = chain(
        count,
        draw(st.dictionaries(st.integers(0, count - 1), st.floats(0.01, 2.0))),
        priors=draw(st.dictionaries(st.sampled_from([f"n{i}" for i in range(count)]), st.just(math.inf), max_size=4)),
    )
    nodes = st.integers(0, count - 1)
    conflicts = draw(st.lists(st.sets(nodes, min_size=1, max_size=3), max_size=5))
    noise = draw(st.dictionaries(st.sampled_from([f"n{i}" for i in range(count)]), st.floats(0.0, 3.0)))
    cures = draw(st.lists(st.tuples(*[st.sampled_from([f"n{i}" for i in range(count)])] * 2), max_size=3))
    return Simulated(problem, [names(*conflict) for conflict in conflicts], noise, cures, share=0.25)


@settings(max_examples=150, deadline=None)
@given(problems())
def test_the_plan_is_accepted_and_1_minimal_whatever_is_planted(oracle: Simulated) -> None:
    result = search(oracle.problem, oracle)
    kept = set(result.plan.nodes)
    assert result.accepted
    assert result.minimal
    assert oracle.accepts(kept)
    assert not any(oracle.accepts(kept - {node}) for node in kept)
    assert len(oracle.asked) == len({(entry.kind, frozenset(entry.plan.nodes)) for entry in result.evaluations})


def random_case(seed: int) -> Simulated:
    """At most 14 nodes with costs, culprits, conflicts, diffuse error and cast costs, as the seed has it."""
    dice = random.Random(seed)  # noqa: S311 - cases, not secrets
    count = dice.randint(6, 14)
    costs = [dice.choice([1, 2, 3, 5, 8]) * dice.uniform(0.9, 1.1) for _ in range(count)]
    kinds = dice.choice([("culprits",), ("pairs",), ("diffuse",), ("culprits", "pairs", "diffuse")])
    conflicts = []
    if "culprits" in kinds:
        conflicts += [names(i) for i in dice.sample(range(count), dice.randint(1, 3))]
    if "pairs" in kinds:
        conflicts += [names(*dice.sample(range(count), dice.randint(2, 3))) for _ in range(dice.randint(1, 3))]
    noise = {f"n{i}": dice.lognormvariate(0, 1.5) for i in range(count)} if "diffuse" in kinds else {}
    scale = dice.uniform(1.2, 6) / (sum(noise.values()) or 1.0)
    edges = [Edge(f"n{i}", (f"n{i + 1}",), dice.uniform(0.005, 0.08)) for i in range(count - 1)]
    problem = chain(
        count,
        {i: cost / sum(costs) for i, cost in enumerate(costs)},
        edges=tuple(edges) if dice.random() < 0.5 else (),
    )
    return Simulated(problem, conflicts, {node: scale * error for node, error in noise.items()}, share=0.25)


def test_at_most_14_units_cost_what_the_exhaustive_optimum_costs() -> None:
    same = 0
    for seed in range(100):
        oracle = random_case(seed)
        same += search(oracle.problem, oracle).cost <= cheapest_accepted(oracle) + 1e-9
    assert same >= 95
