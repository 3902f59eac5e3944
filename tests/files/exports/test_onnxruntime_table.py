"""The table comes back from ONNX Runtime's own reader as it was, magnitudes and not ends."""

from __future__ import annotations

import pytest
from decisions import decision, int8_decision
from hypothesis import given
from hypothesis import strategies as st
from onnxruntime.quantization.CalTableFlatBuffers.TrtTable import TrtTable

from trtflow.files.exports import onnxruntime_table


def as_onnxruntime_reads(content: bytes) -> dict[str, float]:
    table = TrtTable.GetRootAsTrtTable(content, 0)
    entries = map(table.Dict, range(table.DictLength()))
    return {entry.Key().decode(): float(entry.Value()) for entry in entries}


positive = st.floats(min_value=1e-30, max_value=1e30)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n")), positive))
def test_any_range_comes_back_exactly(ranges: dict[str, float]) -> None:
    assert as_onnxruntime_reads(onnxruntime_table.write(decision(a="int8", scales=ranges))) == ranges


def test_entries_are_sorted_and_a_dead_tensor_has_none() -> None:
    found = as_onnxruntime_reads(onnxruntime_table.write(int8_decision()))
    assert [*found] == ["b_out", "of another graph", "x"]


@pytest.mark.parametrize(("kept", "suits"), [({"a": "int8"}, True), ({"a": "fp8"}, False)])
def test_ranges_are_for_int8_alone(kept: dict[str, str], suits: bool) -> None:
    assert onnxruntime_table.suits(decision(**kept)) is suits  # type: ignore[arg-type]
