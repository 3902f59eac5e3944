"""Ask of a calibration what must be asked before it is trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto

from trtflow.calibration.passes import find_ranges
from trtflow.data import Dataset, Sample
from trtflow.diagnosis.checks.caches import check_cache, check_origin
from trtflow.diagnosis.checks.inputs import check_inputs
from trtflow.diagnosis.checks.samples import Limits, check_classes, check_coverage, check_samples, check_tensors
from trtflow.files.checks import Check
from trtflow.files.ranges import RangesFile
from trtflow.files.scales import Scales
from trtflow.runners.staged import Staged
from trtflow.tasks.check_data import describe_inputs

USUAL = Limits()
SAMPLED = 64  # samples of the evaluation set whose inputs are described


@dataclass(frozen=True)
class Loaded:
    """Ranges that were loaded, and what they are held against.

    ``thresholds``: tensor → method → amax, as these samples give it. ``model`` and ``data`` are digests, ``engine``
    the version of the TensorRT that would read a cache.
    """

    file: RangesFile
    thresholds: Mapping[str, Mapping[str, float]]
    model: str
    data: str | None
    engine: tuple[int, ...] | None = None


def check_calibration(
    model: ModelProto,
    scales: Scales,
    data: Dataset,
    calibration: Dataset | None = None,
    *,
    loaded: Loaded | None = None,
    samples: int = 8,
    limits: Limits = USUAL,
) -> Iterator[Check]:
    """The checks of ``scales``: R17 inputs, R18 samples, R19 coverage, R23 ranges that were loaded.

    ``data`` are the samples of inference, ``calibration`` those that calibrated; left out, it was ``data``. The
    ranges that inference reaches are seen on ``samples`` of them.
    """
    described = describe_inputs(calibration or data, model)
    yield from check_samples(described, scales.tensors, limits)
    yield from check_tensors(scales.tensors)
    if calibration is None:
        sentence = "the evaluation samples calibrate too: the result looks better than on unseen data"
        yield Check("R17", "data", "warn", sentence)
    else:
        inputs = list(check_inputs(described, describe_inputs(data.head(SAMPLED), model)))
        yield from inputs
        labels = _classes(calibration), _classes(data.head(SAMPLED))
        if all(labels):
            yield from check_classes(*labels)
        if all(check.verdict != "refuse" for check in inputs):  # else it says the same again, of every tensor
            reached = find_ranges(Staged(model, scales.tensors, data.head(samples)))
            yield from check_coverage(scales.tensors, reached, limits)
    if loaded is not None:
        yield from _loaded(loaded, model, scales)


def _loaded(loaded: Loaded, model: ModelProto, scales: Scales) -> Iterator[Check]:
    """The ranges that were loaded, held against the model and what these samples give."""
    fresh = {
        name: [amax for amax in (scale.seen or 0.0, *loaded.thresholds.get(name, {}).values()) if amax > 0]
        for name, scale in scales.tensors.items()
    }
    made = (name for node in model.graph.node for name in node.output)
    held = (value.name for value in (*model.graph.input, *model.graph.initializer))
    yield from check_cache(loaded.file, {*made, *held}, fresh, loaded.engine)
    if loaded.file.scales is not None:
        yield from check_origin(loaded.file.scales, loaded.model, loaded.data)


def _classes(samples: Iterable[Sample]) -> set[Any]:
    """The values of integer labels: classes, or those in masks."""
    found: set[Any] = set()
    for sample in samples:
        label = None if sample.label is None else np.asarray(sample.label)
        if label is not None and label.dtype.kind in "biu":
            found.update(np.unique(label).tolist())
    return found
