"""Ask of a calibration what must be asked before it is trusted; refuse what would ruin the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from trtflow.engine.step import Context, File, Options, Result, Table
from trtflow.steps.options import Data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from onnx import ModelProto

    from trtflow.data import Sample
    from trtflow.numerics.inputs import InputStatistics
    from trtflow.precision.check import Check

version = 1
environment = ("onnxruntime", "tensorrt")
outputs = {"checks": "checks.json"}

SAMPLED = 64  # samples of each set whose inputs are described
MARKS = {"ok": "ok", "warn": "warning", "refuse": "REFUSED", "allowed": "allowed"}


class With(Options):
    """Options of ``check-calibration``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    scales: File = Field(description="the scales file, from calibrate")
    data: Data = Field(description="evaluation samples, preprocessed as for inference")
    calibration: Data | None = Field(
        None, description="calibration samples; left out, the evaluation samples were used"
    )
    cache: File | None = Field(None, description="ranges that would be loaded: a calibration cache, JSON, PPQ, text")
    samples: int = Field(8, ge=1, description="evaluation samples to see what ranges inference reaches")
    allow: tuple[Literal["R17", "R18", "R19", "R23"], ...] = Field((), description="refusals to let pass, by code")


def run(options: With, context: Context) -> Result:
    """Write checks.json; the run is not accepted while a refusal stands that ``allow`` does not name."""
    import onnx

    from trtflow.numerics.strict_json import write_json

    checks = list(_checks(options, context, onnx.load(options.model)))
    verdicts = ["allowed" if c.verdict == "refuse" and c.code in options.allow else c.verdict for c in checks]
    documents = [{**c.document(), "verdict": v} for c, v in zip(checks, verdicts, strict=True)]
    write_json(documents, context.folder / outputs["checks"])
    rows = tuple((c.code, c.subject, MARKS[v], c.sentence) for c, v in zip(checks, verdicts, strict=True))
    refused = [f"{c.code} {c.subject}: {c.sentence}" for c, v in zip(checks, verdicts, strict=True) if v == "refuse"]
    warned = verdicts.count("warn") + verdicts.count("allowed")
    summary = "; ".join(refused) or f"{len(checks)} checks passed, {warned} of them with a warning"
    return Result(
        metrics={"refused": len(refused), "warnings": warned},
        accepted=not refused,
        summary=summary,
        table=Table(("code", "about", "verdict", "finding"), rows),
    )


def _checks(options: With, context: Context, model: ModelProto) -> Iterator[Check]:
    from trtflow.precision.cache_check import check_cache, check_origin
    from trtflow.precision.calibration_check import check_classes, check_coverage, check_samples, check_tensors
    from trtflow.precision.check import Check
    from trtflow.precision.input_check import check_inputs
    from trtflow.precision.scales import read_scales
    from trtflow.runners.stream import Stream
    from trtflow.steps.samples import open_data

    scales = read_scales(options.scales)
    source = options.calibration or options.data
    calibration, inference = open_data(source, model), open_data(options.data, model, SAMPLED)
    seen = Stream(model, list(scales.tensors), calibration, progress=context.progress).ranges()
    described = _describe(calibration)
    if options.calibration is None:
        sentence = "the evaluation samples calibrate too: the result looks better than on unseen data"
        yield Check("R17", "data", "warn", sentence)
    else:
        yield from check_inputs(described, _describe(inference))
        reached = Stream(model, list(scales.tensors), open_data(options.data, model, options.samples)).ranges()
        yield from check_coverage({name: entry.amax for name, entry in seen.items()}, reached)
        labels = _classes(calibration), _classes(inference)
        if all(labels):
            yield from check_classes(*labels)
    yield from check_samples(described, seen)
    yield from check_tensors(seen)
    yield from check_origin(scales, context.digest(options.model), context.digest(source.source))
    if options.cache is not None:
        from trtflow.graph.quantized_ranges import read_quantized
        from trtflow.precision.ranges import read_ranges

        read = read_quantized if options.cache.suffix == ".onnx" else read_ranges
        fresh = {name: entry.amax for name, entry in seen.items()}
        yield from check_cache(read(options.cache), fresh, _engine())


def _describe(samples: Iterable[Sample]) -> dict[str, InputStatistics]:
    from trtflow.numerics.inputs import describe, join

    found: dict[str, InputStatistics] = {}
    for sample in samples:
        for name, array in sample.feed.items():
            entry = describe(array)
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
