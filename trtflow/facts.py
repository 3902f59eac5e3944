"""Facts about the machine that the outputs of a step may depend on, told without loading anything heavy."""

from __future__ import annotations

import functools
import shutil
import subprocess
from collections.abc import Iterable

from trtflow.versions import installed


@functools.cache
def fact(name: str) -> str | None:
    """``gpu``: name and compute capability of the first GPU; any other name: the version of that package.

    None where it is not there.
    """
    return _gpu() if name == "gpu" else installed(name)


def facts(names: Iterable[str]) -> dict[str, str | None]:
    """The facts called ``names``, sorted."""
    return {name: fact(name) for name in sorted(set(names))}


def _gpu() -> str | None:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=name,compute_cap", "--format=csv,noheader", "--id=0"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 (a fixed command)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
