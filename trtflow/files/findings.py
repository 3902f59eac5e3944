"""Findings: what a diagnosis saw at a node, with the numbers behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trtflow.files.document import read_list, write_list
from trtflow.precision import FP16, Precision


@dataclass(frozen=True)
class Reason:
    """A root cause: its code, a title of a few words, and what a user can do about it."""

    code: str
    title: str
    advice: str


@dataclass(frozen=True)
class Finding:
    """One observation: a reason's code, the node it is about, a sentence, and the numbers behind it.

    ``certain``: it explains a loss by itself. ``against`` is the precision that it speaks against.
    """

    code: str
    node: str
    text: str
    evidence: Mapping[str, int | float | str]
    certain: bool
    against: Precision = FP16


def write_findings(findings: Iterable[Finding], path: Path) -> None:
    """Write ``findings.json``."""
    write_list(findings, Finding, path)


def read_findings(path: Path) -> tuple[Finding, ...]:
    """Read ``findings.json``.

    Raises:
        PlanError: the file cannot be read, or holds something else.
    """
    return read_list(Finding, path)
