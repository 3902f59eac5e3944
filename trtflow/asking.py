"""Ask in a process of its own what may crash, or hang, the one that asks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answer:
    """What the process printed; ``failed`` says what became of it instead, as a verb, and is empty otherwise."""

    said: str = ""
    failed: str = ""


def ask(command: Sequence[str], timeout: float) -> Answer:
    """Run ``command``, which finds the packages that are found here, for ``timeout`` seconds at most.

    It answers on standard output, and says on standard error why it cannot.
    """
    paths = dict.fromkeys(str(Path(path).resolve()) for path in sys.path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    try:
        child = subprocess.run(  # noqa: S603 (our own modules)
            [*command],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return Answer(failed=f"does not end within {timeout:g} s")
    except OSError as error:
        return Answer(failed=f"does not start ({error})")
    if child.returncode < 0:
        return Answer(failed=f"crashes ({signal.Signals(-child.returncode).name})")
    if child.returncode > 0:
        lines = child.stderr.strip().splitlines()
        return Answer(failed=f"fails ({lines[-1] if lines else f'status {child.returncode}'})")
    return Answer(child.stdout)
