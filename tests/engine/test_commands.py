from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from toyrun import Toy

from trtflow.engine import commands
from trtflow.engine.commands import Request, check_locked
from trtflow.engine.lock import lock_path, read_lock, write_lock
from trtflow.engine.select import select
from trtflow.errors import LockError

STEPS = {
    "first": {"uses": "write", "with": {"text": "${inputs.text}"}},
    "second": {"uses": "write", "with": {"after": "${first.text}"}},
    "gather": {"uses": "gather", "with": {"of": ["first", "second"]}},
}


@pytest.fixture
def plain(toy: Toy) -> Toy:
    """Two steps and one that looks back."""
    toy.workflow(STEPS, {"text": {"type": "string", "default": "a"}})
    return toy


@pytest.fixture
def locked(plain: Toy) -> Toy:
    """The same, run and locked."""
    assert write_lock(lock_path(plain.folder / "toy.yaml"), plain.plan(), plain.run())
    return plain


def request_of(toy: Toy, *overrides: str, locked: bool = False, **chosen: str) -> Request:
    """A run as the command line asks for it."""
    plan = toy.plan(*overrides)
    return Request(plan, select(plan, **chosen), toy.folder / "out", "trtflow run toy.yaml", locked)


def console() -> Console:
    """A console without a terminal that keeps what it is told."""
    return Console(file=io.StringIO(), width=100)


def text_of(shown: Console) -> str:
    """What was shown."""
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def ran(toy: Toy, *overrides: str, locked: bool = False, **chosen: str) -> tuple[int, str]:
    """Status and output of a run."""
    shown = console()
    status = commands.run(shown, request_of(toy, *overrides, locked=locked, **chosen), toy.store)
    return status, text_of(shown)


def test_a_whole_run_publishes_and_writes_the_lock_once(plain: Toy) -> None:
    status, text = ran(plain)
    assert (status, "Wrote toy.lock.yaml: check it in." in text) == (0, True)
    assert {path.name for path in (plain.folder / "out").iterdir()} == {
        "toy.toy.txt",
        "second.toy.toy.txt",
        "summary.json",
    }
    assert "Wrote" not in ran(plain)[1]


@pytest.mark.parametrize(
    ("overrides", "chosen"), [(["with.text=b"], {}), ([], {"until": "second"}), ([], {"only": "first"})]
)
def test_a_part_or_a_variant_of_a_config_leaves_no_lock(
    plain: Toy, overrides: list[str], chosen: dict[str, str]
) -> None:
    assert ran(plain, *overrides, **chosen)[0] == 0
    assert not (plain.folder / "toy.lock.yaml").exists()


def test_a_locked_run_leaves_the_lock_as_it_is(locked: Toy) -> None:
    before = (locked.folder / "toy.lock.yaml").read_bytes()
    assert ran(locked, locked=True)[0] == 0
    assert (locked.folder / "toy.lock.yaml").read_bytes() == before


@pytest.mark.parametrize("command", [commands.run, commands.dry_run])
def test_a_dry_run_refuses_what_a_locked_run_refuses(locked: Toy, command: object) -> None:
    with pytest.raises(LockError, match=r"first: with\.text a → b"):
        command(console(), request_of(locked, "with.text=b", locked=True), locked.store)  # type: ignore[operator]


def test_a_dry_run_shows_every_step(plain: Toy) -> None:
    shown = console()
    commands.dry_run(shown, request_of(plain), plain.store)
    assert [line.split() for line in text_of(shown).splitlines()] == [
        ["step", "state", "why"],
        ["first", "run", "never", "ran"],
        ["second", "waits", "on", "first"],
        ["gather", "waits", "on", "first,", "second"],
    ]


@pytest.mark.parametrize(("step", "keyed"), [("first", True), ("second", False)])
def test_why_shows_the_material_of_a_key_where_it_is_known(plain: Toy, step: str, keyed: bool) -> None:
    shown, plan = console(), plain.plan()
    commands.why(shown, plan, plain.store, select(plan, until=step), step)
    assert ("\nkey " in text_of(shown), "uses: write" in text_of(shown)) == (keyed, keyed)


def test_verify_runs_anew_and_accepts_equal_metrics(locked: Toy) -> None:
    shown = console()
    assert commands.verify(shown, locked.plan(), 0.01, 1) == 0
    assert text_of(shown).splitlines()[-1] == "Verified: 3 steps within 0.01 of toy.lock.yaml."


def test_verify_names_what_differs(locked: Toy) -> None:
    lock = locked.folder / "toy.lock.yaml"
    lock.write_text(lock.read_text().replace("length: 1", "length: 2"))
    with pytest.raises(LockError, match=r"The run differs from the lock file:\n  first\.length: 2 → 1"):
        commands.verify(console(), locked.plan(), 0.01, 1)


def test_verify_shows_a_failure_before_it_names_the_difference(locked: Toy) -> None:
    locked.workflow({"first": {"uses": "end", "with": {"how": "raise"}}})
    shown = console()
    with pytest.raises(LockError, match=r"first: raised ZeroDivisionError"):
        commands.verify(shown, locked.plan(), 0.01, 1)
    assert "first raised ZeroDivisionError: one by none" in text_of(shown)


def test_a_locked_run_names_each_step_that_would_change_and_why(locked: Toy) -> None:
    lock = read_lock(locked.folder / "toy.yaml")
    plan = locked.plan("with.text=b", "steps.second.with.max-count=2", "steps.new.uses=write")
    with pytest.raises(LockError) as caught:
        check_locked(plan, locked.store, select(plan), {**lock, "gone": lock["first"]})
    assert str(caught.value) == (
        "--locked: this run would change toy.lock.yaml:\n"
        "  first: with.text a → b\n"
        "  new: it is not in the lock file\n"
        "  gone: it is no longer a step\n"
        "Run without --locked and check in the new lock file."
    )


def test_a_locked_run_without_a_lock_says_how_to_write_one(plain: Toy) -> None:
    with pytest.raises(LockError, match=r"toy\.lock\.yaml is not there\. Run the config once"):
        ran(plain, locked=True)
    assert not Path("out").exists()
