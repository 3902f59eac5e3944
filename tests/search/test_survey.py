"""Groups lowered alone, and halved where they are refused."""

from __future__ import annotations

import math

import pytest
from simulated_oracle import Simulated, chain, culprits, ledger_of, names

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Problem, nodes_of
from trtflow.search.survey import alone, survey


def searching(problem: Problem, conflicts: list[frozenset[str]], **noise: float) -> Ledger:
    """A ledger over simulated truth, a probe a quarter of a pass."""
    return ledger_of(Simulated(problem, conflicts, noise, share=0.25))


def test_alone_means_that_everything_else_is_high() -> None:
    problem = chain(4)
    ledger = searching(problem, [names(2)])
    assert [alone(ledger, [unit]).accepted for unit in problem.units] == [True, True, False, True]
    assert [entry.kind for entry in ledger.history] == ["probe"] * 4
    assert [entry.high_count for entry in ledger.history] == [3] * 4


@pytest.mark.parametrize("planted", [(0,), (15,), (3, 12), (7, 8), (0, 5, 10, 15)])
def test_each_unit_that_is_refused_alone_is_guilty(planted: tuple[int, ...]) -> None:
    problem = chain(16)
    found = survey(searching(problem, culprits(*planted)), problem.units)
    assert (nodes_of(found.guilty), found.tangled) == (names(*planted), [])


def test_one_culprit_among_many_costs_the_logarithm() -> None:
    problem = chain(256)
    ledger = searching(problem, [names(77)])
    survey(ledger, problem.units)
    assert len(ledger.history) <= 17


def test_a_suspect_that_the_priors_know_is_isolated_first() -> None:
    problem = chain(256, priors={"n77": math.inf})
    ledger = searching(problem, [names(77)])
    assert nodes_of(survey(ledger, problem.units).guilty) == names(77)
    assert len(ledger.history) <= 5


@pytest.mark.parametrize("suspect", [0, 7])
def test_a_cut_leaves_a_unit_on_either_side(suspect: int) -> None:
    problem = chain(8, priors={f"n{suspect}": math.inf})
    assert nodes_of(survey(searching(problem, [names(suspect)]), problem.units).guilty) == names(suspect)


def test_what_only_hurts_together_is_tangled() -> None:
    problem = chain(8)
    found = survey(searching(problem, [names(1, 6)]), problem.units)
    assert found.guilty == []
    assert any(nodes_of(group) >= names(1, 6) for group in found.tangled)


def test_a_culprit_beside_a_tangle_is_found_all_the_same() -> None:
    problem = chain(8)
    found = survey(searching(problem, [names(3), names(1, 6)]), problem.units)
    assert nodes_of(found.guilty) == names(3)


def test_diffuse_error_is_nobodys_fault() -> None:
    problem = chain(8)
    found = survey(searching(problem, [], **{f"n{i}": 0.3 for i in range(8)}), problem.units)
    assert found.guilty == []
    assert found.tangled


@pytest.mark.parametrize(("noise", "guilty"), [(1.1, names(0)), (0.9, frozenset())])
def test_a_single_unit_is_asked_itself(noise: float, guilty: frozenset[str]) -> None:
    problem = chain(1)
    assert nodes_of(survey(searching(problem, [], n0=noise), problem.units).guilty) == guilty
