"""Build one engine in a process of its own: a refusal, a crash and a time-out are three outcomes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from trtflow.errors import BackendError, BuildCrash, BuildError, BuildTimeout, TrtflowError
from trtflow.model.libraries import plugin_libraries
from trtflow.progress import Progress, silent
from trtflow.trt.building import CACHE
from trtflow.trt.built import EngineBuild
from trtflow.trt.inspected import LAYERS, NAMES
from trtflow.trt.request import EngineRequest

CHILD = (sys.executable, "-m", "trtflow.trt.child")
LINES = 3  # of the log, in a message
ENGINE = "engine.plan"
ERRORS: dict[str, type[TrtflowError]] = {kind.__name__: kind for kind in (BackendError, BuildError)}


def build(request: EngineRequest, flavour: str, destination: Path, progress: Progress = silent) -> EngineBuild:
    """Build what ``request`` asks for and write the engine to ``destination``, what is told of it beside it.

    ``flavour``: tensorrt or tensorrt-rtx. ``progress`` is told what the version tells.

    Raises:
        BuildError: the builder refuses the model, in its own words.
        BuildCrash: the builder ended by a signal, or in another way before it was done.
        BuildTimeout: it took longer than the settings allow.
        BackendError: the version cannot honour the request, or is not there.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        built = _result(folder, request, flavour, progress)
        shutil.move(folder / ENGINE, destination)
        for name in (LAYERS, NAMES, CACHE):
            if (folder / name).exists():
                shutil.move(folder / name, destination.with_name(name))
    return built


def _result(folder: Path, request: EngineRequest, flavour: str, progress: Progress) -> EngineBuild:
    limit = request.settings.timeout
    asked = replace(request, model=request.model.resolve(), ranges=dict(request.ranges))
    task = {
        "request": TypeAdapter(EngineRequest).dump_python(asked, mode="json"),
        "flavour": flavour,
        "libraries": [str(library.resolve()) for library in plugin_libraries()],
    }
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    status, late = _run(folder, limit, progress)
    result = folder / "result.json"
    what = f"{flavour} building {request.model.name}"
    if late:
        raise BuildTimeout(
            f"{what} was ended after {limit:g} s, its `timeout`: raise it, or lower `optimisation-level`."
        )
    if not result.exists():
        raise BuildCrash(f"{what} {_ended(status)}{_last_words(folder / 'log')}")
    found = json.loads(result.read_text(encoding="utf-8"))
    if "error" in found:
        raise ERRORS[found["kind"]](found["error"])
    return TypeAdapter(EngineBuild).validate_python(found)


def _run(folder: Path, limit: float | None, progress: Progress) -> tuple[int, bool]:
    """The exit status of the child, and whether it was ended for being late. Its log goes to ours as well."""
    paths = dict.fromkeys(str(Path(path).resolve()) for path in sys.path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    late = threading.Event()
    command = [*CHILD, str(folder)]
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "env": environment}
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log, **options) as child:  # noqa: S603 (our own module)
        timer = threading.Timer(limit or 0, _end, [child, late])
        if limit is not None:
            timer.start()
        try:
            _follow(child.stdout or (), progress)
            status = child.wait()
        finally:
            timer.cancel()
            child.kill()
    sys.stderr.write((folder / "log").read_text(encoding="utf-8", errors="replace"))
    return status, late.is_set()


def _end(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    child.kill()


def _follow(lines: Iterable[bytes], progress: Progress) -> None:
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):  # a line cut short by a crash
            update: dict[str, Any] = json.loads(line)
            progress(update["done"], update["total"], update["text"])


def _ended(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status} before it was done"
    name = signal.Signals(-status).name if -status in {*signal.Signals} else f"signal {-status}"
    killed = ", perhaps because memory ran out" if -status == signal.SIGKILL else ""
    return f"was ended by {name}{killed}"


def _last_words(log: Path) -> str:
    said = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return f"; the end of its log: {' | '.join(said[-LINES:])}" if said else "; it logged nothing"
