"""NVIDIA ModelOpt's ONNX quantization, for ``int8.py``: its package is ``nvidia-modelopt[onnx]``, with torch.

It runs in a process of its own, in whichever interpreter has it: torch need not be in ours, and a crash or a search
without end is a line of the table.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from int8_task import Task

CHILD = Path(__file__).with_name("int8_modelopt_child.py")
PATIENCE = 600  # seconds for one model

# Calibration method, and precision of what is left in floating point; the first is its default.
CASES = (("entropy", "fp16"), ("entropy", "fp32"), ("max", "fp16"), ("max", "fp32"))


def has_modelopt(python: str) -> bool:
    """Whether that interpreter can import ModelOpt."""
    check = "import importlib.util, sys; sys.exit(importlib.util.find_spec('modelopt') is None)"
    try:
        return subprocess.run([python, "-I", "-c", check], check=False).returncode == 0  # noqa: S603 - the user's choice
    except OSError:
        return False


def modelopt_ptq(task: Task, model: onnx.ModelProto, python: str, method: str, precision: str) -> onnx.ModelProto:
    """``model`` with what ModelOpt chooses to quantize in INT8 and the rest in ``precision``."""
    with tempfile.TemporaryDirectory() as folder:
        source, feeds, target = (Path(folder) / name for name in ("fp32.onnx", "feeds.npz", "int8.onnx"))
        onnx.save(model, source)
        samples = enumerate(task.calibration)
        arrays: Any = {f"{i} {name}": array for i, sample in samples for name, array in sample.feed.items()}
        np.savez(feeds, **arrays)
        # -I: what lies beside the child, or in our PYTHONPATH, must not stand in for a module of that interpreter.
        command = [python, "-I", str(CHILD), str(source), str(feeds), method, precision, str(target)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603
        if done.returncode:
            lines = (done.stderr.strip() or f"it ended with status {done.returncode}").splitlines()
            raise RuntimeError(lines[-1])
        return onnx.load(target)


def default() -> str | None:
    """Our own interpreter if it has ModelOpt."""
    return sys.executable if has_modelopt(sys.executable) else None
