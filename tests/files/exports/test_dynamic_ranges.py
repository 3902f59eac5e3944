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
