"""What the table of NaN says of the emulator, and that the table can tell."""

from __future__ import annotations

from collections import defaultdict

import nan_backends
import nan_table
import numpy as np
import pytest
from nan_operators import probes
from nan_probe import Probe, faults

PROBES: dict[str, list[Probe]] = defaultdict(list)
for each in probes():
    PROBES[each.operator].append(each)

WITHOUT_A_CODE = {"QuantizeLinear+DequantizeLinear"}
INDICES = {"ArgMax", "ArgMin"}


@pytest.mark.parametrize("operator", sorted(PROBES.keys() - WITHOUT_A_CODE - INDICES))
def test_the_emulator_keeps_nan_through(operator: str) -> None:
    rows = [nan_table.examine(probe, nan_backends.emulator, ("NaN",)) for probe in PROBES[operator]]
    assert [row for row in rows if "missing" in row or row["NaN"].keys() & {"lost", "spread", "value"}] == []


@pytest.mark.parametrize(
    ("expected", "found", "seen"),
    [
        ([np.nan, 1], [np.nan, 1], set()),
        ([np.nan, 1], [0, 1], {"lost"}),
        ([0, 1], [np.nan, 1], {"spread"}),
        ([np.inf, 1], [65504, 1], {"value"}),
        ([0, 1], [-0.0, 2], {"sign", "value"}),
    ],
)
def test_a_fault_has_the_name_of_what_happened(expected: list[float], found: list[float], seen: set[str]) -> None:
    assert faults(np.float64(expected), np.float64(found)) == seen


def test_what_a_plain_session_loses_is_counted() -> None:
    plain = nan_backends.onnx_runtime("CPU", "float32")
    rows = [nan_table.examine(probe, plain, ("NaN",)) for probe in PROBES["GlobalMaxPool"]]
    assert nan_table.cell(rows, "NaN").startswith("lost ")


def test_the_emulated_audio_network_is_not_finite_where_an_h100_is_not() -> None:
    found = nan_table.audio(cuda=False)["emulator fp16"]
    assert sorted(found) == [
        *("Clip", "Conv", "Conv_1", "Conv_2", "Log", "MatMul", "Max", "MaxPool", "Mul_1", "ReduceMax", "ReduceMin"),
        *("Relu", "Relu_1", "Sigmoid", "Sub", "y"),
    ]
