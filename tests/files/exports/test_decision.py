"""What every export may ask of a decision."""

from __future__ import annotations

import math

import pytest
from decisions import decision

from trtflow.errors import PlanError
from trtflow.files.exports.decision import parse_version


def test_only_ranges_that_tensorrt_builds_on_are_given() -> None:
    scales = {"dead": 0.0, "negative": -1.0, "broken": math.nan, "wide": math.inf, "x": 1.0}
    assert decision(scales=scales).ranges == {"x": 1.0}


def test_a_name_with_a_line_break_cannot_be_written() -> None:
    with pytest.raises(PlanError, match=r"'a\\nb': a tensor's name with a line break"):
        _ = decision(scales={"x": 1.0, "a\nb": 1.0}).ranges


@pytest.mark.parametrize(("low", "expected"), [({}, False), ({"a": "fp8"}, False), ({"a": "int8"}, True)])
def test_int8_is_asked_of_the_nodes(low: dict[str, str], expected: bool) -> None:
    assert decision("b", scales={"x": 1.0}, **low).has_int8 is expected


@pytest.mark.parametrize(("text", "version"), [("8.6.1", (8, 6, 1)), ("10.13.3.9", (10, 13, 3))])
def test_a_version_is_its_first_three_numbers(text: str, version: tuple[int, int, int]) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("text", ["", "8.6", "10.x.1", "v8.6.1", "8..1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(PlanError, match="is no version of TensorRT; expected three numbers, as in"):
        parse_version(text)
