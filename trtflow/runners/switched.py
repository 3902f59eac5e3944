"""The emulator for a search: one session for all plans, because to build one takes longer than to run a probe."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto
from polygraphy.backend.onnxrt import OnnxrtRunner

from trtflow.doing import doing
from trtflow.emulation.switchable import switchable
from trtflow.model.selection import tapped
from trtflow.model.session import create_session
from trtflow.plan import PrecisionPlan
from trtflow.precision import Precision
from trtflow.runners.reference import ReferenceRunner


class SwitchedRunner(ReferenceRunner):
    """Executes any plan between ``low`` and FP32, rounding every tensor. ``under`` chooses the plan.

    The session outlives deactivation. Numbers equal those of ``EmulatedRunner`` up to the order of additions.

    Raises:
        ModelError: the model has candidates inside control flow, which ``EmulatedRunner`` takes.
    """

    def __init__(self, model: ModelProto, low: Precision, taps: tuple[str, ...] = ()) -> None:
        self.is_active = False  # Polygraphy asks when the runner goes, also where the next line raises
        self._switched = switchable(model, low)
        with doing(f"starting switched-{low}"):
            session = create_session(tapped(self._switched.model, taps))
        OnnxrtRunner.__init__(self, session, name=f"switched-{low}")
        self.under(PrecisionPlan(low))

    def under(self, plan: PrecisionPlan) -> SwitchedRunner:
        """This runner, executing ``plan`` from now on."""
        self._switches = self._switched.feed(plan)
        return self

    def __call__(self, feed: dict[str, Any]) -> dict[str, Any]:
        """The outputs for ``feed``."""
        return dict(self.infer({**feed, **self._switches}, check_inputs=False))
