from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from trtflow.config.model import Config, Input, Seconds, Step, StepPatch, Workflow, seconds


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("90s", 90.0),
        ("30m", 1800.0),
        ("2h", 7200.0),
        ("1.5h", 5400.0),
        ("0.5s", 0.5),
        (90, 90),
        (1.5, 1.5),
        (None, None),
    ],
)
def test_a_timeout_is_seconds_or_a_number_with_a_unit(written: Any, value: Any) -> None:
    assert seconds(written) == value


@pytest.mark.parametrize("written", ["soon", "90", "s", "-1s", "1 h", "1d", "1h30m", ""])
def test_other_text_is_no_timeout(written: str) -> None:
    with pytest.raises(ValueError, match="expected seconds, or a number with s, m or h such as 30m"):
        seconds(written)


@pytest.mark.parametrize("written", [0, -1, "0s", [], None])
def test_a_timeout_is_more_than_nothing(written: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Seconds).validate_python(written)


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (Config, {"trtflow": 1, "workflow": "debug-fp16"}),
        (Config, {"trtflow": 1, "workflow": "a", "with": {"x": 1}, "steps": {"b": {"timeout": "1m"}}}),
        (Workflow, {"trtflow": 1, "steps": {}}),
        (
            Workflow,
            {"trtflow": 1, "description": "d", "inputs": {"a": {"type": "map"}}, "steps": {}},
        ),
        (StepPatch, {}),
        (Step, {"uses": "a", "with": {"b": 1}, "needs": ["c"], "timeout": 3}),
        (Input, {"type": "choice", "of": ["a"], "default": "a", "help": "h"}),
    ],
)
def test_a_file_holds_what_its_format_says(model: type[BaseModel], document: dict[str, Any]) -> None:
    assert model.model_validate(document).model_dump(by_alias=True, exclude_unset=True).keys() == document.keys()


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (Config, {"trtflow": 1}),
        (Config, {"trtflow": 2, "workflow": "a"}),
        (Config, {"trtflow": 1, "workflow": "a", "inputs": {}}),
        (Config, {"trtflow": 1, "workflow": "a", "with_": {}}),
        (Workflow, {"trtflow": 1}),
        (Workflow, {"trtflow": 1, "steps": {"a": {}}}),  # a step of a workflow needs a type
        (Workflow, {"trtflow": 1, "steps": {}, "matrix": {}}),
        (Step, {"uses": "a", "gpu": 1}),
        (Input, {"type": "paht"}),
        (Input, {}),
    ],
)
def test_and_nothing_else(model: type[BaseModel], document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(document, by_name=False)
