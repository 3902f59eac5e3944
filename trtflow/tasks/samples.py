"""From the options that steps share to samples and to the evaluator that judges on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from onnx import ModelProto

from trtflow.data import Dataset, Sample, load_dataset, load_function
from trtflow.model.ports import model_inputs
from trtflow.runners.evaluate import Evaluator
from trtflow.runners.reference import ReferenceRunner
from trtflow.steps.options import Data, Judged


def open_data(data: Data, model: ModelProto, limit: int | None = None) -> Dataset:
    """The samples that ``data`` names, as ``model`` takes them; no more than the smaller of both limits."""
    limits = [value for value in (limit, data.limit) if value is not None]
    return load_dataset(data.source, model_inputs(model), data.labels, min(limits, default=None))


def shapes_of(sample: Sample) -> dict[str, tuple[int, ...]]:
    """The shape of each input."""
    return {name: array.shape for name, array in sample.feed.items()}


def make_evaluator(
    options: Judged,
    reference: ModelProto,
    samples: Sequence[Sample],
    progress: Callable[[int, int | None, str], None] = lambda done, total, text: None,
) -> Evaluator:
    """What judges candidates against ``reference`` on ``samples`` as ``options`` ask."""
    metric = None if options.metric is None else load_function(options.metric)
    return Evaluator(ReferenceRunner(reference), samples, options.accept, metric, progress)
