"""What a process is busy with, kept in a file, so that its parent can tell when a crash takes the process."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_stack: list[str] = []
_files: list[int] = []


def keep_in(path: Path) -> None:
    """From now on this process keeps what it is ``doing`` in ``path``."""
    _files[:] = [os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)]


@contextlib.contextmanager
def doing(text: str) -> Iterator[None]:
    """Busy with ``text``, as "it was …" goes on; what is inside another is told behind it."""
    _stack.append(text)
    _write()
    try:
        yield
    finally:
        _stack.pop()
        _write()


def last_doing(path: Path) -> str:
    """What the process was busy with that kept it in ``path``; empty for nothing."""
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8")
    return ""


def _write() -> None:
    for file in _files:
        os.ftruncate(file, 0)
        os.lseek(file, 0, os.SEEK_SET)
        os.write(file, ", ".join(_stack).encode())
