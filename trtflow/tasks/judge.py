"""By what a model is judged: conditions on end metrics, some of them the user's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onnx import ModelProto

from trtflow.data import Sample
from trtflow.numerics.accept import Kind
from trtflow.runners.evaluate import Evaluator, UserMetric
from trtflow.runners.reference import ReferenceRunner
from trtflow.tasks.hooks import SILENT, Hooks

Conditions = Mapping[str, Mapping[Kind, float]]


@dataclass(frozen=True)
class Judge:
    """``accept`` as in a config, ``{"iou": {"drop": 0.005}}``; ``metric``: (outputs, labels) → {name: number}."""

    accept: Conditions = field(default_factory=lambda: {"sqnr": {"min": 30.0}})
    metric: UserMetric | None = None

    def evaluator(self, reference: ModelProto, samples: Sequence[Sample], hooks: Hooks = SILENT) -> Evaluator:
        """What measures candidates against ``reference`` on ``samples``."""
        return Evaluator(ReferenceRunner(reference), samples, self.accept, self.metric, hooks.progress)
