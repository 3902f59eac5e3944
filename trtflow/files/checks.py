"""One question about a calibration, answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Verdict = Literal["ok", "warn", "refuse"]


@dataclass(frozen=True)
class Check:
    """One question, answered: the reason code, what it is about, the verdict, a sentence, and the numbers."""

    code: str
    subject: str
    verdict: Verdict
    sentence: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)
