"""Try a file in ONNX Runtime as a user would load it, in a child process; and find what helps it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trtflow.data import Array, Feed
from trtflow.files.runtime_trial import Attempt
from trtflow.model.libraries import operator_libraries
from trtflow.model.optimisers import FORBIDDEN, FORBIDDEN_BESIDE, SETTINGS

TIMEOUT = 300.0  # seconds
CHILD = (sys.executable, "-m", "trtflow.runners.trial_child")
LADDER = (
    Attempt(),
    Attempt(level="ORT_ENABLE_EXTENDED"),
    Attempt(disabled=(*FORBIDDEN, *FORBIDDEN_BESIDE), entries=SETTINGS),
    Attempt(level="ORT_DISABLE_ALL"),
)
"""What is tried one after another, until something works."""

_PREFIX = re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : (Load model from .*? failed:)?")


def try_file(model: Path, feed: Feed) -> tuple[tuple[Attempt, ...], Mapping[str, Array]]:
    """What was tried on the file, and its float outputs for ``feed`` under the setting that works, if one does.

    A feed of types that NumPy lacks is not run: the file is loaded only, and the outputs are empty.
    """
    made: list[Attempt] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = list(feed) if all(array.dtype.kind in "biuf" for array in feed.values()) else []
        np.savez(folder / "feed.npz", *(feed[name] for name in inputs))
        for setting in LADDER:
            task = {"model": str(model.resolve()), "setting": setting.model_dump(mode="json"), "inputs": inputs}
            task["libraries"] = [str(library) for library in operator_libraries()]
            (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
            made.append(setting.model_copy(update={"failed": _failure(folder)}))
            if not made[-1].failed:
                return tuple(made), _outputs(folder)
    return tuple(made), {}


def _failure(folder: Path) -> str:
    """What ONNX Runtime does instead of running the task in ``folder``, as a verb; empty when it does."""
    paths = dict.fromkeys(str(Path(path).resolve()) for path in sys.path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        child = subprocess.run(  # noqa: S603 (our own module)
            [*CHILD, str(folder)], capture_output=True, text=True, check=False, timeout=TIMEOUT, env=environment
        )
    except subprocess.TimeoutExpired:
        return f"does not end within {TIMEOUT:g} s"
    if child.returncode == 0:
        return ""
    if child.returncode < 0:
        return f"crashes ({signal.Signals(-child.returncode).name}) on the file"
    said = child.stderr.strip().splitlines()
    return f"refuses the file ({_PREFIX.sub('', said[-1]) if said else f'status {child.returncode}'})"


def _outputs(folder: Path) -> dict[str, Array]:
    if not (folder / "outputs.json").exists():
        return {}
    names = json.loads((folder / "outputs.json").read_text(encoding="utf-8"))
    with np.load(folder / "outputs.npz") as arrays:
        return {name: arrays[f"arr_{index}"] for index, name in enumerate(names)}
