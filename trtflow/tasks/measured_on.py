"""The runner that a task was asked to measure on."""

from __future__ import annotations

from collections.abc import Sequence

from trtflow.data import Sample
from trtflow.runners.registry import EMULATED, Execute, executor
from trtflow.trt.shapes import shape_ranges


def execute_on(runner: str, samples: Sequence[Sample], script: str | None = None) -> Execute:
    """What executes models on ``runner``, which is tried first; an engine takes the shapes of all ``samples``.

    ``script``: the user's own for ``polygraphy-script``.

    Raises:
        BackendError: the runner is not to be had here, or does not run.
    """
    shapes = {} if runner == EMULATED else shape_ranges(sample.feed for sample in samples)
    return executor(runner, shapes, script)
