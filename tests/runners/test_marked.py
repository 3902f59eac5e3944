"""Sides are read in batches that suit all of them, and what marking does to an engine is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from trtflow.data import Sample
from trtflow.errors import DataError
from trtflow.runners.known import Known
from trtflow.runners.marked import Compared, MarkedCandidate, compare_marked
from trtflow.runners.side import Reading

TENSORS = ["a", "b", "c"]
BATCHES = [["a", "b"], ["c"]]
SAMPLES = [Sample({"x": np.full(4, value, np.float32)}) for value in (1.0, 3.0)]


@dataclass
class Fake:
    """An engine of a = 2x, b = 3x, c = 4x, y = 5x, each times ``scale``; marks change y by ``shift``."""

    scale: float = 1.0
    shift: float = 0.0
    observed: bool = True
    readable: frozenset[str] = frozenset(TENSORS)
    started: list[tuple[str, ...]] = field(default_factory=list)
    open: int = 0

    def start(self, tensors: Sequence[str]) -> Run:
        self.started.append(tuple(tensors))
        return Run(self, tuple(name for name in tensors if name in self.readable))


@dataclass
class Run:
    """A fake that was started."""

    fake: Fake
    marks: tuple[str, ...]
    name: str = "fake"

    @property
    def readings(self) -> dict[str, Reading]:
        return dict.fromkeys(self.marks, Reading("cast", "fused"))

    def __enter__(self) -> Run:
        self.fake.open += 1
        return self

    def __exit__(self, *_: object) -> None:
        self.fake.open -= 1

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        x = feed["x"] * np.float32(self.fake.scale)
        known = {"a": 2 * x, "b": 3 * x, "c": 4 * x}
        end = 5 * x * np.float32(1 + (self.fake.shift if self.marks else 0))
        return {"y": end, **{name: known[name] for name in self.marks}}


def compared(reference: Fake, samples: Sequence[Sample] = SAMPLES, **candidates: Fake) -> Compared:
    sides = {name: MarkedCandidate(fake, "fp16") for name, fake in candidates.items()}
    return compare_marked(reference, sides, BATCHES, ["y"], samples, lambda *_: None, Known())


def test_every_tensor_and_the_inputs_have_statistics_over_all_samples() -> None:
    found = compared(Fake(observed=False), half=Fake(scale=1.5), same=Fake())
    assert {name: [*tensors] for name, tensors in found.statistics.items()} == {
        "half": ["x", "a", "b", "c"],
        "same": ["x", "a", "b", "c"],
    }
    assert {entry.total.count for tensors in found.statistics.values() for entry in tensors.values()} == {8}
    wrong = {name: tensors["b"].total.differing for name, tensors in found.statistics.items()}
    assert wrong == {"half": 8, "same": 0}


def test_a_batch_is_an_engine_of_its_own_and_one_is_not_marked() -> None:
    engine, plain = Fake(), Fake(observed=False)
    compared(plain, engine=engine)
    assert engine.started == [(), ("a", "b"), ("c",)]
    assert plain.started == [("a", "b"), ("c",)]
    assert (engine.open, plain.open) == (0, 0)


def test_what_marks_change_of_the_outputs_is_the_observer_effect() -> None:
    found = compared(Fake(observed=False), kept=Fake(), changed=Fake(shift=0.25))
    assert found.observer == {"kept": 0.0, "changed": pytest.approx(0.25)}
    assert compared(Fake(shift=-0.5), one=Fake(observed=False)).observer == {"reference": pytest.approx(0.5)}


def test_outputs_that_marks_make_infinite_change_without_bounds() -> None:
    assert compared(Fake(observed=False), broken=Fake(shift=math.inf)).observer == {"broken": math.inf}


def test_a_tensor_that_a_side_does_not_show_is_missing_there_alone() -> None:
    found = compared(Fake(observed=False), engine=Fake(readable=frozenset("ac")), other=Fake(observed=False))
    assert [*found.statistics["engine"]] == ["x", "a", "c"]
    assert [*found.statistics["other"]] == ["x", "a", "b", "c"]
    assert found.readings == {"engine": dict.fromkeys("ac", Reading("cast", "fused"))}


def test_a_tensor_of_another_shape_is_not_compared() -> None:
    class Flat(Fake):
        def start(self, tensors: Sequence[str]) -> Run:
            return Flattened(self, tuple(tensors))

    class Flattened(Run):
        def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
            return {n: a[None] if n == "b" else a for n, a in super().__call__(feed).items()}

    assert [*compared(Fake(observed=False), flat=Flat()).statistics["flat"]] == ["x", "a", "c"]


def test_what_is_built_is_told_with_how_many_engines_there_are() -> None:
    told: list[str] = []
    sides = {name: MarkedCandidate(Fake(), "fp16") for name in ("one", "other")}
    compare_marked(Fake(observed=False), sides, BATCHES, ["y"], SAMPLES, lambda *said: told.append(said[2]), Known())
    assert [line for line in told if "building" in line] == [
        "building one, other as they are",
        "building one, other with layers marked, 1 of 2",
        "building one, other with layers marked, 2 of 2",
    ]


def test_where_nothing_can_be_read_the_outputs_are_judged_all_the_same() -> None:
    found = compared(Fake(observed=False), engine=Fake(readable=frozenset()))
    assert [*found.statistics["engine"]] == ["x"]


def test_a_reference_that_tells_nothing_is_refused() -> None:
    with pytest.raises(DataError, match="nothing but zeros"):
        compared(Fake(scale=0.0), engine=Fake())


def test_a_side_that_stops_leaves_none_open() -> None:
    class Stopping(Fake):
        def start(self, tensors: Sequence[str]) -> Run:
            if tensors:
                raise RuntimeError("no memory")
            return super().start(tensors)

    reference = Fake(observed=False)
    with pytest.raises(RuntimeError, match="no memory"):
        compared(reference, engine=Stopping())
    assert reference.open == 0
