"""The file formats: what a config and a workflow may hold.

Both are checked by these pydantic models, and ``trtflow schema`` is generated from them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

FORMAT = 1
InputType = Literal["path", "paths", "map", "choice", "number", "integer", "string", "boolean"]
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(value: Any) -> Any:
    """``90``, ``'90s'``, ``'30m'`` or ``'2h'`` in seconds.

    Raises:
        ValueError: for anything else that is text.
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", value)
    if not match:
        raise ValueError("expected seconds, or a number with s, m or h such as 30m")
    return float(match.group(1)) * UNITS[match.group(2)]


Seconds = Annotated[
    float,
    BeforeValidator(seconds),
    Field(gt=0),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?[smh]$"}]}),
]


class Section(BaseModel):
    """A part of a file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(Section):
    """A declared input of a workflow. Without ``default`` a config must give it."""

    type: InputType
    help: str = ""
    default: Any = None
    of: list[str] | None = Field(None, description="what a choice may be")


class StepPatch(Section):
    """What a config changes in a step of its workflow; a new step needs ``uses``."""

    uses: str | None = Field(None, description="the step type; `trtflow steps` lists them")
    with_: dict[str, Any] = Field({}, alias="with", description="the options of the step type")
    needs: list[str] = Field([], description="steps that must be done and met before, where no reference says so")
    timeout: Seconds | None = Field(None, description="the step is ended after so long: 90s, 30m, 2h")


class Step(StepPatch):
    """A step of a workflow."""

    uses: str = Field(description="the step type; `trtflow steps` lists them")


class Workflow(Section):
    """A reusable pipeline with declared inputs."""

    trtflow: Literal[1]
    description: str = ""
    inputs: dict[str, Input] = {}
    steps: dict[str, Step]


class Config(Section):
    """A workflow applied to one model."""

    trtflow: Literal[1]
    workflow: str = Field(description="a built-in workflow, or the path of a file such as ./mine.yaml")
    with_: dict[str, Any] = Field({}, alias="with", description="the workflow's inputs")
    steps: dict[str, StepPatch] = Field({}, description="changes to the workflow's steps")
