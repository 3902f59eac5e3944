"""What is written is JSON that any reader takes, and no number is lost."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.files.strict_json import json_numbers, write_json


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@pytest.mark.parametrize(
    ("value", "text"), [(math.inf, "Infinity"), (-math.inf, "-Infinity"), (math.nan, "NaN"), (1.5, 1.5), (True, True)]
)
def test_what_json_cannot_say_becomes_text_that_float_reads(value: float, text: object) -> None:
    assert json_numbers({"a": [value, (value,)]}) == {"a": [text, [text]]}
    assert float(text) == value or math.isnan(value)  # type: ignore[arg-type]


def test_a_file_holds_no_constant_that_json_lacks(tmp_path: Path) -> None:
    write_json({"sqnr": math.inf, "rows": ({"worst": math.nan},)}, tmp_path / "f.json")
    document = json.loads((tmp_path / "f.json").read_text(), parse_constant=refuse)
    assert document == {"sqnr": "Infinity", "rows": [{"worst": "NaN"}]}


finite = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
documents = st.recursive(finite, lambda child: st.lists(child) | st.dictionaries(st.text(), child), max_leaves=10)


@given(documents)
def test_all_else_stays_as_it_is(document: Any) -> None:
    assert json_numbers(document) == document
