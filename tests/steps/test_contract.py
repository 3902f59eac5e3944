from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import trtflow.steps
from trtflow.steps import STEPS
from trtflow.steps.contract import (
    Code,
    CodeReference,
    File,
    Options,
    Source,
    StepRecord,
    Steps,
    kebab,
    optional_outputs,
    published_outputs,
)


def held_to_the_protocol() -> list[str]:
    """The modules that a type checker compares with ``StepModule``."""
    tree = ast.parse(Path(trtflow.steps.__file__).read_text())
    values = {ast.unparse(node.target): node.value for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)}
    listed = values["CHECKED"]
    assert isinstance(listed, ast.Tuple)
    return [f"trtflow.steps.{ast.unparse(module)}" for module in listed.elts]


def test_every_step_is_held_to_the_protocol() -> None:
    assert held_to_the_protocol() == list(STEPS.values())


def test_steps_are_called_after_their_modules_in_order() -> None:
    assert {name: f"trtflow.steps.{name.replace('-', '_')}" for name in sorted(STEPS)} == STEPS
    assert list(STEPS) == sorted(STEPS)


class Whole:
    """A module that declares everything."""

    optional = ("extra",)
    published = {"text": "{config}.txt"}  # noqa: RUF012 - a module's name, not a class's


def test_what_a_step_may_leave_out_is_empty_by_default() -> None:
    whole: Any = Whole
    bare: Any = object()
    assert (optional_outputs(whole), published_outputs(whole)) == (("extra",), {"text": "{config}.txt"})
    assert (optional_outputs(bare), published_outputs(bare)) == ((), {})


@pytest.mark.parametrize(
    ("name", "spelled"), [("max_evaluations", "max-evaluations"), ("with_", "with"), ("of", "of")]
)
def test_options_are_spelled_with_hyphens(name: str, spelled: str) -> None:
    assert kebab(name) == spelled


class With(Options):
    """An option of each kind of input."""

    max_count: int = 1
    model: File | None = None
    metric: Code | None = None
    source: Source | None = None
    of: Steps = ()


def test_yaml_has_the_hyphened_spelling_and_python_its_own() -> None:
    assert With.model_validate({"max-count": 2}) == With(max_count=2)
    assert With(max_count=2).model_dump(by_alias=True)["max-count"] == 2


@pytest.mark.parametrize(
    "given", [{"maxcount": 1}, {"source": ""}, {"source": 3}, {"metric": "code.py"}, {"of": [3]}]
)
def test_what_is_not_declared_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        With.model_validate(given)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("eval.npz", Path("eval.npz")),
        ("folder/", Path("folder")),
        ("code.py:load", CodeReference("code.py:load")),
        ("a.b/code.py:_load2", CodeReference("a.b/code.py:_load2")),
        ("code.py:2", Path("code.py:2")),
    ],
)
def test_a_source_is_a_file_or_code(text: str, value: object) -> None:
    found = With(source=text).source
    assert (found, type(found)) == (value, type(value))


def test_code_is_a_file_and_a_function() -> None:
    code = CodeReference("metrics/iou.py:mean")
    assert (code.file, code.function) == (Path("metrics/iou.py"), "mean")


@pytest.mark.parametrize("text", ["iou.py", ":mean", "iou.txt:mean", "iou.py:2", "iou.py:a.b"])
def test_what_is_no_code_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected file\.py:function"):
        _ = CodeReference(text).function


def test_a_step_is_a_name_in_yaml_and_a_record_in_run() -> None:
    document = {
        "name": "a",
        "uses": "write",
        "status": "failed",
        "error": "broke",
        "outputs": {"text": "/store/text.txt"},
        "log": ["last line"],
    }
    named, recorded = With.model_validate({"of": ["a", document]}).of
    assert named == StepRecord("a")
    assert recorded == StepRecord(
        "a", "write", "failed", error="broke", outputs={"text": Path("/store/text.txt")}, log=("last line",)
    )


def test_options_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        With().max_count = 2  # type: ignore[misc]
