"""Values that know where they were written, and how a problem is shown there."""

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
)
from trtflow.yaml12 import dump, parse


def located(text: str, file: str = "a.yaml") -> Located:
    """A parsed file in the folder ``here``."""
    return parse(text, file, Path("here"))


def at(line: str, column: int, length: int = 1, number: int = 1) -> Location:
    """A place in a file whose line ``number`` is ``line``."""
    return Location("a.yaml", Path(), number, column, length, ("",) * (number - 1) + (line,))


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc", max_size=3),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), child),
    max_leaves=8,
)


@given(documents)
def test_without_its_positions_a_value_is_what_was_written(document: object) -> None:
    assert located(dump(document)).plain() == document


@given(documents)
def test_leaves_are_the_values_at_their_paths(document: object) -> None:
    tree = located(dump(document))
    assert all(tree.find(path).plain() == leaf.plain() for path, leaf in tree.leaves())


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("a", "b"), 1, 2),
        (("a", "c", 1), 3, 3),
        (("a", "none"), {"b": 1, "c": [2, 3]}, 2),  # the deepest there is
        (("a", "union-tag", "b"), 1, 2),  # what the file lacks is passed over
        (("a", "c", 9), [2, 3], 3),
        ((), {"a": {"b": 1, "c": [2, 3]}}, 1),
    ],
)
def test_the_deepest_value_on_a_path_is_found(path: tuple[str | int, ...], value: object, line: int) -> None:
    found = located("a:\n  b: 1\n  c: [2, 3]\n").find(path)
    assert (found.plain(), found.at.line) == (value, line)


@pytest.mark.parametrize(("key", "value"), [(0, 2), (1, 3), (2, None), (-1, None), ("a", None)])
def test_a_child_of_a_list_is_told_by_its_number(key: int | str, value: int | None) -> None:
    child = located("[2, 3]").child(key)
    assert (None if child is None else child.value) == value


def test_what_a_reference_brought_in_knows_where_it_was_used() -> None:
    used = at("${inputs.data}", 1)
    tree = Located(located("{a: [1, 2]}").value, at("{a: [1, 2]}", 1), used=used)
    assert tree.find(("a", 1)).used == used
    assert {leaf.used for _, leaf in tree.leaves()} == {used}


@pytest.mark.parametrize(
    ("line", "column", "text", "narrowed"),
    [
        ("key: ${a.b} and ${c.d}", 6, "${c.d}", (17, 6)),
        ("${x} ${x}", 3, "${x}", (6, 4)),  # not before the stretch
        ("key: value", 6, "none", (6, 5)),
    ],
)
def test_a_stretch_is_narrowed_to_a_text_in_it(line: str, column: int, text: str, narrowed: tuple[int, int]) -> None:
    found = at(line, column, 5).narrowed(text)
    assert (found.column, found.length) == narrowed


@pytest.mark.parametrize(
    ("place", "lines"),
    [
        (at("key: value", 6, 5, number=12), ["   12 | key: value", "      |      ^^^^^"]),
        (at("key: value", 6, 0), ["    1 | key: value", "      |      ^"]),
        (at("   ", 1), []),
        (Location("argument 1", Path(), 3, 1), []),
    ],
)
def test_an_excerpt_is_the_line_and_a_caret(place: Location, lines: list[str]) -> None:
    assert excerpt(place) == lines


@given(st.integers(1, 300), st.integers(1, 60))
def test_in_a_long_line_the_caret_stands_under_its_word(column: int, length: int) -> None:
    line = "".join(chr(ord("a") + i % 26) for i in range(400))
    source, caret = (text[8:] for text in excerpt(at(line, column, length)))
    start, shown = caret.index("^"), caret.count("^")
    assert len(source) <= WIDTH
    assert source[start : start + shown] == line[column - 1 : column - 1 + shown]
    assert shown >= min(length, WIDTH // 2)


def test_a_problem_is_its_place_its_line_help_and_use() -> None:
    text = str(Problem("no input 'x'", at("a: x", 4), "did you mean 'y'?", at("b: ${a}", 4, 4, number=7)))
    assert text.splitlines() == [
        "a.yaml:1:4: no input 'x'",
        "    1 | a: x",
        "      |    ^",
        "      = did you mean 'y'?",
        "  used at a.yaml:7:4",
        "    7 | b: ${a}",
        "      |    ^^^^",
    ]


@pytest.mark.parametrize(("key", "where"), [(False, "a.yaml:1:4"), (True, "a.yaml:1:1")])
def test_a_problem_stands_at_a_value_or_at_its_key(key: bool, where: str) -> None:
    child = located("a: 1").child("a")
    assert child is not None
    assert position(problem("wrong", child, key=key).at) == where


def test_a_value_without_a_key_has_its_problem_at_itself() -> None:
    assert position(problem("wrong", located("a: 1"), key=True).at) == "a.yaml:1:1"


def test_problems_are_raised_together_each_once_in_the_order_of_the_files() -> None:
    second, first = Problem("b", at("x: 1", 4)), Problem("a", at("x: 1", 1))
    with pytest.raises(ConfigError) as caught:
        raise_problems([second, first, second])
    assert [line for line in str(caught.value).splitlines() if "a.yaml" in line] == ["a.yaml:1:1: a", "a.yaml:1:4: b"]
    assert str(caught.value).endswith("\n\n2 problems found")


def test_one_problem_is_one_and_none_is_nothing() -> None:
    raise_problems([])
    with pytest.raises(ConfigError, match=r"1 problem found$"):
        raise_problems([Problem("a", at("x", 1))])


def test_a_reference_to_an_output_is_written_as_in_the_file() -> None:
    tree = Located({"a": Located(OutputReference("first", "text"), at("", 1))}, at("", 1))
    assert tree.plain() == {"a": "${first.text}"}
