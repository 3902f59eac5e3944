"""How far a builder is, where its version tells."""

from __future__ import annotations

import threading
from typing import Any

from trtflow.progress import Progress


def make_monitor(module: Any, progress: Progress) -> Any:
    """An ``IProgressMonitor`` of ``module`` that passes on each step of the outermost phase that is open.

    TensorRT calls it from several threads, and takes a False for the wish to stop.
    """

    class Monitor(module.IProgressMonitor):  # type: ignore[misc]  # a class of an untyped module
        def __init__(self) -> None:
            module.IProgressMonitor.__init__(self)
            self._open: dict[str, tuple[int, str | None]] = {}
            self._guard = threading.Lock()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with self._guard:
                self._open[phase_name] = (num_steps, parent_phase)
            self._tell(phase_name, 0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._tell(phase_name, step + 1)
            return True

        def phase_finish(self, phase_name: str) -> None:
            with self._guard:
                self._open.pop(phase_name, None)

        def _tell(self, phase: str, done: int) -> None:
            """Phases inside others come and go too fast to read."""
            with self._guard:
                steps, parent = self._open.get(phase, (done, None))
            if parent is None:
                progress(min(done, steps), steps, phase)

    return Monitor()
