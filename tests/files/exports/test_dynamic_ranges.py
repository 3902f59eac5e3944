"""The text of ranges, whose reader splits at the first colon."""

from __future__ import annotations

import pytest
from decisions import decision

from trtflow.files.exports import dynamic_ranges


@pytest.mark.parametrize(
    ("name", "line"),
    [("images", "images: 7.3"), ("/a/Conv_output_0", "/a/Conv_output_0: 7.3"), ("scope/x:0", "# scope/x:0: 7.3")],
)
def test_a_name_with_a_colon_becomes_a_comment(name: str, line: str) -> None:
    assert dynamic_ranges.write(decision(scales={name: 7.3})) == f"{line}\n"


def test_without_ranges_it_is_empty() -> None:
    assert dynamic_ranges.write(decision()) == ""


def as_the_sample_reads(text: str) -> dict[str, float]:
    """sampleINT8API: lines that begin with # are left out, the first colon ends the name."""
    lines = [line.split(":", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(amax) for name, amax in lines}


def test_the_sample_reads_what_it_can_be_told() -> None:
    ranges = {"a": 0.1, "/b/Conv_output_0": 1e-20, "c:0": 2.0}
    text = dynamic_ranges.write(decision(scales=ranges))
    assert as_the_sample_reads(text) == {"a": 0.1, "/b/Conv_output_0": 1e-20}
