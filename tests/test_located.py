"""Values know where they were written, and problems show it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trtflow.errors import ConfigError
from trtflow.located import (
    WIDTH,
    Located,
    Location,
    OutputReference,
    Problem,
    excerpt,
    position,
    problem,
    raise_problems,
    shown,
)
from trtflow.yaml12 import parse

LINES = ("model: unet.onnx", "", "data: {source: eval.npz}")
TREE = parse("a: {b: [1, 2]}\nc: text\n", "t.yaml", Path("/here"))


def at(line: int, column: int = 1, length: int = 1, file: str = "c.yaml") -> Location:
    return Location(file, Path(), line, column, length, LINES)


def test_a_place_is_shown_as_editors_link_it_with_its_line_and_a_caret() -> None:
    assert position(at(3, 16)) == "c.yaml:3:16"
    assert excerpt(at(3, 16, 8)) == ["    3 | data: {source: eval.npz}", "      |                ^^^^^^^^"]


@pytest.mark.parametrize("line", [0, 2, 4])
def test_a_place_without_text_shows_no_line(line: int) -> None:
    assert excerpt(at(line)) == []


@given(st.integers(0, 300), st.integers(1, 300), st.integers(0, 300))
def test_the_caret_stands_under_its_word_however_long_the_line_is(before: int, length: int, after: int) -> None:
    line = "." * before + "x" * length + "." * after
    text, caret = excerpt(Location("f", Path(), 1, before + 1, length, (line,)))
    marked = text[caret.index("^") : caret.rindex("^") + 1]
    assert marked
    assert set(marked) == {"x"}
    assert max(len(text), len(caret)) <= len("    1 | ") + WIDTH


@pytest.mark.parametrize(("text", "column", "length"), [("eval", 16, 4), ("nothing of it", 7, 18), ("data", 7, 18)])
def test_a_place_narrows_to_a_word_inside_it(text: str, column: int, length: int) -> None:
    narrow = at(3, 7, 18).narrowed(text)
    assert (narrow.column, narrow.length) == (column, length)


def test_children_are_found_by_key_and_by_index() -> None:
    inner = TREE.find(("a", "b", 1))
    assert (inner.value, position(inner.at)) == (2, "t.yaml:1:12")


@pytest.mark.parametrize(
    ("path", "value"),
    [(("c",), "text"), (("c", "d"), "text"), (("a", "tag", "b", 0), 1), (("a", "b", 7), [1, 2]), ((), None)],
)
def test_segments_that_a_tree_lacks_are_passed_over(path: tuple[str | int, ...], value: object) -> None:
    assert TREE.find(path).plain() == (value if path else TREE.plain())


def test_a_reference_above_a_value_is_remembered() -> None:
    used = at(1)
    tree = Located({"a": Located([Located(1, at(3))], at(3), used=used)}, at(3))
    assert tree.find(("a", 0)).used == used
    assert [(path, leaf.used) for path, leaf in tree.leaves()] == [(("a", 0), used)]


def test_leaves_are_scalars_and_references_by_their_paths() -> None:
    tree = Located({"a": TREE, "r": Located(OutputReference("bisect", "plan"), at(1))}, at(1))
    assert [(path, leaf.plain()) for path, leaf in tree.leaves()] == [
        (("a", "a", "b", 0), 1), (("a", "a", "b", 1), 2), (("a", "c"), "text"), (("r",), "${bisect.plan}"),
    ]  # fmt: skip


def test_a_scalar_has_no_children() -> None:
    scalar = TREE.find(("c",))
    assert (scalar.entries, scalar.items, scalar.child("x"), scalar.child(0)) == ({}, [], None, None)


def test_a_problem_says_what_where_what_helps_and_who_used_it() -> None:
    text = str(Problem("no such file", at(3, 16, 8), "did you mean 'eval'?", at(1, 8, 9, "flow.yaml")))
    assert text == (
        "c.yaml:3:16: no such file\n"
        "    3 | data: {source: eval.npz}\n"
        "      |                ^^^^^^^^\n"
        "      = did you mean 'eval'?\n"
        "  used at flow.yaml:1:8\n"
        "    1 | model: unet.onnx\n"
        "      |        ^^^^^^^^^"
    )


@pytest.mark.parametrize(("key", "column"), [(False, 4), (True, 1)])
def test_a_problem_is_at_a_value_or_at_its_key(key: bool, column: int) -> None:
    assert problem("wrong", TREE.find(("c",)), key=key).at.column == column


def test_problems_are_raised_once_each_in_the_order_of_the_files() -> None:
    found = [Problem("b", at(3)), Problem("a", at(1)), Problem("b", at(3), used=at(1)), Problem("0", at(9, file="a"))]
    with pytest.raises(ConfigError) as caught:
        raise_problems(found)
    messages = [line.rpartition(": ")[2] for line in str(caught.value).splitlines() if line[:1] in ("a", "c")]
    assert messages == ["0", "a", "b"]
    assert str(caught.value).endswith("\n\n3 problems found")


def test_a_path_is_shown_relative_where_it_lies_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    assert shown(tmp_path / "in" / "x" / "c.yaml") == "x/c.yaml"
    assert shown(tmp_path / "c.yaml") == str(tmp_path.resolve() / "c.yaml")
