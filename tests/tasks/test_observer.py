"""An engine that computes something else while it is read is told, with what to do instead."""

from __future__ import annotations

import math

import pytest
from report_fakes import statistics

from trtflow.tasks.documents import Documents
from trtflow.tasks.marks import marks
from trtflow.tasks.observer import DECISIVE, observed, observer_mark


@pytest.mark.parametrize(("effect", "told"), [(0.0, False), (DECISIVE, False), (0.011, True), (math.inf, True)])
def test_a_large_change_is_a_mark_of_the_verdict(effect: float, told: bool) -> None:
    found = Documents(statistics=statistics(3).model_copy(update={"observer": {"engine": effect}}))
    sentence = observed("engine", effect)
    assert [*observer_mark(found)] == ([sentence] if told else [])
    assert (f"{sentence}." in marks(found)) is told
    assert ("unfused-debug" in sentence and "the emulator" in sentence) is told


def test_nothing_compared_is_nothing_told() -> None:
    assert [*observer_mark(Documents())] == []
