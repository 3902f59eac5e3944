"""Start a step in a child process, follow it, and say how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from trtflow.doing import last_doing
from trtflow.engine.store import read_json, write_json
from trtflow.steps.contract import Result, Table

LOG_LINES = 20
Progress = Callable[[int, int | None, str], None]


@dataclass(frozen=True)
class Ending:
    """How a child ended: with a result, or with an error in one or a few lines."""

    result: Result | None
    error: str = ""


class Executor(Protocol):
    """Where the steps of a run are executed."""

    def run(
        self, task: Mapping[str, Any], folder: Path, log: Path, timeout: float | None, progress: Progress
    ) -> Ending:
        """Run ``task`` with ``folder`` for its scratch."""

    def stop(self) -> None:
        """End what runs; nothing starts after this."""


class Children:
    """The children of a run, so that all can be ended together."""

    def __init__(self) -> None:
        self.running: set[subprocess.Popen[str]] = set()
        self.stopped = False
        self.guard = threading.Lock()

    def run(
        self, task: Mapping[str, Any], folder: Path, log: Path, timeout: float | None, progress: Progress
    ) -> Ending:
        """Run ``task`` in ``folder``; the calling thread must live as long as the child."""
        result = folder / "result.json"
        write_json(folder / "task.json", {**task, "result": str(result), "parent": os.getpid()})
        work = folder / "work"
        work.mkdir()
        with log.open("w", encoding="utf-8", errors="replace") as stderr:
            child = self._start(folder / "task.json", work, stderr)
            late = threading.Event()
            timer = threading.Timer(timeout or 0, _end_late, [child, late])
            if timeout:
                timer.start()
            try:
                _follow(child.stdout or (), progress)
                status = child.wait()
            finally:
                timer.cancel()
                kill(child)  # also whatever the step started and left running
                with self.guard:
                    self.running.discard(child)
                if child.stdout:
                    child.stdout.close()
        if late.is_set():
            return Ending(None, f"was ended after {timeout:g} s, its timeout; raise 'timeout' if it needs longer")
        return self._ending(status, result)

    def stop(self) -> None:
        """End all children; none starts after this."""
        with self.guard:
            self.stopped = True
            for child in self.running:
                kill(child)

    def _start(self, task: Path, work: Path, stderr: IO[str]) -> subprocess.Popen[str]:
        paths = [str(Path(path).resolve()) for path in sys.path]
        with self.guard:
            if self.stopped:
                raise KeyboardInterrupt
            child = subprocess.Popen(  # noqa: S603 (our own module)
                [sys.executable, "-m", "trtflow.engine.worker", str(task)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=work,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
                start_new_session=True,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
            self.running.add(child)
        return child

    def _ending(self, status: int, result: Path) -> Ending:
        document = read_json(result)
        if status < 0:
            doing = last_doing(result.with_name("doing"))
            busy = f"; it was {doing}" if doing else ""
            return Ending(None, f"was ended by {_signal_name(-status)}{_guess(-status, self.stopped)}{busy}")
        if document is None:
            return Ending(None, f"ended with exit status {status} before it was done")
        return ending(document)


def kill(child: subprocess.Popen[str]) -> None:
    """End a child and everything it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _end_late(child: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()
    kill(child)


def log_tail(log: Path, lines: int = LOG_LINES) -> tuple[str, ...]:
    """The last lines of a log, without reading all of a huge one."""
    with contextlib.suppress(FileNotFoundError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - (1 << 16)))
        return tuple(file.read().decode("utf-8", "replace").rstrip().splitlines()[-lines:])
    return ()


def _follow(lines: Iterable[str], progress: Progress) -> None:
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a line cut short by a crash
            update = json.loads(line)
            progress(update["done"], update["total"], update["text"])


def ending(document: Mapping[str, Any]) -> Ending:
    """How a step ended, from what its worker tells."""
    if "error" in document:
        bug = "raised " if document.get("unexpected") else ""
        return Ending(None, f"{bug}{document['error']}")
    fields = dict(document["result"])
    return Ending(Result(**{**fields, "table": read_table(fields["table"]), "last_word": (*fields["last_word"],)}))


def read_table(document: Mapping[str, Any] | None) -> Table | None:
    """A table from its JSON form."""
    if document is None:
        return None
    rows = tuple(tuple(row) for row in document["rows"])
    return Table(tuple(document["columns"]), rows, document["title"])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _guess(number: int, stopped: bool) -> str:
    if number == signal.SIGKILL and not stopped:
        return ", which was not sent by trtflow: perhaps the machine ran out of memory"
    return ""
