"""The measurement finds the rule that a kernel follows, and the error of each length."""

from __future__ import annotations

import numpy as np
import pytest
from fidelity_recurrent import RULED, TRIED, Case, by_length, kernels, rms, which_rule
from recurrent_steps import GATES, chained, half, steps


@pytest.mark.parametrize("rule", ["state, cell, input, hidden", "tensor", "tensor, sums of 16"])
def test_the_rule_that_a_kernel_follows_comes_first(rule: str) -> None:
    case = Case("LSTM", 32, 16, 2)
    rows = [row.split(" | ") for row in which_rule(case, steps(case.weights, case.x, TRIED[rule]))]
    assert {row[0] for row in rows} == set(TRIED)
    assert rows[0] == [rule, "100.0%", "100.0%", "100.0%", "0.00", "1.00"]
    assert float(rows[1][4]) > 0.1


MEASURED: dict[str, dict[str, list[float]]] = {
    "LSTM": {"unit": [12.5, 15.6, 14.6], "every tensor": [9.4, 18.0, 15.3]},
    "RNN": {"unit": [12.5, 30.5, 28.8], "every tensor": [15.6, 27.0, 27.8]},
    "GRU": {"unit": [18.8, 23.0, 24.0], "every tensor": [25.0, 21.5, 22.9]},
}
"""Of ONNX Runtime's CUDA provider on an H100, hidden size 32: the share of values equal to those of other rules after
1 and 8 steps and after all 128, in %."""


@pytest.mark.parametrize("op", sorted(GATES))
def test_fp16_arithmetic_and_sums_have_the_bits_that_onnx_runtime_has_on_a_gpu(op: str) -> None:
    case = Case(op, 32, RULED, 1)
    rows = (row.split(" | ") for row in which_rule(case, case.tried["tensor, sums of 16"]))
    shares = {name: [float(share.rstrip("%")) for share in same[:3]] for name, *same in rows}
    for rule, expected in MEASURED[op].items():
        np.testing.assert_allclose(shares[rule], expected, atol=0.15)


@pytest.mark.parametrize("op", sorted(GATES))
def test_a_length_is_measured_by_itself(op: str) -> None:
    case = Case(op, 8, 32, 1)
    ((_, kernel),) = kernels(case, stand_in=True)
    rows = [row.split(" | ") for row in by_length(case, kernel, [8, 32])]
    assert [row[0] for row in rows] == ["8", "32"]
    for row, length in zip(rows, (8, 32), strict=True):
        share = np.mean(kernel(case.x[:length]) == case.tensor[:length])
        assert row[6] == f"{share:.1%}"
        assert all(0.3 < float(ratio) < 3 for ratio in row[2:6])


def test_a_chained_sum_stays_infinite_once_it_overflowed() -> None:
    left, right = np.full((1, 64), 256, np.float32), np.full((64, 1), 256, np.float32)
    left[0, 32:] = -256
    assert np.isposinf(chained(left, right)[0, 0])
    assert half(left @ right)[0, 0] == 0


def test_where_memory_is_long_the_error_of_the_state_adds_up() -> None:
    case = Case("GRU", 32, 256, 1, long_memory=True)
    missed = [rms(made - case.exact) for made in (case.old, case.unit, case.tensor)]
    assert missed[1] > 1.5 * missed[0]
    assert missed[2] > 1.5 * missed[0]
