"""The models of config and workflow files: what may stand there, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from trtflow.checked import validate
from trtflow.config.model import Config, StepPatch, Workflow, seconds
from trtflow.yaml12 import dump, parse


@pytest.mark.parametrize(
    ("value", "expected"), [(90, 90), (1.5, 1.5), ("90s", 90.0), ("30m", 1800.0), ("2h", 7200.0), ("0.5h", 1800.0)]
)
def test_a_timeout_is_in_seconds_or_has_a_unit(value: object, expected: float) -> None:
    assert seconds(value) == expected


@pytest.mark.parametrize("text", ["", "90", "s", "1d", "-5s", "1h30m", "30 m", "1.s"])
def test_any_other_text_is_no_timeout(text: str) -> None:
    with pytest.raises(ValueError, match="a number with s, m or h such as 30m"):
        seconds(text)


def test_the_schema_takes_as_text_what_is_read_as_text() -> None:
    anyof = StepPatch.model_json_schema()["properties"]["timeout"]["anyOf"]
    pattern = next(entry["pattern"] for entry in anyof if "pattern" in entry)
    texts = ("30m", "0.5h", "90", "1h30m", "1.s")
    assert [text for text in texts if re.search(pattern, text)] == ["30m", "0.5h"]


GOOD: list[tuple[type[Config | Workflow], dict[str, Any]]] = [
    (Config, {"trtflow": 1, "workflow": "debug-fp16"}),
    (
        Config,
        {"trtflow": 1, "workflow": "w", "with": {"any": [1]}, "steps": {"a": {"with": {"x": 1}, "timeout": "30m"}}},
    ),
    (Workflow, {"trtflow": 1, "steps": {}}),
    (
        Workflow,
        {
            "trtflow": 1,
            "description": "d",
            "inputs": {"m": {"type": "choice", "of": ["a", "b"], "default": "a", "help": "h"}},
            "steps": {"a": {"uses": "bisect", "needs": ["b"]}, "b": {"uses": "build"}},
        },
    ),
]


@pytest.mark.parametrize(("kind", "document"), GOOD)
def test_a_file_within_the_format_is_taken(kind: type[Config | Workflow], document: dict[str, Any]) -> None:
    found, problems = validate(kind, parse(dump(document), "f.yaml", Path()))
    assert problems == []
    assert found is not None
    assert found.trtflow == 1


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        (Config, {"workflow": None}, "expected a string, found null"),
        (Config, {"stpes": {}}, "unknown key 'stpes'"),
        (Config, {"with_": {}}, "unknown key 'with_'"),
        (Config, {"steps": {"a": {"wiht": {}}}}, "unknown key 'wiht'"),
        (Config, {"steps": {"a": {"timeout": 0}}}, "expected more than 0, found 0"),
        (Config, {"steps": {"a": {"timeout": "soon"}}}, "expected seconds, or a number with s, m or h such as 30m"),
        (Config, {"steps": {"a": {"needs": "b"}}}, "expected a list, found 'b'"),
        (Workflow, {"inputs": {"m": {"type": "text"}}}, "expected one of path, map, choice, number, integer, "),
        (Workflow, {"inputs": {"m": {}}}, "'type' is missing"),
        (Workflow, {"steps": {"a": {}}}, "'uses' is missing"),
        (Workflow, {"workflow": "x"}, "unknown key 'workflow'"),
        (Workflow, {"trtflow": 2}, "expected one of 1, found 2"),
    ],
)
def test_what_is_beyond_the_format_is_a_problem(
    kind: type[Config | Workflow], change: dict[str, Any], message: str
) -> None:
    document = {**next(one for each, one in GOOD if each is kind), **change}
    found, problems = validate(kind, parse(dump(document), "f.yaml", Path()))
    assert found is None
    assert [one.message.startswith(message) for one in problems] == [True], [one.message for one in problems]
