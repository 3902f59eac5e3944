"""The names table of a file, by the parser of the TensorRT that is here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from trtflow.files.names import NamesTable, read_names
from trtflow.model.libraries import plugin_libraries

TIMEOUT = 600.0  # seconds
CHILD = (sys.executable, "-m", "trtflow.trt.names_child")


def write_names_of(model: Path, destination: Path) -> str:
    """Write the names table of ``model`` to ``destination``; why there is none, or empty.

    The parser, TensorRT's or TensorRT-RTX's, runs in a process of its own, and needs a GPU only where that is
    TensorRT.

    Example:
        >>> write_names_of(Path("unet.onnx"), Path("names.csv"))
        ''
    """
    paths = dict.fromkeys(str(Path(path).resolve()) for path in sys.path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [*CHILD, str(model.resolve()), str(destination.resolve()), *map(str, plugin_libraries())]
    try:
        child = subprocess.run(  # noqa: S603 (our own module)
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT, env=environment
        )
    except subprocess.TimeoutExpired:
        return f"the parser does not end within {TIMEOUT:g} s"
    if child.returncode < 0:
        return f"the parser crashes ({signal.Signals(-child.returncode).name}) on the file"
    return (child.stderr.strip().splitlines() or [f"status {child.returncode}"])[-1] if child.returncode else ""


def names_of(model: Path, destination: Path) -> NamesTable:
    """The names table of ``model``, which is left at ``destination``; empty where no parser takes it."""
    return NamesTable() if write_names_of(model, destination) else read_names(destination)
