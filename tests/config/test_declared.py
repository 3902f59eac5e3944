"""What a workflow declares and a config gives: one value an input, or what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from trtflow.config.declared import is_of_type, read_inputs
from trtflow.located import Problem
from trtflow.yaml12 import dump, parse

SPECS = """\
inputs:
  model: {type: path, help: ONNX file}
  count: {type: integer, default: 3}
  share: {type: number, default: 0.5}
  quick: {type: boolean, default: false}
  data: {type: map, default: {}}
  label: {type: string, default: null}
  mode: {type: choice, of: [plain, fancy], default: plain}
"""


def read(given: str) -> tuple[dict[str, object], list[Problem]]:
    problems: list[Problem] = []
    config = parse(given, "c.yaml", Path("/configs"))
    found, _ = read_inputs(config, parse(SPECS, "flow.yaml", Path("/flows")), problems)
    return {name: value.plain() for name, value in found.items()}, problems


DEFAULTS = {"count": 3, "share": 0.5, "quick": False, "data": {}, "label": None, "mode": "plain"}


@pytest.mark.parametrize(
    "given",
    [
        {"model": "m.onnx"},
        {"model": "m.onnx", "count": 4, "share": 1, "quick": True, "data": {"a": [1]}, "label": "x", "mode": "fancy"},
        {"model": "m.onnx", "label": None},
    ],
)
def test_what_is_given_goes_before_the_default(given: dict[str, object]) -> None:
    assert read(dump({"with": given})) == ({**DEFAULTS, **given}, [])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("model: 3", "'model' is a path, found 3"),
        ("model: [a]", "'model' is a path, found a list"),
        ("count: 1.5", "'count' is an integer, found 1.5"),
        ("count: true", "'count' is an integer, found true"),
        ("count: null", "'count' is an integer, found null"),
        ("share: many", "'share' is a number, found 'many'"),
        ("share: false", "'share' is a number, found false"),
        ("quick: 1", "'quick' is true or false, found 1"),
        ("data: x", "'data' is a map, found 'x'"),
        ("label: 3", "'label' is a string, found 3"),
        ("mode: simple", "'mode' is one of plain, fancy, found 'simple'"),
    ],
)
def test_a_value_of_another_type_is_a_problem_at_its_place(value: str, message: str) -> None:
    given = f"with:\n  {value}\n" + ("" if value.startswith("model") else "  model: m.onnx\n")
    _, problems = read(given)
    assert [(one.message, one.at.line, one.at.column) for one in problems] == [(message, 2, 5 + value.index(":"))]


def test_a_choice_that_is_close_is_suggested() -> None:
    _, (wrong,) = read("with: {model: m.onnx, mode: fanci}")
    assert wrong.help == "did you mean 'fancy'?"


@pytest.mark.parametrize("given", ["workflow: w", "with: {count: 4}"])
def test_a_missing_input_is_told_with_its_help(given: str) -> None:
    found, (missing,) = read(given)
    assert (missing.message, missing.help, missing.at.file) == (
        "the input 'model' is missing", "path: ONNX file", "c.yaml",
    )  # fmt: skip
    assert found["model"] is None


def test_an_input_that_the_workflow_lacks_is_told_at_its_key() -> None:
    _, (unknown,) = read("with: {model: m.onnx, cuont: 4}")
    assert (unknown.message, unknown.help, unknown.at.column) == (
        "the workflow has no input 'cuont'", "did you mean 'count'?", 23,
    )  # fmt: skip


def test_an_environment_variable_fills_an_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWORK", "unet.onnx")
    assert read("with: {model: '${env.NETWORK}'}") == ({"model": "unet.onnx", **DEFAULTS}, [])


@pytest.mark.parametrize("reference", ["${inputs.count}", "${first.out}"])
def test_an_input_cannot_refer_to_what_is_not_there_yet(reference: str) -> None:
    _, problems = read(f"with: {{model: '{reference}'}}")
    assert problems[0].message == f"{reference} cannot stand here"


@pytest.mark.parametrize(("kind", "expected"), [("path", True), ("map", False)])
def test_a_declaration_tells_its_type(kind: str, expected: bool) -> None:
    assert is_of_type(parse("{type: path}", "flow.yaml", Path()), kind) is expected


def test_a_declaration_without_a_type_is_of_none() -> None:
    assert not is_of_type(parse("{}", "flow.yaml", Path()), "path")
