"""From the options that steps share, and the engine's context, to what tasks take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx
from onnx import ModelProto

from trtflow.data import Dataset
from trtflow.files.constraints import Constraints, read_constraints
from trtflow.files.cures import read_cures
from trtflow.files.document import read_document, read_thresholds
from trtflow.files.scales import read_scales
from trtflow.files.statistics import Statistics
from trtflow.model.foreign import runnable
from trtflow.model.libraries import use_libraries
from trtflow.plan import PrecisionPlan, read_plan
from trtflow.qdq.foreign import open_ranges
from trtflow.runners.evaluate import UserMetric
from trtflow.runners.quantized import Ranges
from trtflow.steps.contract import Context, File, Memo
from trtflow.steps.options import Data, Executed, Judged
from trtflow.steps.trt_options import Trt
from trtflow.tasks import data as samples
from trtflow.tasks.check_calibration import Loaded
from trtflow.tasks.hooks import Hooks
from trtflow.user_code import load_function
from trtflow.versions import release


def open_model(options: Executed, file: File) -> ModelProto:
    """What ONNX Runtime can run of the model in ``file``: all of it, or what stands before a foreign operator."""
    use_libraries(options.custom_ops)
    return runnable(onnx.load(file)).model


def open_data(data: Data, model: ModelProto, limit: int | None = None) -> Dataset:
    """The samples that ``data`` names, as ``model`` takes them; no more than the smaller of both limits."""
    limits = [value for value in (limit, data.limit) if value is not None]
    known = min(limits, default=None)
    allowed = "inputs" in data.allow_nonfinite
    return samples.open_data(data.source, model, data.labels, known, allow_nonfinite=allowed)


def user_metric(options: Judged) -> UserMetric | None:
    """The user's own metric, if there is one."""
    return None if options.metric is None else load_function(options.metric)


def given_statistics(file: File | None) -> Statistics | None:
    """What ``compare`` left in a file, if one is named."""
    return None if file is None else read_document(Statistics, file)


def given_plan(plan: File | None, otherwise: PrecisionPlan) -> PrecisionPlan:
    """The plan in a file, or another where none is named."""
    return otherwise if plan is None else read_plan(plan)


def given_constraints(file: File | None) -> Constraints | None:
    """The decision in a file, if one is named."""
    return None if file is None else read_constraints(file)


def given_calibration(data: Data | None, model: ModelProto, trt: Trt) -> Dataset | None:
    """The samples for TensorRT's own calibrator, where the options name both."""
    return None if data is None or trt.calibrator is None else open_data(data, model)


def given_ranges(scales: File | None, cures: File | None) -> Ranges:
    """What a scales file and a file of cures hold."""
    return Ranges({} if scales is None else read_scales(scales).amax, () if cures is None else read_cures(cures))


def loaded_ranges(cache: File, thresholds: File | None, model: str, data: str) -> Loaded:
    """Ranges that were loaded from ``cache``; ``model`` and ``data`` are digests of what they are held against."""
    known = {} if thresholds is None else read_thresholds(thresholds)
    return Loaded(open_ranges(cache), known, model, data, release("tensorrt"))


@dataclass(frozen=True)
class _Scoped:
    """A memo whose material always holds ``base``."""

    memo: Memo
    base: Mapping[str, Any]

    def get(self, material: Mapping[str, Any]) -> dict[str, Any] | None:
        return self.memo.get({**self.base, **material})

    def put(self, material: Mapping[str, Any], record: Mapping[str, Any]) -> None:
        self.memo.put({**self.base, **material}, record)


def hooks(context: Context, **material: Any) -> Hooks:
    """The engine's progress, log and memo; ``material`` is what all records of the step depend on."""
    return Hooks(context.progress, context.log, _Scoped(context.memo, material))


def judged_by(options: Judged, data: Data, context: Context) -> dict[str, Any]:
    """The material of evaluations: the data and the user's own metric."""
    return {
        "data": context.digest(data.source),
        "labels": data.labels,
        "limit": data.limit,
        "metric": options.metric and context.digest(options.metric),
        "custom-ops": [context.digest(library) for library in options.custom_ops],
    }
