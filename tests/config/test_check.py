"""pydantic's complaints in our words, at the place in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from trtflow.config.check import describe, validate
from trtflow.located import Located
from trtflow.yaml12 import parse


class Section(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid")


class Inner(Section):
    """A nested section."""

    drop: float = 0.0


class Model(Section):
    """A value of each kind."""

    needed: int = 0
    share: float = Field(0.5, gt=0, le=1)
    count: int = Field(1, ge=1, lt=10)
    flag: bool = False
    text: str = ""
    word: Literal["plain", "fancy"] = "plain"
    path: Path = Path()
    names: list[str] = []
    pair: tuple[int, int] = (0, 0)
    inner: Inner = Inner()
    accept: dict[str, Inner] = {}
    several: list[Inner] = []
    either: int | str = 0
    union: Inner | str | None = None
    nothing: None = None


class Needing(Section):
    """It has to be given."""

    model: str
    inner: Needed | None = None


class Needed(Section):
    """It has to be given, deeper."""

    drop: float


def said(text: str, model: type[BaseModel] = Model) -> list[tuple[str, str, str]]:
    """Line and column, message and help of each problem."""
    located = parse(text, "a.yaml", Path())
    return [(f"{one.at.line}:{one.at.column}", one.message, one.help) for one in validate(model, located)[1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("needed: x", "expected an integer, found 'x'"),
        ("needed: 1.5", "expected an integer, found 1.5"),
        ("needed: '18'", "expected an integer, found '18'"),
        ("needed: null", "expected an integer, found null"),
        ("share: x", "expected a number, found 'x'"),
        ("share: 0", "expected more than 0.0, found 0"),
        ("share: 2", "expected at most 1.0, found 2"),
        ("count: 0", "expected at least 1, found 0"),
        ("count: 10", "expected less than 10, found 10"),
        ("flag: 1", "expected true or false, found 1"),
        ("text: 3", "expected a string, found 3"),
        ("text: true", "expected a string, found true"),
        ("path: 3", "expected a string, found 3"),
        ("names: a", "expected a list, found 'a'"),
        ("pair: a", "expected a list, found 'a'"),
        ("inner: 3", "expected a map, found 3"),
        ("inner: [1]", "expected a map, found a list"),
        ("accept: 3", "expected a map, found 3"),
        ("needed: {a: 1}", "expected an integer, found a map"),
        ("nothing: 3", "expected null, found 3"),
        ("either: [1]", "expected an integer or a string, found a list"),
        ("word: other", "expected one of plain, fancy, found 'other'"),
    ],
)
def test_what_was_expected_and_what_was_found(text: str, message: str) -> None:
    assert [one[1] for one in said(text)] == [message]


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        ("shaer: 1", "1:1", "unknown key 'shaer'", "did you mean 'share'?"),
        ("inner: {drip: 1}", "1:9", "unknown key 'drip'", "did you mean 'drop'?"),
        ("accept: {iou: {drip: 1}}", "1:16", "unknown key 'drip'", "did you mean 'drop'?"),
        ("several: [{}, {drip: 1}]", "1:16", "unknown key 'drip'", "did you mean 'drop'?"),
        ("inner: {zzz: 1}", "1:9", "unknown key 'zzz'", "one of: drop"),
        ("word: fanci", "1:7", "expected one of plain, fancy, found 'fanci'", "did you mean 'fancy'?"),
        ("accept: {iou: {drop: x}}", "1:22", "expected a number, found 'x'", ""),
        ("several: [{drop: 1}, {drop: x}]", "1:29", "expected a number, found 'x'", ""),
        ("names: [a, 3]", "1:12", "expected a string, found 3", ""),
    ],
)
def test_a_problem_stands_at_its_place_and_helps(text: str, at: str, message: str, hint: str) -> None:
    assert said(text) == [(at, message, hint)]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("{}", [("1:1", "'model' is missing", "")]),
        ("model: a\ninner: {}", [("2:1", "'drop' is missing", "")]),
        ("model: a\ninner: {drop: 1}", []),
    ],
)
def test_what_is_missing_is_told_at_the_key_that_lacks_it(text: str, problems: list[tuple[str, str, str]]) -> None:
    assert said(text, Needing) == problems


def test_all_problems_are_told_at_once() -> None:
    assert {one[0] for one in said("needed: x\nshaer: 1\nword: other\naccept: {iou: {drop: x}}")} == {
        "1:9",
        "2:1",
        "3:7",
        "4:22",
    }


def test_good_values_become_the_model() -> None:
    located = parse("needed: 3\npair: [1, 2]\npath: a/b\ninner: {drop: 1e-3}", "a.yaml", Path())
    model, problems = validate(Model, located)
    assert problems == []
    assert model == Model(needed=3, pair=(1, 2), path=Path("a/b"), inner=Inner(drop=1e-3))


def test_a_key_where_none_is_taken() -> None:
    class Empty(Section):
        """No keys at all."""

    assert said("a: 1", Empty) == [("1:1", "unknown key 'a'", "it takes no keys")]


@pytest.mark.parametrize(
    ("value", "text"),
    [({"a": 1}, "a map"), ([1], "a list"), (None, "null"), (True, "true"), ("a", "'a'"), (1, "1"), (0.001, "0.001")],
)
def test_values_are_described_as_yaml_has_them(value: Any, text: str) -> None:
    assert describe(value) == text


def test_a_union_names_each_alternative_once() -> None:
    located: Located = parse("union: 3", "a.yaml", Path())
    _, problems = validate(Model, located)
    assert [one.message for one in problems] == ["expected a map or a string, found 3"]
