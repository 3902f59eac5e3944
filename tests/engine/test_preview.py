from __future__ import annotations

import pytest
from toyrun import Toy

from trtflow.engine.select import select

STEPS = {
    "first": {"uses": "write", "with": {"text": "${inputs.text}"}},
    "second": {"uses": "write", "with": {"after": "${first.text}"}},
    "lacking": {"uses": "write", "with": {"after": "${first.extra}"}},
    "gather": {"uses": "gather", "with": {"of": ["first", "second"]}},
}


@pytest.fixture
def plain(toy: Toy) -> Toy:
    """A step, three that follow it."""
    toy.workflow(STEPS, {"text": {"type": "string", "default": "a"}})
    return toy


def shown(toy: Toy, *overrides: str) -> dict[str, tuple[str, str]]:
    """State and reason of each step."""
    return {name: (one.state, one.why) for name, one in toy.preview(*overrides).items()}


def test_a_dry_run_on_a_fresh_store_says_what_waits_on_what(plain: Toy) -> None:
    assert shown(plain) == {
        "first": ("run", "never ran"),
        "second": ("waits", "on first"),
        "lacking": ("waits", "on first"),
        "gather": ("waits", "on first, second"),
    }


def test_a_dry_run_stores_nothing(plain: Toy) -> None:
    before = sorted(plain.store.root.rglob("*"))
    plain.preview()
    assert sorted(plain.store.root.rglob("*")) == before


def test_a_dry_run_finds_hits_and_names_what_changed(plain: Toy) -> None:
    plain.run()
    assert shown(plain) == {
        "first": ("hit", "wrote a"),
        "second": ("hit", "wrote hello"),
        "lacking": ("skipped", "first.extra was not made"),
        "gather": ("hit", "2 steps"),
    }
    assert shown(plain, "steps.second.with.mode=new") == {
        "first": ("hit", "wrote a"),
        "second": ("run", "with.mode plain → new"),
        "lacking": ("skipped", "first.extra was not made"),
        "gather": ("waits", "on second"),
    }


def test_a_dry_run_from_a_step_runs_it_afresh(plain: Toy) -> None:
    plain.run()
    found = plain.preview(selection=select(plain.plan(), start="second"))
    assert {name: one.state for name, one in found.items()} == {
        "first": "hit",
        "second": "run",
        "lacking": "skipped",
        "gather": "waits",
    }
