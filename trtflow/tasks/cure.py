"""Cure what INT8 harms by changes that leave the FP32 network as it is, each kept only where it measures better."""

from __future__ import annotations

from dataclasses import dataclass

from onnx import ModelProto

from trtflow.calibration import cure as trials
from trtflow.calibration.cure import Attempt
from trtflow.cures import Cure
from trtflow.data import Dataset, evenly
from trtflow.files.scales import Scales
from trtflow.numerics.calibration import PERCENTILE, Settings
from trtflow.tasks.hooks import SILENT, Hooks

SAMPLES = 4


@dataclass(frozen=True)
class Cured:
    """The network with the cures that win, the scales and cures for it, and all that was tried, in order."""

    model: ModelProto
    scales: Scales
    cures: tuple[Cure, ...]
    attempts: tuple[Attempt, ...]


def cure(model: ModelProto, data: Dataset, scales: Scales, *, samples: int = SAMPLES, hooks: Hooks = SILENT) -> Cured:
    """Try equalisation and migration, weight clipping and bias correction where eight bits harm most.

    ``data`` are those that calibrated; ``samples`` of them judge.

    Example:
        >>> cured = trtflow.cure(model, data, scales)
        >>> [cure.kind for cure in cured.cures]
        ['weight clipping', 'bias correction']
    """
    settings = Settings(scales.percentile or PERCENTILE, scales.precision)
    chosen = evenly(data, scales.samples, samples)
    found = trials.cure(model, scales.tensors, data, chosen, settings, hooks.progress)
    changed = scales.model_copy(update={"tensors": dict(found.tensors)})
    return Cured(found.model, changed, found.cures, found.attempts)
