"""What a workflow declares, and what a config gives for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trtflow.config.declared import is_of_type, read_inputs
from trtflow.located import Problem
from trtflow.yaml12 import parse


def read(declared: str, given: str) -> tuple[dict[str, Any], list[Problem]]:
    """Values and problems of the inputs; ``declared`` and ``given`` are the maps in flow style."""
    flow = parse(f"inputs: {declared}", "flow.yaml", Path("/flows"))
    config = parse(f"workflow: w\nwith: {given}", "config.yaml", Path("/configs"))
    problems: list[Problem] = []
    values, _ = read_inputs(config, flow, problems)
    return {name: value.plain() for name, value in values.items()}, problems


@pytest.mark.parametrize(
    ("declared", "given", "values"),
    [
        ("{a: {type: string}}", "{a: x}", {"a": "x"}),
        ("{a: {type: string, default: y}}", "{}", {"a": "y"}),
        ("{a: {type: string, default: y}}", "{a: x}", {"a": "x"}),
        ("{a: {type: map, default: null}}", "{}", {"a": None}),
        ("{a: {type: map, default: null}}", "{a: null}", {"a": None}),
        ("{a: {type: map, default: {b: 1}}}", "{a: {c: 2}}", {"a": {"c": 2}}),  # replaced, not merged
        ("{}", "{}", {}),
    ],
)
def test_a_value_is_given_or_the_default(declared: str, given: str, values: dict[str, Any]) -> None:
    assert read(declared, given) == (values, [])


@pytest.mark.parametrize(
    ("kind", "good", "bad", "expected"),
    [
        ("path", ["net.onnx", "''"], ["3", "true", "{}", "null"], "a path"),
        ("string", ["a", "''"], ["3", "1e-3", "[a]", "null"], "a string"),
        ("map", ["{}", "{a: 1}"], ["a", "[]", "3", "null"], "a map"),
        ("number", ["3", "0.5", "1e-3"], ["a", "true", "{}", "null"], "a number"),
        ("integer", ["3", "-1"], ["0.5", "true", "a", "null"], "an integer"),
        ("boolean", ["true", "false"], ["1", "0", "yes", "null"], "true or false"),
    ],
)
def test_a_value_is_of_the_declared_type(kind: str, good: list[str], bad: list[str], expected: str) -> None:
    declared = f"{{a: {{type: {kind}}}}}"
    assert [read(declared, f"{{a: {value}}}")[1] for value in good] == [[]] * len(good)
    for value in bad:
        messages = [one.message for one in read(declared, f"{{a: {value}}}")[1]]
        assert len(messages) == 1
        assert messages[0].startswith(f"'a' is {expected}, found ")


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ("plain", None, None),
        ("fanci", "'a' is one of plain, fancy, found 'fanci'", "did you mean 'fancy'?"),
        ("zzz", "'a' is one of plain, fancy, found 'zzz'", ""),
        ("3", "'a' is one of plain, fancy, found 3", ""),
        ("[plain]", "'a' is one of plain, fancy, found a list", "did you mean 'plain'?"),
    ],
)
def test_a_choice_is_one_of_its_words(given: str, message: str | None, hint: str | None) -> None:
    _, problems = read("{a: {type: choice, of: [plain, fancy]}}", f"{{a: {given}}}")
    assert [(one.message, one.help) for one in problems] == ([] if message is None else [(message, hint)])


@pytest.mark.parametrize(
    ("declared", "given", "at", "message", "hint"),
    [
        (
            "{data: {type: map, default: {}}}",
            "{dtaa: {}}",
            "config.yaml:2:8",
            "the workflow has no input 'dtaa'",
            "did you mean 'data'?",
        ),
        ("{}", "{a: 1}", "config.yaml:2:8", "the workflow has no input 'a'", ""),
        (
            "{a: {type: path, help: ONNX file}}",
            "{}",
            "config.yaml:2:1",
            "the input 'a' is missing",
            "path: ONNX file",
        ),
        ("{a: {type: path}}", "{}", "config.yaml:2:1", "the input 'a' is missing", ""),
        ("{a: {type: string}}", "{a: 3}", "config.yaml:2:11", "'a' is a string, found 3", ""),
        ("{a: {type: integer, default: x}}", "{}", "flow.yaml:1:38", "'a' is an integer, found 'x'", ""),
    ],
)
def test_what_is_wrong_is_told_where_it_is_written(
    declared: str, given: str, at: str, message: str, hint: str
) -> None:
    _, problems = read(declared, given)
    found = [(f"{one.at.file}:{one.at.line}:{one.at.column}", one.message, one.help) for one in problems]
    assert found == [(at, message, hint)]


def test_an_input_that_is_missing_stands_for_nothing_so_that_checking_goes_on() -> None:
    assert read("{a: {type: path}, b: {type: string, default: x}}", "{}")[0] == {"a": None, "b": "x"}


def test_the_environment_may_stand_in_inputs_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "/data")
    declared = "{a: {type: path}, b: {type: path, default: '${env.WHERE}/b'}}"
    assert read(declared, "{a: '${env.WHERE}/a'}") == ({"a": "/data/a", "b": "/data/b"}, [])
    _, problems = read(declared, "{a: '${inputs.b}'}")
    assert problems[0].message == "${inputs.b} cannot stand here"


def test_declared_types_are_known_by_name() -> None:
    flow = parse("{a: {type: path}, b: {}}", "flow.yaml", Path())
    assert [is_of_type(flow.find((name,)), "path") for name in ("a", "b")] == [True, False]
