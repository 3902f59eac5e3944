from __future__ import annotations

import pytest
from toyrun import Toy

from trtflow.engine.select import all_fresh, involved, select
from trtflow.errors import ConfigError

STEPS = {
    "a": {"uses": "write"},
    "b": {"uses": "write", "with": {"after": "${a.text}"}},
    "c": {"uses": "write", "with": {"after": "${b.text}"}},
    "apart": {"uses": "write"},
}


@pytest.fixture
def chain(toy: Toy) -> Toy:
    """Three steps in a row and one apart."""
    toy.workflow(STEPS)
    return toy


@pytest.mark.parametrize(
    ("chosen", "wanted", "fresh", "whole"),
    [
        ({}, "a b c apart", "", True),
        ({"only": "b"}, "b", "", False),
        ({"until": "b"}, "a b", "", False),
        ({"start": "b"}, "a b c apart", "b c", True),
        ({"start": "a", "until": "b"}, "a b", "a b", False),
        ({"start": "apart", "until": "b"}, "a b", "", False),
    ],
)
def test_options_choose_what_is_wanted_and_what_is_made_afresh(
    chain: Toy, chosen: dict[str, str], wanted: str, fresh: str, whole: bool
) -> None:
    found = select(chain.plan(), **chosen)
    assert (found.wanted, found.fresh, found.whole) == (set(wanted.split()), set(fresh.split()), whole)


@pytest.mark.parametrize("other", ["until", "start"])
def test_only_stands_alone(chain: Toy, other: str) -> None:
    with pytest.raises(ConfigError, match=r"--only cannot go together with --until or --from"):
        select(chain.plan(), only="a", **{other: "b"})


@pytest.mark.parametrize("option", ["only", "until", "start"])
def test_a_step_that_the_plan_lacks_is_named_with_a_suggestion(chain: Toy, option: str) -> None:
    with pytest.raises(ConfigError, match="no step 'aparr' in toy: did you mean 'apart'"):
        select(chain.plan(), **{option: "aparr"})


@pytest.mark.parametrize(
    ("chosen", "names"),
    [({}, ["a", "b", "c", "apart"]), ({"only": "c"}, ["a", "b", "c"]), ({"until": "apart"}, ["apart"])],
)
def test_the_steps_before_a_wanted_one_are_involved(chain: Toy, chosen: dict[str, str], names: list[str]) -> None:
    plan = chain.plan()
    assert involved(plan, select(plan, **chosen)) == names


def test_all_fresh_takes_nothing_from_the_store(chain: Toy) -> None:
    found = all_fresh(chain.plan())
    assert (found.wanted, found.fresh, found.whole) == (set(STEPS), set(STEPS), True)
