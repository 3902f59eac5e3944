"""Checks of a calibration: questions, each with its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trtflow.files.document import read_list, write_list

Verdict = Literal["ok", "warn", "refuse", "allowed"]


@dataclass(frozen=True)
class Check:
    """One question, answered: the reason code, what it is about, the verdict, a sentence, and the numbers.

    ``allowed`` is a refusal that the config lets pass.
    """

    code: str
    subject: str
    verdict: Verdict
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


def write_checks(checks: Iterable[Check], path: Path) -> None:
    """Write ``checks.json``."""
    write_list(checks, Check, path)


def read_checks(path: Path) -> tuple[Check, ...]:
    """Read ``checks.json``.

    Raises:
        PlanError: the file cannot be read, or holds something else.
    """
    return read_list(Check, path)
