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
from trtflow.runners.marked import Compared, MarkedCandidate, common_batches, compare_marked

TENSORS = ["a", "b", "c"]
SAMPLES = [Sample({"x": np.full(4, value, np.float32)}) for value in (1.0, 3.0)]


@dataclass
class Fake:
    """An engine of a = 2x, b = 3x, c = 4x, y = 5x, each times ``scale``; marks change y by ``shift``."""

    scale: float = 1.0
    shift: float = 0.0
    observed: bool = True
    size: int = 2
    readable: frozenset[str] = frozenset(TENSORS)
    started: list[tuple[str, ...]] = field(default_factory=list)
    open: int = 0

    def batches(self, tensors: Sequence[str]) -> list[list[str]]:
        known = [name for name in tensors if name in self.readable]
        return [known[place : place + self.size] for place in range(0, len(known), self.size)]

    def start(self, tensors: Sequence[str]) -> Run:
        self.started.append(tuple(tensors))
        return Run(self, tuple(tensors))


@dataclass
class Run:
    """A fake that was started."""

    fake: Fake
    marks: tuple[str, ...]
    name: str = "fake"

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
    return compare_marked(reference, sides, TENSORS, ["y"], samples, lambda *_: None, Known())


def test_every_tensor_and_the_inputs_have_statistics_over_all_samples() -> None:
    found = compared(Fake(observed=False), half=Fake(scale=1.5), same=Fake())
    assert {name: [*tensors] for name, tensors in found.statistics.items()} == {
        "half": ["x", "a", "b", "c"],
        "same": ["x", "a", "b", "c"],
    }
    assert {entry.total.count for tensors in found.statistics.values() for entry in tensors.values()} == {8}
    wrong = {name: tensors["b"].total.differing for name, tensors in found.statistics.items()}
    assert wrong == {"half": 8, "same": 0}
    assert found.tensors == ("a", "b", "c")


def test_a_batch_is_an_engine_of_its_own_and_one_is_not_marked() -> None:
    engine, plain = Fake(), Fake(observed=False, size=3)
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


def test_batches_suit_all_sides_and_hold_what_all_can_read() -> None:
    sides = [Fake(size=3), Fake(size=2), Fake(size=2, readable=frozenset("bc"))]
    assert common_batches(sides, TENSORS) == [("b",), ("c",)]
    assert common_batches([], TENSORS) == [("a", "b", "c")]


def test_a_tensor_that_one_side_does_not_show_is_left_out() -> None:
    found = compared(Fake(observed=False), engine=Fake(readable=frozenset("ac")))
    assert found.tensors == ("a", "c")
    assert [*found.statistics["engine"]] == ["x", "a", "c"]


def test_where_nothing_can_be_read_the_outputs_are_judged_all_the_same() -> None:
    found = compared(Fake(observed=False), engine=Fake(readable=frozenset()))
    assert (found.tensors, [*found.statistics["engine"]]) == ((), ["x"])


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
