"""A builder's progress is that of its outermost phase, from whatever thread."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from trtflow.trt.monitor import make_monitor


class Base:
    """Stands for TensorRT's class, whose constructor must be called."""

    def __init__(self) -> None:
        self.made = True


def monitored() -> tuple[Any, list[tuple[int, int | None, str]]]:
    told: list[tuple[int, int | None, str]] = []
    return make_monitor(SimpleNamespace(IProgressMonitor=Base), lambda *step: told.append(step)), told


def test_steps_of_the_outer_phase_are_passed_on_and_inner_ones_are_not() -> None:
    monitor, told = monitored()
    monitor.phase_start("building", None, 2)
    monitor.phase_start("tactics", "building", 100)
    answers = [monitor.step_complete("tactics", 0), monitor.step_complete("building", 0)]
    monitor.phase_finish("tactics")
    answers.append(monitor.step_complete("building", 1))
    monitor.phase_finish("building")
    assert told == [(0, 2, "building"), (1, 2, "building"), (2, 2, "building")]
    assert (answers, monitor.made, isinstance(monitor, Base)) == ([True] * 3, True, True)


def test_more_steps_than_announced_never_exceed_the_whole() -> None:
    monitor, told = monitored()
    monitor.phase_start("building", None, 1)
    monitor.step_complete("building", 5)
    assert told[-1] == (1, 1, "building")
