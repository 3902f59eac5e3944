from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toyrun import Toy, states, texts

from trtflow.engine.commands import check_locked
from trtflow.engine.lock import compare_metrics, lock_path, read_lock, write_lock
from trtflow.engine.outcome import Outcome, RunSettings
from trtflow.engine.select import select
from trtflow.engine.store import Store
from trtflow.errors import LockError
from trtflow.steps.contract import StepRecord
from trtflow.yaml12 import load


@pytest.fixture
def locked(toy: Toy) -> Toy:
    """Two steps and one that looks back, run and locked."""
    toy.workflow(
        {
            "first": {"uses": "write", "with": {"text": "${inputs.text}"}},
            "second": {"uses": "write", "with": {"after": "${first.text}"}},
            "gather": {"uses": "gather", "with": {"of": ["first", "second"]}},
        },
        {"text": {"type": "string", "default": "a"}},
    )
    assert write_lock(lock_path(toy.folder / "toy.yaml"), toy.plan(), toy.run())
    return toy


def test_the_lock_lies_beside_its_config() -> None:
    assert lock_path(Path("configs/unet.yaml")) == Path("configs/unet.lock.yaml")


def test_the_lock_records_keys_digests_tools_and_metrics(locked: Toy) -> None:
    document = load((locked.folder / "toy.lock.yaml").read_text())
    records = locked.run().records
    assert document["tools"]["pyyaml"]
    assert document["steps"]["second"] == {
        "key": locked.preview()["second"].key,
        "uses": "write",
        "version": 1,
        "with": {
            "text": "hello",
            "after": f"sha256:{records['first'].digests['text']}",
            "max-count": 1,
            "data": {"source": None, "labels": None},
            "mode": "plain",
        },
        "environment": {"pyyaml": document["tools"]["pyyaml"]},
        "outputs": {"text": {"sha256": records["second"].digests["text"], "size": 6}},
        "metrics": {"length": 5},
    }
    assert "outputs" not in document["steps"]["gather"]  # they may show seconds


def test_equal_runs_write_equal_locks(locked: Toy) -> None:
    path = locked.folder / "toy.lock.yaml"
    before = path.read_bytes()
    assert not write_lock(path, locked.plan(), locked.run())
    locked.store = Store(locked.folder / "another")
    assert not write_lock(path, locked.plan(), locked.run())
    assert path.read_bytes() == before


def test_a_locked_run_accepts_what_the_lock_says(locked: Toy) -> None:
    lock = read_lock(locked.folder / "toy.yaml")
    check_locked(locked.plan(), locked.store, select(locked.plan()), lock)
    locked.store = Store(locked.folder / "another")
    assert set(states(locked.run(settings=RunSettings(locked=lock))).values()) == {"done"}


def test_a_change_that_shows_only_later_fails_its_step(locked: Toy) -> None:
    lock = read_lock(locked.folder / "toy.yaml")
    outcome = locked.run("steps.second.with.max-count=2", settings=RunSettings(locked=lock))
    assert texts(outcome.failed) == {
        "second": "would change, and --locked forbids it: with.max-count 1 → 2",
        "gather": ("would change, and --locked forbids it: with.of.1.record changed, with.of.1.status done → failed"),
    }


@pytest.mark.parametrize("text", [None, "a: 1", "[]", "trtflow-lock: 1\nsteps: 3\n", "trtflow-lock: 9\n", "a: [\n"])
def test_what_is_no_lock_is_refused(toy: Toy, text: str | None) -> None:
    if text is not None:
        (toy.folder / "toy.lock.yaml").write_text(text)
    with pytest.raises(LockError, match=r"toy\.lock\.yaml is "):
        read_lock(toy.folder / "toy.yaml")


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ({"iou": 0.95}, {"iou": 0.9501}, []),
        ({"iou": 0.95}, {"iou": 0.90}, ["s.iou: 0.95 → 0.9"]),
        ({"x": float("nan"), "y": float("inf")}, {"x": float("nan"), "y": float("inf")}, []),
        ({"x": [1, 2]}, {"x": [1, 3]}, ["s.x.1: 2 → 3"]),
        ({"x": [1]}, {"x": [1, 3]}, ["s.x: [1] → [1, 3]"]),
        ({"kept": "a"}, {"kept": "b"}, ["s.kept: a → b"]),
        ({"x": True}, {"x": 1}, []),
        ({}, {"x": 1}, ["s.x: None → 1"]),
    ],
)
def test_metrics_are_compared_within_a_tolerance(old: dict[str, Any], new: dict[str, Any], found: list[str]) -> None:
    outcome = Outcome({"s": StepRecord("s", status="done", metrics=new)})
    assert list(compare_metrics({"s": {"metrics": old}}, outcome, 0.01)) == found


def test_steps_that_fail_come_or_go_are_differences() -> None:
    outcome = Outcome({"a": StepRecord("a", status="failed", error="broke"), "new": StepRecord("new", status="done")})
    assert list(compare_metrics({"a": {}, "gone": {}}, outcome, 0.01)) == [
        "a: broke",
        "gone: is no longer a step",
        "new: it is not in the lock file",
    ]
