"""What ONNX Runtime does with a mixed file on a CPU: the settings that were tried, and the sentence that tells it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from trtflow.files.document import Document

Level = Literal["ORT_ENABLE_ALL", "ORT_ENABLE_EXTENDED", "ORT_DISABLE_ALL"]
NEAR = 1.0
"""Decibels by which two figures of one sample may differ and still agree."""
FAR = 10.0
"""Decibels below what was measured that no rounding explains: folding constants in FP16 costs some four."""

_NO_KERNEL = (
    re.compile(r"Could not find an implementation for (?P<op>\w+)\(\d+\)"),
    re.compile(r"data type is not supported with (?P<op>\w+)(?:.*reduction is '(?P<kind>\w+)')?"),
)
_WORDS: Mapping[Level, str] = {
    "ORT_ENABLE_ALL": "at its default level",
    "ORT_ENABLE_EXTENDED": "with optimization level extended",
    "ORT_DISABLE_ALL": "with all optimisations disabled",
}


class Attempt(Document):
    """One try to load the file and run a sample. ``failed``: what ONNX Runtime does instead, as a verb; else empty.

    ``disabled`` names graph optimisers, ``entries`` are those of the session's configuration.
    """

    level: Level = "ORT_ENABLE_ALL"
    disabled: tuple[str, ...] = ()
    entries: Mapping[str, str] = Field(default_factory=dict)
    failed: str = ""

    @property
    def words(self) -> str:
        """The setting, as a sentence goes on."""
        named = "with the optimisers disabled that change results"
        return named if self.disabled else _WORDS[self.level]


class RuntimeTrial(Document):
    """The ``attempts``, of which only the last one may have worked; none where the file was ``skipped``.

    ``sqnr`` is what ONNX Runtime reaches against FP32 on ``sample``, in dB, ``typed`` what the file does as typed;
    None where nothing was compared. A CPU computes FP16 in FP32 in places, so ``sqnr`` is no evidence of accuracy.
    """

    version: str
    attempts: tuple[Attempt, ...] = ()
    skipped: str = ""
    sample: int | None = None
    sqnr: float | None = None
    typed: float | None = None

    @property
    def works(self) -> Attempt | None:
        """The setting under which the file runs."""
        return next((attempt for attempt in self.attempts if not attempt.failed), None)

    @property
    def ahead(self) -> float:
        """By how many dB ONNX Runtime is better than the file as typed; 0 where nothing was compared."""
        if self.sqnr is None or self.typed is None or self.sqnr == self.typed:
            return 0.0
        return self.sqnr - self.typed


def is_troubled(trial: RuntimeTrial) -> bool:
    """Whether who loads the file in ONNX Runtime as it comes gets nothing, or something worse than was measured."""
    return any(attempt.failed for attempt in trial.attempts) or trial.ahead < -FAR


def sentence(trial: RuntimeTrial) -> str:
    """What ONNX Runtime does with the file, and which setting helps."""
    name = f"ONNX Runtime {trial.version}"
    if trial.skipped:
        return f"{name} was not tried on the file: {trial.skipped}"
    first, works = trial.attempts[0], trial.works
    if works is first:
        return f"{name} loads the file {first.words}{_compared(trial)}"
    if works:
        return f"{name} {first.failed} {first.words}; it loads the file {works.words}{_compared(trial)}"
    missing = _no_kernel(first.failed)
    if missing:
        return (
            f"{name} has no kernel on the CPU for {missing} as the file types it: try its CUDA or TensorRT provider"
        )
    return f"{name} {first.failed} {first.words}, and no other level helps: try its CUDA or TensorRT provider"


def _no_kernel(failed: str) -> str:
    for pattern in _NO_KERNEL:
        found = pattern.search(failed)
        if found:
            kind = found.groupdict().get("kind")
            return f"{found['op']}({kind})" if kind else found["op"]
    return ""


def _compared(trial: RuntimeTrial) -> str:
    if trial.sqnr is None or trial.typed is None:
        return ""
    ahead, figures = trial.ahead, f"{trial.sqnr:.1f} dB, measured as typed {trial.typed:.1f} dB"
    if abs(ahead) <= NEAR:
        return f" and agrees on sample {trial.sample} with the measured figure within {max(abs(ahead), 0.1):.1f} dB"
    if ahead > 0:
        return (
            f" and is better on sample {trial.sample} than measured ({figures}): "
            "its CPU computes FP16 in FP32 in places, which is no evidence"
        )
    why = (
        "it folds constants in FP16 and so rounds otherwise"
        if ahead >= -FAR
        else "it does not compute what the file says"
    )
    return f" and is worse on sample {trial.sample} than measured ({figures}): {why}"
