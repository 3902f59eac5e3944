"""Cure what INT8 harms by changes that leave the FP32 network as it is, each kept only where it measures better."""

from __future__ import annotations

from onnx import ModelProto

from trtflow.calibration import cure as trials
from trtflow.calibration.cure import Cured
from trtflow.data import Dataset, evenly
from trtflow.files.scales import Scales
from trtflow.numerics.calibration import PERCENTILE, Settings
from trtflow.tasks.hooks import SILENT, Hooks

SAMPLES = 4


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
    return trials.cure(model, scales.tensors, data, chosen, settings, hooks.progress)
