"""Where expected and unexpected errors part: a message and a status, or a report that can be pasted; and signals."""

from __future__ import annotations

import contextlib
import platform
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from trtflow.errors import TrtflowError

BUG = 70
SIGNALLED = 128  # a command that a signal ends has this status plus the signal's number
SIGNALS = tuple(signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
PACKAGES = ("trtflow", "pydantic", "typer", "onnx", "onnxruntime", "polygraphy")


class Ended(BaseException):
    """A signal that ends the command. No KeyboardInterrupt, of which typer makes a status of its own."""

    def __init__(self, number: int) -> None:
        self.signal = signal.Signals(number)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Signals raise ``Ended``, so that children end and scratch goes; one that is ignored (nohup) stays so."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(number)

    before = {one: signal.signal(one, end) for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def exit_status(error: BaseException) -> int:
    """Tell the user about ``error`` on standard error; the exit status that goes with it."""
    if isinstance(error, Ended | KeyboardInterrupt):
        by = error.signal if isinstance(error, Ended) else signal.SIGINT
        how = "Interrupted" if by == signal.SIGINT else f"Ended by {by.name}"
        _tell(f"\n{how}. What is done is kept; the same command goes on from there.")
        return SIGNALLED + by
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
