"""A document is read strictly, whatever it holds, and what is wrong with it is said all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from trtflow.errors import PlanError
from trtflow.files.yaml_file import Part, read_document


class Shopping(Part):
    """A document for these tests."""

    version: Literal[2] = Field(2, alias="shopping")
    count: int
    notes: tuple[str, ...] = ()


def read(tmp_path: Path, text: str | bytes) -> Shopping:
    (tmp_path / "list.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(tmp_path / "list.yaml", Shopping, "shopping", 2)


def test_lists_become_tuples(tmp_path: Path) -> None:
    assert read(tmp_path, "shopping: 2\ncount: 3\nnotes: [no, 'on']\n") == Shopping(count=3, notes=("no", "on"))


def test_all_problems_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(PlanError) as caught:
        read(tmp_path, "shopping: 2\nnotes: 1\ncount: three\nmore: 1\n")
    starts = [line.split("list.yaml:")[1] for line in str(caught.value).splitlines() if "list.yaml:" in line]
    assert starts == [
        "2:8: expected a list, found 1",
        "3:8: expected an integer, found 'three'",
        "4:1: unknown key 'more'",
    ]
    assert str(caught.value).endswith("\n\n3 problems found")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a map, found null"),
        ("- 1\n", "expected a map, found a list"),
        ("a: [", "not valid YAML"),
        ("count: 3\n", "'shopping' is missing"),
        ("shopping: 1\ncount: 3\n", "this trtflow reads format 2, not 1(.|\n)*write shopping: 2"),
        ("shopping: 3\ncount: 3\n", "this trtflow reads format 2, not 3(.|\n)*install a newer trtflow"),
        ("shopping: 2\ncount: 3.5\n", "expected an integer, found 3.5"),
        ("shopping: 2\ncount: !!int 3\nversion: 2\n", "unknown key 'version'"),
        (b"shopping: \xff", "cannot be read: it is not UTF-8 text"),
    ],
)
def test_what_does_not_follow_the_format_is_a_plan_error(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        read(tmp_path, text)


def test_a_file_that_is_missing_is_a_plan_error(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"none\.yaml: cannot be read: No such file"):
        read_document(tmp_path / "none.yaml", Shopping, "shopping", 2)
