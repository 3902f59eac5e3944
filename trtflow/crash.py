"""Where expected and unexpected errors part: a message and a status, or a report that can be pasted."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path

from trtflow.errors import TrtflowError

BUG = 70
INTERRUPTED = 130
PACKAGES = ("trtflow", "pydantic", "typer", "onnx", "onnxruntime", "polygraphy")


def exit_status(error: BaseException) -> int:
    """Tell the user about ``error`` on standard error; the exit status that goes with it."""
    if isinstance(error, KeyboardInterrupt):
        _tell("\nInterrupted. What is done is kept; the same command goes on from there.")
        return INTERRUPTED
    if isinstance(error, TrtflowError):
        _tell(str(error))
        return error.status
    path = _write_report(error)
    _tell(
        f"\nThis is a bug in trtflow: {type(error).__name__}: {error}\n"
        f"Please report it with the contents of {path}\n(it holds the command, versions and the trace)."
    )
    return BUG


def _tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _write_report(error: BaseException) -> Path:
    from trtflow.versions import installed

    lines = [f"command: {' '.join(sys.argv)}", f"python: {platform.python_version()} on {platform.platform()}"]
    lines += [f"{package}: {installed(package)}" for package in PACKAGES]
    lines += ["", *traceback.format_exception(error)]
    with tempfile.NamedTemporaryFile(
        "w", prefix="trtflow-bug-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write("\n".join(lines))
    return Path(file.name)
