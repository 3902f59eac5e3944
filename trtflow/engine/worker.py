"""The child process in which a step runs: ``python -m trtflow.engine.worker task.json``.

A task file in, outputs and ``result.json`` out; progress as JSON lines on standard output, everything that
code or libraries print goes to the log. A builder that crashes ends this process, not the run.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO, cast

from trtflow.doing import keep_in
from trtflow.engine.digest import Digests
from trtflow.engine.memo import FileMemo
from trtflow.engine.store import write_json
from trtflow.errors import TrtflowError
from trtflow.steps.contract import CodeReference, Context, Result, StepModule

PR_SET_PDEATHSIG = 1


def main(argv: list[str]) -> int:
    """Run the task; 0 when it is done, 1 when it failed (``result.json`` says how)."""
    task = json.loads(Path(argv[1]).read_text(encoding="utf-8"))
    guard(task["parent"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it has no keyboard: a KeyboardInterrupt is the user's code's
    os.chdir(task.get("home", "."))  # where relative paths in the user's code begin
    report = _claim_output()
    destination = Path(task["result"])
    keep_in(destination.with_name("doing"))
    told = attempt(task, report)
    write_json(destination, told)
    return 1 if "error" in told else 0


def attempt(task: Mapping[str, Any], report: TextIO) -> dict[str, Any]:
    """Run the step: its result, or the error that it ended by, as ``result.json`` holds them."""
    try:
        return {"result": asdict(run_task(task, report))}
    except TrtflowError as error:
        return {"error": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}", "unexpected": True}


def guard(parent: int) -> None:
    """Tell where a crash happened, leave no core file, and end with the parent."""
    faulthandler.enable()
    with contextlib.suppress(ImportError):  # there is no resource module on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Without this a worker outlives a killed parent and holds the GPU.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            sys.exit(1)


def run_task(task: Mapping[str, Any], report: TextIO) -> Result:
    """Check the options once more, now as absolute paths, and run the step."""
    step = cast(StepModule, importlib.import_module(task["module"]))
    options = step.With.model_validate_json(json.dumps(task["options"]), strict=True)
    result = step.run(options, context(task, report))
    if not isinstance(result, Result):
        raise TypeError(f"{task['module']}.run returned {type(result).__name__}, not Result")
    return result


def context(task: Mapping[str, Any], report: TextIO) -> Context:
    """What the step is given."""
    digests = Digests(Path(task["digests"]))

    def progress(done: int, total: int | None, text: str) -> None:
        report.write(json.dumps({"done": done, "total": total, "text": text}) + "\n")
        report.flush()

    def log(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def digest(path: Path | str) -> str:
        return digests(path if isinstance(path, Path) else CodeReference(path).file)

    memo = FileMemo(Path(task["memo"]), task["base"], task["fresh"])
    return Context(Path(task["folder"]), memo, progress, log, digest)


def _claim_output() -> TextIO:
    """Keep standard output for progress, and send what anyone prints, C++ included, to the log."""
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return report


if __name__ == "__main__":
    sys.exit(main(sys.argv))
