"""One unit of noise is too much for the search's samples, a little less for others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_oracle import Simulated, chain, names

from trtflow.plan import PrecisionPlan
from trtflow.search.held_out import Split, split_samples, verify
from trtflow.search.oracle import Outcome
from trtflow.search.run import search

PROBLEM = chain(6, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.1, 4: 0.1, 5: 0.2})
NOISE = {"n0": 0.7, "n1": 0.7, "n2": 0.25}


def _kept(plan: PrecisionPlan) -> frozenset[str]:
    return frozenset(plan.nodes)


def test_a_plan_that_holds_on_unseen_samples_is_the_answer() -> None:
    found = search(PROBLEM, Simulated(PROBLEM, noise=NOISE))
    assert verify(found, PROBLEM, Simulated(PROBLEM, noise=NOISE)) is found


def test_the_next_cheapest_measured_plan_that_holds_replaces_one_that_does_not() -> None:
    found = search(PROBLEM, Simulated(PROBLEM, noise=NOISE))
    unseen = Simulated(PROBLEM, noise={**NOISE, "n1": 1.1})
    held = verify(found, PROBLEM, unseen)
    assert _kept(found.plan) == names(0)
    assert held is not None
    assert unseen.accepts(_kept(held.plan))
    cheaper = [entry for entry in found.accepted_plans if entry.cost < held.cost]
    assert not any(unseen.accepts(_kept(entry.plan)) for entry in cheaper)
    assert (held.minimal, held.accepted, held.cost > found.cost) == (False, True, True)


def test_everything_high_is_no_answer() -> None:
    found = search(PROBLEM, Simulated(PROBLEM, noise=NOISE))
    everything = frozenset(PROBLEM.nodes)

    class OnlyHigh:
        """Accepts nothing but everything high."""

        def evaluate(self, plan: PrecisionPlan) -> Outcome:
            return Outcome(_kept(plan) == everything, 0.0, 0.0)

        probe = evaluate

    assert verify(found, PROBLEM, OnlyHigh()) is None


def test_what_unseen_samples_refused_shows_what_is_needed_and_of_the_rest_nothing_is_claimed() -> None:
    found = search(PROBLEM, Simulated(PROBLEM, noise=NOISE))
    held = verify(found, PROBLEM, Simulated(PROBLEM, noise={**NOISE, "n1": 1.1}))
    assert held is not None
    kept = _kept(held.plan)
    lacking = {node for node in kept if kept - {node} <= _kept(found.plan)}
    assert held.shown.needed >= lacking
    assert held.shown.needed | held.shown.merged < kept


@pytest.mark.parametrize(
    ("count", "share", "split"),
    [
        (3, 0.25, Split((0, 1, 2))),
        (6, 0.0, Split((0, 1, 2, 3, 4, 5))),
        (6, 0.25, Split((0, 1, 2, 4, 5), final=(3,))),
        (6, 0.5, Split((0, 2, 4), final=(1, 3, 5))),
        (9, 0.5, Split((0, 2, 4, 6, 8), asked=(1, 5), final=(3, 7))),
    ],
    ids=["too few", "none wanted", "one judges", "three judge", "four are divided"],
)
def test_who_is_held_out_and_for_what(count: int, share: float, split: Split) -> None:
    assert split_samples(count, share) == split


@given(st.integers(1, 200), st.just(0.0) | st.floats(0.01, 0.99))
def test_every_sample_has_one_task(count: int, share: float) -> None:
    split = split_samples(count, share)
    assert sorted(split.searched + split.asked + split.final) == list(range(count))
    assert split.searched
    assert len(split.asked) - len(split.final) in (0, 1) or not split.asked
