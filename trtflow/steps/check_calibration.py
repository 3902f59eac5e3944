"""Ask of a calibration what must be asked before it is trusted; refuse what would ruin the result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result, Table
from trtflow.steps.options import Data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from onnx import ModelProto

    from trtflow.data import Sample
    from trtflow.diagnosis.checks.samples import Limits
    from trtflow.files.checks import Check
    from trtflow.files.scales import TensorScale
    from trtflow.numerics.inputs import InputStatistics

version = 2
environment = ("onnxruntime", "tensorrt")
outputs = {"checks": "checks.json"}

SAMPLED = 64  # samples of each set whose inputs are described
MARKS = {"ok": "ok", "warn": "warning", "refuse": "REFUSED", "allowed": "allowed"}


class With(Options):
    """Options of ``check-calibration``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    scales: File = Field(description="the scales file, from calibrate")
    thresholds: File | None = Field(None, description="what each method would give, from calibrate")
    data: Data = Field(description="evaluation samples, preprocessed as for inference")
    calibration: Data | None = Field(
        None, description="calibration samples; left out, the evaluation samples were used"
    )
    cache: File | None = Field(None, description="ranges that were loaded: cache, JSON, PPQ, text, scales, Q/DQ ONNX")
    samples: int = Field(8, ge=1, description="evaluation samples to see what ranges inference reaches")
    few: int = Field(8, ge=1, description="different samples below which a calibration is refused")
    enough: int = Field(100, ge=1, description="different samples that meet the usual advice")
    growing: float = Field(0.05, gt=0, description="share of a range that half of the samples may miss")
    uncovered: float = Field(1.25, gt=1, description="how far inference may reach beyond calibration")
    allow: tuple[Literal["R17", "R18", "R19", "R23"], ...] = Field((), description="refusals to let pass, by code")


def run(options: With, context: Context) -> Result:
    """Write checks.json; the gate is not met while a refusal stands that ``allow`` does not name."""
    import onnx

    from trtflow.files.strict_json import write_json

    checks = list(_checks(options, context, onnx.load(options.model)))
    verdicts = ["allowed" if c.verdict == "refuse" and c.code in options.allow else c.verdict for c in checks]
    documents = [{**c.document(), "verdict": v} for c, v in zip(checks, verdicts, strict=True)]
    write_json(documents, context.folder / outputs["checks"])
    rows = tuple((c.code, c.subject, MARKS[v], c.sentence) for c, v in zip(checks, verdicts, strict=True))
    refused = [check for check, verdict in zip(checks, verdicts, strict=True) if verdict == "refuse"]
    warned = verdicts.count("warn") + verdicts.count("allowed")
    return Result(
        metrics={"refused": len(refused), "warnings": warned},
        accepted=not refused,
        summary=_refusal(refused) or f"{len(checks)} checks passed, {warned} of them with a warning",
        table=Table(("code", "about", "verdict", "finding"), rows),
    )


def _refusal(refused: Sequence[Check]) -> str:
    if not refused:
        return ""
    codes = ",".join(dict.fromkeys(check.code for check in refused))
    sentences = "; ".join(f"{check.code} {check.subject}: {check.sentence}" for check in refused)
    return f"{sentences}. To go on all the same: allow: [{codes}] among the options of this step"


def _checks(options: With, context: Context, model: ModelProto) -> Iterator[Check]:
    from trtflow.diagnosis.checks.samples import Limits, check_samples, check_tensors
    from trtflow.files.checks import Check
    from trtflow.files.scales import read_scales
    from trtflow.tasks.samples import open_data

    tensors = read_scales(options.scales).tensors
    limits = Limits(options.few, options.enough, options.growing, options.uncovered)
    described = _describe(open_data(options.calibration or options.data, model), model)
    yield from check_samples(described, tensors, limits)
    yield from check_tensors(tensors)
    if options.calibration is None:
        sentence = "the evaluation samples calibrate too: the result looks better than on unseen data"
        yield Check("R17", "data", "warn", sentence)
    else:
        yield from _against_inference(options, options.calibration, model, described, tensors, limits)
    if options.cache is not None:
        yield from _cache(options, options.cache, context, model, tensors)


def _against_inference(
    options: With,
    calibration: Data,
    model: ModelProto,
    described: Mapping[str, InputStatistics],
    tensors: Mapping[str, TensorScale],
    limits: Limits,
) -> Iterator[Check]:
    """Inputs, classes and ranges of the calibration samples, held against those of the evaluation samples."""
    from trtflow.calibration.passes import find_ranges
    from trtflow.diagnosis.checks.inputs import check_inputs
    from trtflow.diagnosis.checks.samples import check_classes, check_coverage
    from trtflow.runners.staged import Staged
    from trtflow.tasks.samples import open_data

    inputs = list(check_inputs(described, _describe(open_data(options.data, model, SAMPLED), model)))
    yield from inputs
    labels = _classes(open_data(calibration, model)), _classes(open_data(options.data, model, SAMPLED))
    if all(labels):
        yield from check_classes(*labels)
    if all(check.verdict != "refuse" for check in inputs):  # else it says the same again, of every tensor
        reached = find_ranges(Staged(model, tensors, open_data(options.data, model, options.samples)))
        yield from check_coverage(tensors, reached, limits)


def _cache(
    options: With, cache: File, context: Context, model: ModelProto, tensors: Mapping[str, TensorScale]
) -> Iterator[Check]:
    """The ranges that were loaded, held against the model and what these samples give."""
    from trtflow.diagnosis.checks.caches import check_cache, check_origin
    from trtflow.qdq.foreign import open_ranges

    found = open_ranges(cache)
    thresholds = {} if options.thresholds is None else json.loads(options.thresholds.read_text(encoding="utf-8"))
    fresh = {
        name: [amax for amax in (scale.seen or 0.0, *thresholds.get(name, {}).values()) if amax > 0]
        for name, scale in tensors.items()
    }
    made = (name for node in model.graph.node for name in node.output)
    held = (value.name for value in (*model.graph.input, *model.graph.initializer))
    yield from check_cache(found, {*made, *held}, fresh, _engine())
    if found.scales is not None:
        data = context.digest((options.calibration or options.data).source)
        yield from check_origin(found.scales, context.digest(options.model), data)


def _describe(samples: Iterable[Sample], model: ModelProto) -> dict[str, InputStatistics]:
    """Each input over ``samples``; where its first axis is free, a row is a sample, however many are fed at once."""
    from trtflow.numerics.inputs import describe, join
    from trtflow.runners.reference import model_inputs

    batched = {entry.name for entry in model_inputs(model) if entry.shape and entry.shape[0] is None}
    found: dict[str, InputStatistics] = {}
    for sample in samples:
        for name, array in sample.feed.items():
            for row in (array[index : index + 1] for index in range(len(array))) if name in batched else (array,):
                entry = describe(row)
                found[name] = join(found[name], entry) if name in found else entry
    return found


def _classes(samples: Iterable[Sample]) -> set[Any]:
    """The values of integer labels: classes, or those in masks."""
    import numpy as np

    found: set[Any] = set()
    for sample in samples:
        label = None if sample.label is None else np.asarray(sample.label)
        if label is not None and label.dtype.kind in "biu":
            found.update(np.unique(label).tolist())
    return found


def _engine() -> tuple[int, ...] | None:
    """The version of the TensorRT that is installed and would read a cache."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return tuple(int(part) for part in installed("tensorrt").split(".")[:3])
    except (PackageNotFoundError, ValueError):
        return None
