"""A decision on a weakly typed network: the FP32 model, cured, told a plan and ranges beside the file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import ModelProto

from trtflow.cures import changed
from trtflow.data import Sample
from trtflow.errors import BackendError
from trtflow.files.constraints import Constraints
from trtflow.plan import PrecisionPlan
from trtflow.precision import INT8
from trtflow.runners.registry import Executor
from trtflow.trt.feeds import write_feeds
from trtflow.trt.request import EngineSettings

NEEDED = (
    "under `typing: weak` an engine is told its precisions beside the file, and there are no constraints to tell; "
    "give `constraints`, the file that constrain wrote, or ask for `typing: strong`."
)


@dataclass(frozen=True)
class Told:
    """What an engine is built from where precision is no part of the file.

    ``ranges`` are tensor → amax; none where TensorRT's own calibrator finds them, from the feeds in ``calibration``.
    """

    model: ModelProto
    plan: PrecisionPlan
    ranges: Mapping[str, float]
    calibration: Path | None


def told(
    model: ModelProto,
    constraints: Constraints | None,
    trt: EngineSettings,
    calibration: Iterable[Sample],
    folder: Path,
) -> Told:
    """The decision in ``constraints`` on the FP32 ``model`` that it was made for; feeds go into ``folder``.

    Raises:
        BackendError: there are no constraints.
    """
    if constraints is None:
        raise BackendError(NEEDED)
    plan, cured = constraints.plan, changed(model, constraints.cures)
    if INT8 not in {plan.default, *plan.nodes.values()}:
        return Told(cured, plan, {}, None)
    if trt.calibrator is None:
        return Told(cured, plan, constraints.scales, None)
    return Told(cured, plan, {}, write_feeds((sample.feed for sample in calibration), folder / "calibration"))


class WeakRunner:
    """Executes the decision in ``constraints`` on the FP32 ``model``, weakly typed, through ``execute``.

    ``calibration``: samples for TensorRT's own calibrator, where the settings name one.
    """

    def __init__(
        self, execute: Executor, model: ModelProto, constraints: Constraints | None, calibration: Iterable[Sample]
    ) -> None:
        self.name = execute.backend.name
        self._execute, self._model, self._constraints = execute, model, constraints
        self._calibration, self._open = calibration, ExitStack()
        self._runner: Any = None

    def __enter__(self) -> WeakRunner:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            trt = self._execute.request.settings
            found = told(self._model, self._constraints, trt, self._calibration, folder)
            runner = self._execute(found.model, found.plan, found.ranges, found.calibration)
            self._runner = stack.enter_context(runner)
            self._open = stack.pop_all()
        return self

    def __exit__(self, *raised: object) -> None:
        self._open.close()

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        outputs: dict[str, Any] = self._runner(feed)
        return outputs
