"""The formats of other tools that a decision can be written in. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from trtflow.errors import PlanError
from trtflow.files.exports import (
    calibration_cache,
    dynamic_ranges,
    modelopt,
    onnxruntime,
    onnxruntime_int8,
    onnxruntime_table,
    polygraphy,
    ppq,
    torch_tensorrt,
    triton,
    trtexec,
)
from trtflow.files.exports.decision import Decision
from trtflow.text import did_you_mean


class Export(Protocol):
    """A format, as a module has it: its file's name, what it is for, and for which versions of what reads it."""

    file: str
    summary: str
    valid: str

    def suits(self, decision: Decision) -> bool:
        """Whether the format says something about this decision, which a run then writes."""

    def write(self, decision: Decision) -> str | bytes:
        """The content of the file, bytes where that is no text.

        Raises:
            PlanError: something that the format needs is not known, or cannot be said in it.
        """


EXPORTS: Mapping[str, Export] = {
    "trtexec": trtexec,
    "polygraphy": polygraphy,
    "modelopt": modelopt,
    "onnxruntime": onnxruntime,
    "onnxruntime-int8": onnxruntime_int8,
    "onnxruntime-table": onnxruntime_table,
    "torch-tensorrt": torch_tensorrt,
    "triton": triton,
    "calibration-cache": calibration_cache,
    "ppq": ppq,
    "dynamic-ranges": dynamic_ranges,
}
"""What ``trtflow export --to`` offers."""


def find_export(name: str) -> Export:
    """The format called ``name``.

    Raises:
        PlanError: there is none.
    """
    if name not in EXPORTS:
        hint = did_you_mean(name, EXPORTS, "; ")
        raise PlanError(f"there is no format '{name}'; expected one of {', '.join(EXPORTS)}{hint}")
    return EXPORTS[name]
