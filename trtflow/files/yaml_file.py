"""YAML files that hold a decision or a calibration: strict, and told of by file, line and column."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from trtflow.checked import validate, version_problems
from trtflow.errors import ConfigError, PlanError
from trtflow.located import raise_problems
from trtflow.yaml12 import read_yaml


class Part(BaseModel):
    """A part of such a file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Document = TypeVar("Document", bound=Part)


def read_document(path: Path, kind: type[Document], key: str, version: int, older: Collection[int] = ()) -> Document:
    """The file ``path`` as a ``kind``, whose first entry is ``key: version``, or one of the ``older`` versions.

    Raises:
        PlanError: it cannot be read, is not YAML, or does not follow the format; all problems at once.
    """
    try:
        located = read_yaml(path)
        raise_problems(version_problems(located, key, version, older))
        document, problems = validate(kind, located)
        raise_problems(problems)
    except ConfigError as error:
        raise PlanError(str(error)) from error
    assert document is not None  # noqa: S101 - else there were problems
    return document
