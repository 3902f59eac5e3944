"""The Markdown of what was found."""

from __future__ import annotations

from typing import Any

import pytest
from fidelity_table import markdown, number, table


def side(value: float | str, accepted: bool) -> dict[str, Any]:
    return {"accepted": accepted, "metrics": {"iou": value, "sqnr": value}}


def found(real_low: bool) -> dict[str, Any]:
    end = {"kept": 0, "emulated": side(0.9, True), "unit": side(0.9, True), "real": side(0.9, True)}
    low = {**end, "emulated": side(0.1, False), "real": side(0.2, real_low)}
    layers = {
        "layers": 3, "compared": 2, "correlation": 0.99, "ratios": [0.9, 1.0, 1.3], "both_nonfinite": 0,
        "emulated_only": [], "real_only": ["/relu/Relu"], "observer": {"real": 0.0},
        "by_op": {"Conv": [2, 0.9, 1.0, 1.1], "LSTM": [1, 1.5, 1.5, 1.5]},
    }  # fmt: skip
    run = {"exit": 0, "sentence": "Accepted.", "seconds": 1.0, "plan": None}
    return {
        "ends": {"low": low, "plan": {**end, "kept": 2}, "fp32": end},
        "layers": {"low": layers},
        "commands": {"emulated": run, "cuda": run},
        "placement": {"fused": {"FusedConv": 3}, "marked": {}, "cpu": {"NonZero": 1}},
        "seconds": {"ends": 2.4, "layers": 1.0},
    }


def test_verdicts_that_agree_are_counted_and_refused_ones_marked() -> None:
    row = next(line for line in table({"unet": found(real_low=False)}, "fp16").splitlines() if "| unet |" in line)
    assert row == ("| unet | U-Net, cells | iou | 0.9 / 0.9 | 0.1 ✗ / 0.2 ✗ | 0.9 / 0.9 | 2 | 3 of 3 | 0 | 0 | 3 |")


def test_a_verdict_that_differs_is_named() -> None:
    assert "| 2 of 3: not all low |" in table({"unet": found(real_low=True)}, "fp16")


def test_layers_lost_on_one_side_operators_that_are_off_and_what_ran_on_the_cpu_are_told() -> None:
    told = table({"unet": found(real_low=False)}, "fp16").splitlines()
    assert "- unet, all low: not finite, real only: /relu/Relu" in told
    assert "- unet, all low: GPU / emulated: LSTM ×1 1.50–1.50" in told
    assert "- unet: fused {'FusedConv': 3}; fused although marked nothing; on the CPU {'NonZero': 1}" in told


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"failed": "no time left"}, "- unet: network: no time left"),
        ({"ends": {"failed": "RuntimeError: x"}}, "- unet: ends: RuntimeError: x"),
        ({"ends": {"low": {"kept": 0, "emulated": side(1, True), "real": {"failed": "no kernel"}}}},
         "- unet: all low real: no kernel"),
    ],
)  # fmt: skip
def test_what_failed_is_told_and_does_not_hide_the_rest(held: dict[str, Any], said: str) -> None:
    assert said in table({"unet": held}, "bf16").splitlines()


@pytest.mark.parametrize(
    ("value", "shown"), [(0.98427, "0.9843"), (float("inf"), "∞"), (float("-inf"), "−∞"), (-0.2, "−0.2")]
)
def test_numbers_have_four_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_each_row_of_a_table_has_its_heads_cells() -> None:
    lines = markdown(["a", "b"], [["1", "2"]])
    assert lines == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
