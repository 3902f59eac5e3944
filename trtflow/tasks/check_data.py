"""Ask of evaluation samples what must be asked before their verdict is believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import ModelProto

from trtflow.data import Dataset, Sample
from trtflow.diagnosis.checks.evaluation import Fed, check_evaluation, counted
from trtflow.diagnosis.checks.kinds import kind_of
from trtflow.diagnosis.checks.reach import expected_reach
from trtflow.files.checks import Check
from trtflow.files.data_facts import DataFacts
from trtflow.model.first_layers import first_layers
from trtflow.model.ports import model_inputs
from trtflow.numerics.inputs import InputStatistics, describe, join
from trtflow.trt.shapes import shape_ranges


@dataclass(frozen=True)
class CheckedData:
    """The checks of a data set, and what is to be known of it beside a verdict."""

    checks: tuple[Check, ...]
    facts: DataFacts


def check_data(model: ModelProto, data: Dataset) -> CheckedData:
    """R17 and R18 of the samples that judge: noise, another scale, too few, copies, constants.

    Nothing is refused: what may judge badly is a warning and a mark. Only inputs that the network reads as pictures,
    sounds or volumes can look like noise.

    Raises:
        DataError: as the samples are read.

    Example:
        >>> trtflow.check_data(model, trtflow.open_data("noise.npz", model)).facts.marks
        ("R17: input 'x' is read as a picture but looks like noise (neighbours correlate by 0.01, 16 samples): …",)
    """
    readers = first_layers(model)
    seen = describe_inputs(data, model)
    kinds = {name: kind_of(model, name, entry.shapes[0], readers[name]) for name, entry in seen.items()}
    fed = {name: Fed(entry, kinds[name], expected_reach(readers[name], kinds[name])) for name, entry in seen.items()}
    checks = tuple(check_evaluation(fed))
    samples, distinct = counted(seen.values())
    marks = tuple(f"{check.code}: {check.sentence}." for check in checks if check.verdict == "warn")
    source, batches = Path(data.source).name, _batches(data, model)
    facts = DataFacts(source=source, samples=samples, distinct=distinct, marks=marks, batches=batches)
    return CheckedData(checks, facts)


def _batches(samples: Iterable[Sample], model: ModelProto) -> dict[str, int]:
    """Per input whose first axis is free, the largest batch."""
    free = [entry.name for entry in model_inputs(model) if entry.shape and entry.shape[0] is None]
    ranges = shape_ranges(sample.feed for sample in samples) if free else {}
    return {name: ranges[name].high[0] for name in free if name in ranges and ranges[name].high}


def describe_inputs(samples: Iterable[Sample], model: ModelProto) -> dict[str, InputStatistics]:
    """Each numeric input over ``samples``.

    Where its first axis is free, a row is a sample, however many are fed at once.
    """
    batched = {entry.name for entry in model_inputs(model) if entry.shape and entry.shape[0] is None}
    found: dict[str, InputStatistics] = {}
    for sample in samples:
        for name, array in sample.feed.items():
            if array.dtype == np.object_:
                continue
            for row in (array[index : index + 1] for index in range(len(array))) if name in batched else (array,):
                entry = describe(row)
                found[name] = join(found[name], entry) if name in found else entry
    return found
