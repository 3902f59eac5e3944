"""The runner that a task was asked to measure on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trtflow.data import Sample
from trtflow.progress import Progress, silent
from trtflow.runners.registry import EMULATED, Executor, executor
from trtflow.trt.request import EngineRequest, EngineSettings
from trtflow.trt.shapes import shape_ranges

FILE = Path("model.onnx")  # each engine's own, in a folder of its own
DEFAULTS = EngineSettings()


def execute_on(
    runner: str,
    samples: Sequence[Sample],
    trt: EngineSettings = DEFAULTS,
    script: str | None = None,
    progress: Progress = silent,
) -> Executor:
    """What executes models on ``runner``, which is tried first; an engine takes the shapes of all ``samples``.

    ``script``: the user's own for ``polygraphy-script``. ``progress`` is told how far the build of an engine is.

    Raises:
        BackendError: the runner is not to be had here, does not run, or cannot honour ``trt``.
    """
    shapes = {} if runner == EMULATED else shape_ranges(sample.feed for sample in samples)
    return executor(runner, EngineRequest(FILE, shapes, trt), script, progress)
