"""trtflow on one task of the INT8 benchmark: calibration, cures, the two searches, the engine."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from int8_task import Task

import trtflow

# Of each of the two searches: seconds would make the table hang on the machine.
BUDGET = trtflow.Budget(evaluations=128)
EVERYTHING = trtflow.PrecisionPlan("int8")


@dataclass
class Ours:
    """What trtflow makes of a task's model; the model changes when it is cured."""

    task: Task
    model: Any
    cures: tuple[Any, ...] = ()

    def calibrate(self) -> Any:
        return trtflow.calibrate(self.model, self.task.calibration).scales

    def cure(self, scales: Any) -> tuple[Any, str]:
        """Change the model where that helps; the scales then, and what was applied."""
        cured = trtflow.cure(self.model, self.task.calibration, scales)
        self.model, self.cures = cured.model, cured.cures
        applied = Counter(cure.kind for cure in cured.cures)
        return cured.scales, ", ".join(f"{count} x {kind}" for kind, count in applied.items()) or "none helps"

    def emulate(self, plan: trtflow.PrecisionPlan, scales: Any) -> Any:
        """The FP32 graph that computes what ``plan`` would."""
        return trtflow.emulate(self.model, plan, scales, self.cures)

    def float_plan(self) -> trtflow.PrecisionPlan:
        """FP16 but for what must stay FP32."""
        settings = trtflow.BisectSettings(budget=BUDGET, held_out=0.0, baselines=())
        return trtflow.bisect(self.model, self.task.evaluation, settings=settings, **self._bound()).plan

    def mixed(self, base: trtflow.PrecisionPlan, scales: Any) -> trtflow.PrecisionPlan:
        """What can be INT8 on top of ``base``."""
        settings = trtflow.SearchSettings(budget=BUDGET, held_out=0.0)
        more = {"base": base, "cures": self.cures, "settings": settings, **self._bound()}
        return trtflow.quantize(self.model, self.task.evaluation, scales, **more).plan

    def build(self, plan: trtflow.PrecisionPlan, scales: Any) -> tuple[bool, str]:
        """Whether TensorRT builds the model that ``plan`` makes, and what came out."""
        with tempfile.TemporaryDirectory() as folder:
            file, engine = Path(folder) / "mixed.onnx", Path(folder) / "engine.plan"
            try:
                trtflow.save(trtflow.rewrite(self.model, plan, scales, self.cures).model, file)
                built = trtflow.build(file, self.task.evaluation, engine)
            except trtflow.TrtflowError as error:
                return False, f"not built: {error}"
        if built.bytes is None:
            return False, built.not_built
        return True, f"{built.backend} {built.version}, {built.bytes / 1e6:.1f} MB"

    def _bound(self) -> dict[str, Any]:
        return {"accept": self.task.accept, "metric": self.task.metric}
