"""The documents that steps leave for each other: strict JSON on disk, one model each in memory.

Keys are kebab-case. JSON knows no infinity and no NaN: they are the strings "Infinity", "-Infinity" and "NaN", which
``float()`` and JavaScript's ``Number()`` read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from trtflow.errors import PlanError


def kebab(name: str) -> str:
    """``held_out`` as files spell it: ``held-out``."""
    return name.rstrip("_").replace("_", "-")


class Document(BaseModel):
    """Base of what a step writes and another reads: unknown keys are errors, instances are frozen."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        alias_generator=kebab,
        validate_by_name=True,
        validate_by_alias=True,
        ser_json_inf_nan="strings",
        protected_namespaces=(),
    )


Model = TypeVar("Model", bound=BaseModel)
Kind = TypeVar("Kind")


def write_document(document: Document, path: Path) -> None:
    """Write ``document`` to ``path``."""
    path.write_text(document.model_dump_json(by_alias=True, indent=1), encoding="utf-8")


def read_document(kind: type[Model], path: Path) -> Model:
    """The document of ``kind`` in ``path``.

    Raises:
        PlanError: the file cannot be read, or holds something else.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _unreadable(path, kind.__name__, error) from error


def write_list(entries: Iterable[Any], kind: type[Kind], path: Path) -> None:
    """Write ``entries``, each of ``kind``, to ``path``."""
    adapter: TypeAdapter[list[Kind]] = TypeAdapter(list[kind], config=ConfigDict(ser_json_inf_nan="strings"))  # type: ignore[valid-type]
    path.write_bytes(adapter.dump_json(list(entries), by_alias=True, indent=1))


def read_list(kind: type[Kind], path: Path) -> tuple[Kind, ...]:
    """What ``write_list`` wrote.

    Raises:
        PlanError: the file cannot be read, or holds something else.
    """
    adapter: TypeAdapter[list[Kind]] = TypeAdapter(list[kind])  # type: ignore[valid-type]
    try:
        return tuple(adapter.validate_json(path.read_bytes()))
    except (OSError, ValidationError) as error:
        raise _unreadable(path, f"list of {kind.__name__}", error) from error


def _unreadable(path: Path, what: str, error: Exception) -> PlanError:
    return PlanError(f"{path} cannot be read as {what} ({error}); expected what an earlier step of the run wrote.")


Thresholds = dict[str, dict[str, float]]


def write_thresholds(thresholds: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Write ``methods.json``: tensor → calibration method → amax."""
    path.write_text(json.dumps(thresholds, indent=1, allow_nan=False), encoding="utf-8")


def read_thresholds(path: Path) -> Thresholds:
    """What ``write_thresholds`` wrote.

    Raises:
        PlanError: the file cannot be read, or holds something else.
    """
    try:
        return TypeAdapter(Thresholds).validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise _unreadable(path, "thresholds", error) from error
