"""What pydantic complains about is told in our words, at the place in the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from trtflow.checked import describe, validate, version_problems
from trtflow.located import Located, Location
from trtflow.yaml12 import parse


class Circle(BaseModel):
    """One of two shapes, told apart by ``kind``."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["circle"]
    radius: float = Field(gt=0)


class Square(BaseModel):
    """The other shape."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["square"]
    side: float | str


class Drawing(BaseModel):
    """A document for these tests."""

    model_config = ConfigDict(extra="forbid")
    title: str = ""
    scale: Literal["one", "two"] | int = "one"
    path: Path = Path()
    shapes: tuple[Annotated[Circle | Square, Field(discriminator="kind")], ...] = ()
    ink: dict[Literal["black", "red"], int] = {}


def told(text: str) -> list[str]:
    """``line:column: message`` of each problem, and its help behind a bar."""
    found, problems = validate(Drawing, parse(text, "d.yaml", Path()))
    assert (found is None) is bool(problems)
    return [f"{one.at.line}:{one.at.column}: {one.message}{one.help and ' | ' + one.help}" for one in problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{titel: x}", "1:2: unknown key 'titel' | did you mean 'title'?"),
        ("{zzz: x}", "1:2: unknown key 'zzz' | one of: ink, path, scale, shapes, title"),
        ("{title: 3}", "1:9: expected a string, found 3"),
        ("{title: [a]}", "1:9: expected a string, found a list"),
        ("{title: {a: 1}}", "1:9: expected a string, found a map"),
        ("{title: null}", "1:9: expected a string, found null"),
        ("{path: true}", "1:8: expected a string, found true"),
        ("{scale: tow}", "1:9: expected one of one, two or an integer, found 'tow' | did you mean 'two'?"),
        ("{shapes: 3}", "1:10: expected a list, found 3"),
        ("{shapes: [3]}", "1:11: expected a map, found 3"),
        ("{shapes: [{radius: 1}]}", "1:11: 'kind' is missing"),
        (
            "{shapes: [{kind: circel}]}",
            "1:18: expected one of circle, square, found 'circel' | did you mean 'circle'?",
        ),
        ("{shapes: [{kind: circle}]}", "1:11: 'radius' is missing"),
        ("{shapes: [{kind: circle, radius: 0}]}", "1:34: expected more than 0.0, found 0"),
        ("{shapes: [{kind: square, side: [1]}]}", "1:32: expected a number or a string, found a list"),
        ("{shapes: [{kind: square, side: 1, sied: 1}]}", "1:35: unknown key 'sied' | did you mean 'side'?"),
        ("{ink: {balck: 1}}", "1:8: unknown key 'balck' | did you mean 'black'?"),
        ("{ink: {red: 1.5}}", "1:13: expected an integer, found 1.5"),
        ("[1]", "1:1: expected a map, found a list"),
    ],
)
def test_a_problem_is_told_in_our_words_and_at_its_place(text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_each_problem_is_told() -> None:
    assert told("title: 3\ntitles: 1\npath: p\nscale: tow\n") == [
        "2:1: unknown key 'titles' | did you mean 'title'?",
        "1:8: expected a string, found 3",
        "4:8: expected one of one, two or an integer, found 'tow' | did you mean 'two'?",
    ]


def test_what_fits_becomes_the_model() -> None:
    text = "{title: t, path: a/b, shapes: [{kind: square, side: 1}], ink: {red: 2}}"
    found, _ = validate(Drawing, parse(text, "d.yaml", Path()))
    assert found == Drawing(title="t", path=Path("a/b"), shapes=(Square(kind="square", side=1.0),), ink={"red": 2})


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[]", "expected a map, found a list", "begin with drawing: 3"),
        ("{}", "'drawing' is missing", "begin the file with drawing: 3"),
        ("drawing: 2", "this trtflow reads format 3, not 2", "write drawing: 3"),
        ("drawing: 4", "this trtflow reads format 3, not 4", "install a newer trtflow"),
        ("drawing: three", "this trtflow reads format 3, not 'three'", "write drawing: 3"),
    ],
)
def test_a_document_of_another_version_is_told(text: str, message: str, hint: str) -> None:
    problems = version_problems(parse(text, "d.yaml", Path()), "drawing", 3)
    assert [(one.message, one.help) for one in problems] == [(message, hint)]


def test_a_document_of_the_version_is_no_problem() -> None:
    assert version_problems(parse("drawing: 3", "d.yaml", Path()), "drawing", 3) == []


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (3, "3"), ("a", "'a'"), ({}, "a map"), ([], "a list")]
)
def test_values_are_described_as_yaml_has_them(value: object, text: str) -> None:
    assert describe(value) == text


@pytest.mark.parametrize("text", ["{scale: '3'}", "{ink: {red: '2'}}", "{shapes: [{kind: circle, radius: '1'}]}"])
def test_text_is_no_number(text: str) -> None:
    (problem,) = told(text)
    assert "expected" in problem
    assert problem.rpartition("found ")[2].startswith("'")


@pytest.mark.parametrize("number", ["1e-05", ".inf", "7"])
def test_any_number_is_a_number(number: str) -> None:
    assert told(f"{{shapes: [{{kind: circle, radius: {number}}}]}}") == []


def test_a_value_that_a_reference_brought_in_points_at_both_places() -> None:
    brought = parse("[3]", "inputs.yaml", Path())
    used = Location("d.yaml", Path(), 7, 9)
    document = Located({"title": replace(brought, used=used)}, brought.at)
    _, (problem,) = validate(Drawing, document)
    assert (problem.at.file, problem.used) == ("inputs.yaml", used)
