"""Child processes that work off one task after another, and may die of any of them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any


class Worker:
    """A script of this folder as a child: tasks in as JSON lines; stages, and a result for each task, out.

    ``limit``: seconds for one stage before the child is ended.
    """

    def __init__(self, script: str, arguments: Sequence[str] = (), limit: float = 120.0) -> None:
        self.limit = limit
        self.process = subprocess.Popen(  # noqa: S603  (one of our scripts)
            [sys.executable, script, "--worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.next_line(300.0)

    def close(self) -> None:
        """Let it end: there is no more task, or it is dead."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put("")

    def next_line(self, limit: float) -> dict[str, Any]:
        """The next message; {"died": how} when there will be none."""
        try:
            line = self.lines.get(timeout=limit)
        except queue.Empty:
            self.process.kill()
            return {"died": "timeout"}
        if line:
            message: dict[str, Any] = json.loads(line)
            return message
        status = self.process.wait()
        return {"died": signal.Signals(-status).name if status < 0 else f"exit {status}"}

    def judge(self, task: dict[str, Any]) -> dict[str, Any]:
        """The verdict on ``task``, or {"died": how, "stage": where}."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        stage = ""
        while True:
            message = self.next_line(self.limit)
            if "result" in message:
                result: dict[str, Any] = message["result"]
                return result
            if "died" in message:
                return {**message, "stage": stage}
            stage = message["stage"]


def serve(judge: Callable[[dict[str, Any], Callable[[str], None]], dict[str, Any]]) -> int:
    """The other end: ``judge(task, stage)`` for each task that comes in, until there is no more."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever libraries print must not mix with the protocol

    def say(message: dict[str, Any]) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    say({"ready": True})
    for line in sys.stdin:
        say({"result": judge(json.loads(line), lambda stage: say({"stage": stage}))})
    return 0
