from __future__ import annotations

import io
from typing import Any, Literal

import pytest
from pydantic import Field
from rich.console import Console
from toyrun import TOYS
from toysteps.write import With

import trtflow.steps
from trtflow.engine.describe import option_rows, show_step, show_steps
from trtflow.errors import ConfigError
from trtflow.steps.contract import Code, File, Options, Source, Steps


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake steps are all there are."""
    for name in list(trtflow.steps.STEPS):
        monkeypatch.delitem(trtflow.steps.STEPS, name)
    for name, module in TOYS.items():
        monkeypatch.setitem(trtflow.steps.STEPS, name, module)


def written(show: Any, *arguments: str) -> list[str]:
    """What is shown, line by line, runs of blanks as one."""
    file = io.StringIO()
    show(Console(file=file, width=100), *arguments)
    return [" ".join(line.split()) for line in file.getvalue().splitlines() if line.strip()]


def test_step_types_are_listed_with_the_first_line_of_their_docstring() -> None:
    assert written(show_steps) == [
        "step what it does",
        "end End in one of many ways.",
        "gather Look back at other steps.",
        "search Evaluate numbers one by one, remembering each, and leave a mark for each that was really",
        "evaluated.",
        "write Write a text, once more each time it runs.",
    ]


def test_a_step_type_is_described_by_options_outputs_and_environment() -> None:
    assert written(show_step, "gather") == [
        "gather: Look back at other steps.",
        "option type default what it is",
        "of list of string required",
        "output file published as",
        "summary summary.json summary.json",
        "version 1; its results depend on the installed nothing.",
    ]
    assert written(show_step, "write")[-3:] == [
        "text text.txt {config}.{config}.txt",
        "extra extra.bin",
        "version 1; its results depend on the installed pyyaml.",
    ]


def test_a_step_type_that_is_not_there_is_named_with_a_suggestion() -> None:
    with pytest.raises(ConfigError, match="no step type 'wirte'; did you mean 'write'"):
        show_step(Console(file=io.StringIO()), "wirte")


def test_options_are_described_from_the_model() -> None:
    assert list(option_rows(With.model_json_schema())) == [
        ("text", "string", "hello", "what to write"),
        ("after", "file or null", "null", "a file to append"),
        ("max-count", "integer", "1", "how often"),
        ("data", "map", '{"labels":null,"source":null}', ""),
        ("data.source", "string or null", "null", ""),
        ("data.labels", "string or null", "null", ""),
        ("mode", "string", "plain", ""),
    ]


class Inner(Options):
    """A nested model."""

    deep: int = 1


class Every(Options):
    """An option of each kind."""

    needed: int
    share: float = 0.5
    flag: bool = False
    word: Literal["a", "b"] = "a"
    one: Literal["only"] = "only"
    file: File
    code: Code
    source: Source
    of: Steps = ()
    several: list[int] = Field(default_factory=list)
    either: int | str | None = None
    nested: Inner | None = None
    named: dict[str, Inner] = Field(default_factory=dict)
    anything: Any = None


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("needed", "integer", "required"),
        ("share", "number", "0.5"),
        ("flag", "true|false", "false"),
        ("word", "a|b", "a"),
        ("one", "only", "only"),
        ("file", "file", "required"),
        ("code", "string", "required"),
        ("source", "string", "required"),
        ("of", "list of string", "[]"),
        ("several", "list of integer", ""),
        ("either", "integer or string or null", "null"),
        ("nested", "map or null", "null"),
        ("nested.deep", "integer", "1"),
        ("named", "map", ""),
        ("named.deep", "integer", "1"),
        ("anything", "any", "null"),
    ],
)
def test_an_option_is_told_by_its_kind_and_default(name: str, kind: str, default: str) -> None:
    rows = {row[0]: row[1:3] for row in option_rows(Every.model_json_schema())}
    assert rows[name] == (kind, default)
