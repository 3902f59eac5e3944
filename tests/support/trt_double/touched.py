"""What was touched that the version lacks, or that it would have ignored: a test fails on it even if it is swallowed.

A probe, ``hasattr`` or ``getattr``, is no touch: that is how one asks what a version has. Polygraphy's own touches
do not count either, it catches them.
"""

from __future__ import annotations

import dis
import os
import sys
from pathlib import Path
from types import FrameType

ENV = "TRTFLOW_DOUBLE_TOUCHED"
_DIRECT = {"LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR"}


def missing(owner: str, name: str) -> AttributeError:
    """The error of a member that ``owner`` lacks, noted where code says it outright."""
    caller = _caller()
    if caller is not None and dis.opname[caller.f_code.co_code[caller.f_lasti]] in _DIRECT:
        note(f"{owner}.{name}", caller)
    return AttributeError(f"{owner} has no attribute '{name}'")


def note(what: str, caller: FrameType | None = None) -> None:
    """Write ``what`` down, with the place that did it."""
    caller, path = caller or _caller(), os.environ.get(ENV)
    if path and caller is not None and "/polygraphy/" not in caller.f_code.co_filename:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(f"{what} at {caller.f_code.co_filename}:{caller.f_lineno}\n")


def _caller() -> FrameType | None:
    """The nearest frame outside this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and Path(frame.f_code.co_filename).parent == Path(__file__).parent:
        frame = frame.f_back
    return frame
