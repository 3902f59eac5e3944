"""What becomes of a step: each answer, and that a dry run and a run give the same."""

from __future__ import annotations

from typing import Any

import pytest
from external_weights import SIX, fill, write_model
from toyrun import Toy

from trtflow.engine.decide import Decision, decide
from trtflow.engine.lock import lock_path, read_lock, write_lock
from trtflow.engine.outcome import Outcome, RunSettings
from trtflow.engine.select import Selection, all_fresh, select
from trtflow.errors import StepError
from trtflow.steps.contract import StepRecord
from trtflow.yaml12 import load

STEPS: dict[str, dict[str, Any]] = {
    "first": {"uses": "write", "with": {"text": "${inputs.text}"}},
    "second": {"uses": "write", "with": {"after": "${first.text}"}},
    "lacking": {"uses": "write", "with": {"after": "${first.extra}"}},
    "gate": {"uses": "end", "with": {"how": "${inputs.how}"}},
    "guarded": {"uses": "write", "needs": ["gate"]},
    "behind": {"uses": "write", "with": {"after": "${guarded.text}"}},
    "free": {"uses": "write", "with": {"after": "${gate.text}"}},
    "gather": {"uses": "gather", "with": {"of": ["second", "gate"]}},
}
INPUTS = {"text": {"type": "string", "default": "a"}, "how": {"type": "string", "default": "well"}}


@pytest.fixture
def full(toy: Toy) -> Toy:
    """A flow in which a step can wait on another's file, gate, end or optional output."""
    toy.workflow(STEPS, INPUTS)
    return toy


@pytest.mark.parametrize("name", SIX)
def test_replaced_weights_are_a_miss_and_forbidden_to_a_locked_run_whatever_their_file_is_called(
    name: str, toy: Toy
) -> None:
    write_model(toy.folder / "net.onnx", name)
    toy.workflow({"one": {"uses": "write", "with": {"data": {"source": "net.onnx"}}}})
    write_lock(lock_path(toy.folder / "toy.yaml"), toy.plan(), toy.run())
    locked = read_lock(toy.folder / "toy.yaml")
    assert toy.preview()["one"].state == "hit"
    fill(toy.folder / name, 2.0)
    assert (toy.preview()["one"].state, toy.preview()["one"].why) == ("run", "with.data.source changed")
    record = toy.run(settings=RunSettings(locked=locked)).records["one"]
    assert (record.status, "--locked forbids it: with.data.source changed" in record.error) == ("failed", True)


def _with_engine(toy: Toy, monkeypatch: pytest.MonkeyPatch, versions: dict[str, str | None]) -> Toy:
    """A search whose options bring an engine in, of which ``versions`` tells the facts."""
    monkeypatch.setattr(
        "toysteps.search.depends", lambda options: ("tensorrt", "gpu") * (options.count > 1), raising=False
    )
    monkeypatch.setattr("trtflow.facts.fact", lambda name: versions.get(name))
    steps = {name: {"uses": "search", "with": {"marks": str(toy.folder / name), "count": n}} for name, n in COUNTS}
    toy.workflow(steps)
    return toy


COUNTS = (("engine", 2), ("alone", 1))


@pytest.mark.parametrize(
    ("fact", "newer", "why"),
    [
        ("tensorrt", "10.14.1", "environment.tensorrt 10.13.0 → 10.14.1"),
        ("gpu", "NVIDIA H200, 9.0", "environment.gpu NVIDIA H100, 9.0 → NVIDIA H200, 9.0"),
        ("gpu", None, "environment.gpu NVIDIA H100, 9.0 → none"),
    ],
)
def test_what_an_option_makes_a_step_depend_on_is_in_its_key_its_lock_and_its_memo(
    fact: str, newer: str | None, why: str, toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions: dict[str, str | None] = {"tensorrt": "10.13.0", "gpu": "NVIDIA H100, 9.0"}
    _with_engine(toy, monkeypatch, versions)
    write_lock(lock_path(toy.folder / "toy.yaml"), toy.plan(), toy.run())
    marks = (toy.folder / "engine").read_text()
    assert toy.preview()["engine"].material["environment"] == versions
    assert load((toy.folder / "toy.lock.yaml").read_text())["tools"].items() >= versions.items()
    versions[fact] = newer
    found = toy.preview()
    assert {name: one.state for name, one in found.items()} == {"engine": "run", "alone": "hit"}
    assert found["engine"].why == why
    toy.run()
    assert (toy.folder / "engine").read_text() == 2 * marks  # no evaluation came from the old engine


def over(name: str, status: Any = "done", accepted: bool | None = None, **digests: str) -> StepRecord:
    """The record of a step that is over."""
    return StepRecord(name, status=status, accepted=accepted, digests=digests)


def decided(toy: Toy, name: str, *records: StepRecord, selection: Selection | None = None) -> Decision:
    """What becomes of one step, given the records of those that are over."""
    plan = toy.plan()
    known = {record.name: record for record in records}
    return decide(plan, plan.steps[name], known, toy.store, selection or select(plan))


@pytest.mark.parametrize(
    ("name", "records", "state", "why"),
    [
        ("first", [], "run", "never ran"),
        ("second", [], "waits", "on first"),
        ("second", [over("first", text="1")], "run", "never ran"),
        ("second", [over("first", "failed")], "skipped", "needs first"),
        ("second", [over("first", "skipped")], "skipped", "needs first"),
        ("lacking", [over("first", text="1")], "skipped", "first.extra was not made"),
        ("guarded", [over("gate", accepted=False, text="1")], "skipped", "needs gate to be met"),
        ("guarded", [over("gate", accepted=True, text="1")], "run", "never ran"),
        ("guarded", [over("gate", text="1")], "run", "never ran"),
        ("free", [over("gate", accepted=False, text="1")], "run", "never ran"),
        ("gather", [], "waits", "on second, gate"),
        ("gather", [over("gate", "failed")], "waits", "on second"),
        ("gather", [over("gate", "failed"), over("second", "skipped")], "run", "never ran"),
    ],
)
def test_a_step_is_made_waits_or_is_skipped(
    full: Toy, name: str, records: list[StepRecord], state: str, why: str
) -> None:
    decision = decided(full, name, *records)
    assert (decision.state, decision.why, bool(decision.key)) == (state, why, state == "run")


def test_what_stands_against_a_step_is_told_before_what_it_waits_on(toy: Toy) -> None:
    toy.workflow(
        {
            "one": {"uses": "write"},
            "other": {"uses": "write"},
            "last": {"uses": "write", "needs": ["one", "other"]},
        }
    )
    assert decided(toy, "last", over("one", "failed")).why == "needs one"
    assert decided(toy, "last", over("one")).why == "on other"


def test_a_step_in_the_store_is_a_hit_with_its_summary(full: Toy) -> None:
    full.run(until="first")
    decision = decided(full, "first")
    assert (decision.state, decision.why) == ("hit", "wrote a")
    record = decision.record(full.store)
    assert record is not None
    assert (record.status, record.cached, record.metrics) == ("done", True, {"length": 1})


def test_a_step_that_is_asked_for_afresh_is_made_though_it_is_in_the_store(full: Toy) -> None:
    full.run(until="first")
    decision = decided(full, "first", selection=all_fresh(full.plan()))
    assert (decision.state, decision.why, decision.found) == ("run", "afresh", None)


@pytest.mark.parametrize(
    ("only", "name", "state", "why"),
    [
        (
            "second",
            "first",
            "absent",
            "second needs first, which is not in the store as the config stands. Run it with --until second instead.",
        ),
        (
            "behind",
            "gate",
            "absent",
            "behind needs gate, which is not in the store as the config stands. Run it with --until behind instead.",
        ),
        ("gather", "gate", "skipped", "not in the store"),
    ],
)
def test_a_step_that_is_not_to_be_made_is_absent_where_it_is_needed(
    full: Toy, only: str, name: str, state: str, why: str
) -> None:
    decision = decided(full, name, selection=select(full.plan(), only=only))
    assert (decision.state, decision.why) == (state, why)


def test_what_the_lock_forbids_fails_even_where_the_store_has_it(full: Toy) -> None:
    outcome = full.run()
    write_lock(lock_path(full.folder / "toy.yaml"), full.plan(), outcome)
    full.run("with.text=b")
    lock, plan = read_lock(full.folder / "toy.yaml"), full.plan("with.text=b")
    decision = decide(plan, plan.steps["first"], {}, full.store, select(plan), lock)
    assert (decision.state, decision.why) == (
        "failed",
        "would change, and --locked forbids it: with.text a → b",
    )
    record = decision.record(full.store)
    assert record is not None
    assert (record.status, record.error) == ("failed", decision.why)


@pytest.mark.parametrize("state", ["run", "waits", "absent"])
def test_a_step_that_is_not_over_leaves_no_record(full: Toy, state: Any) -> None:
    assert Decision(full.plan().steps["first"], state, "why").record(full.store) is None


def told(outcome: Outcome) -> dict[str, tuple[str, str]]:
    """State and reason of every step that a run did not make."""
    return {
        name: ("hit" if record.cached else record.status, record.error or record.summary)
        for name, record in outcome.records.items()
        if record.cached or record.status != "done"
    }


@pytest.mark.parametrize(
    ("before", "overrides"),
    [
        (None, ()),
        ("first", ("with.how=gate",)),
        ("gather", ("with.how=gate",)),
        ("gather", ("with.text=b", "with.how=gate")),
        ("gather", ("with.how=raise",)),
        ("gather", ()),
    ],
)
def test_a_dry_run_foresees_what_the_run_does_in_its_words(
    full: Toy, before: str | None, overrides: tuple[str, ...]
) -> None:
    if before:
        full.run(*overrides, until=before)
    foreseen = full.preview(*overrides)
    outcome = full.run(*overrides)
    over = {name: (one.state, one.why) for name, one in foreseen.items() if one.state in ("hit", "skipped")}
    begun = {name: one.why for name, one in foreseen.items() if one.state == "run"}
    assert over.items() <= told(outcome).items()
    assert begun.items() <= full.notes.why.items()
    assert {name for name, one in foreseen.items() if one.state == "waits"} == foreseen.keys() - {*over, *begun}


def test_a_second_dry_run_knows_the_end_of_every_step(full: Toy) -> None:
    outcome = full.run("with.how=gate")
    foreseen = full.preview("with.how=gate")
    assert {name: one.state for name, one in foreseen.items()} == {
        "first": "hit",
        "second": "hit",
        "lacking": "skipped",
        "gate": "hit",
        "guarded": "skipped",
        "behind": "skipped",
        "free": "hit",
        "gather": "hit",
    }
    assert foreseen["behind"].why == outcome.records["behind"].error == "needs guarded"


def test_a_run_refuses_in_the_words_of_the_dry_run(full: Toy) -> None:
    absent = full.preview(selection=select(full.plan(), only="second"))["first"]
    with pytest.raises(StepError) as caught:
        full.run(only="second")
    assert str(caught.value) == absent.why


def test_a_locked_run_fails_in_the_words_of_the_decision(full: Toy) -> None:
    write_lock(lock_path(full.folder / "toy.yaml"), full.plan(), full.run())
    lock, plan = read_lock(full.folder / "toy.yaml"), full.plan("with.text=b")
    decision = decide(plan, plan.steps["first"], {}, full.store, select(plan), lock)
    outcome = full.run("with.text=b", settings=RunSettings(locked=lock))
    assert outcome.records["first"].error == decision.why
