"""Recurrent operators by length."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fidelity_recurrent import GATES, errors, recurrent, relative

from trtflow.runners import registry


@pytest.mark.parametrize("op", GATES)
def test_with_the_emulator_on_both_sides_errors_are_equal_and_those_of_fp16(
    op: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fidelity_standin

    monkeypatch.setitem(registry.BACKENDS, "cuda", fidelity_standin.StandIn())  # type: ignore[misc]
    real, emulated, real_last, emulated_last = errors(recurrent(op, 8, seed=0), 8, seed=0)
    assert real == pytest.approx(emulated, rel=1e-3)
    assert real_last == pytest.approx(emulated_last, rel=1e-3)
    assert 2**-14 < emulated < 2**-9


def test_the_error_is_relative_and_infinite_where_a_value_is() -> None:
    assert relative(np.array([3.0, 4.0]), np.array([3.0, 4.5])) == pytest.approx(0.1)
    assert math.isinf(relative(np.array([1.0]), np.array([math.inf])))
