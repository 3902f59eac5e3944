"""Find the range of every activation that INT8 or FP8 may quantise, streaming, and write the scales file."""

from __future__ import annotations

from collections import Counter
from math import isfinite
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trtflow.errors import PlanError
from trtflow.steps.contract import CodeReference, Context, File, Options, Result
from trtflow.steps.options import Data
from trtflow.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trtflow.files.scales import Scales, TensorScale

version = 5
environment = ("onnxruntime",)
outputs = {"scales": "scales.yaml", "methods": "methods.json"}
published = {"scales": "{config}.scales.yaml"}


class With(Options):
    """Options of ``calibrate``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data = Field(description="evaluation samples; they calibrate too where calibration is left out")
    calibration: Data | None = Field(None, description="calibration samples, preprocessed as for inference")
    method: Literal["auto", "minmax", "percentile", "entropy", "mse"] = Field(
        "auto", description="what chooses a threshold; auto takes per tensor what the emulator measures as best"
    )
    percentile: float = Field(99.99, gt=50, le=100, description="of all magnitudes, for the method percentile")
    precision: Literal["int8", "fp8"] = "int8"
    trials: int = Field(8, ge=1, description="samples on which auto tries the methods")
    ranges: File | None = Field(None, description="ranges to use instead: cache, JSON, PPQ, text, scales, Q/DQ ONNX")
    amax: dict[str, float] = Field({}, description="the range of single tensors, by name; it goes before all others")
    shared: tuple[tuple[str, ...], ...] = Field(
        (), description="groups of tensors with one range, the widest: what a Concat joins, where that helps"
    )
    memory: int = Field(256, ge=1, description="MB of activations to hold at once")


def run(options: With, context: Context) -> Result:
    """Pass once for ranges and once for histograms, choose, and write the scales."""
    import onnx

    from trtflow.calibration.calibrate import Choice, calibrate
    from trtflow.files.scales import write_scales
    from trtflow.files.strict_json import write_json
    from trtflow.qdq.quantize import quantizable
    from trtflow.tasks.samples import open_data

    model = onnx.load(options.model)
    sites = quantizable(model, outputs=True)
    if not sites:
        raise PlanError("no node of the model suits INT8 or FP8: it has no Conv, ConvTranspose, Gemm or MatMul.")
    names = dict.fromkeys(name for site in sites for name in site.tensors)
    given = {} if options.ranges is None else _given(options.ranges, names, context)
    given |= _named(options.amax, names)
    data = open_data(options.calibration or options.data, model)
    choice = Choice(options.method, options.percentile, options.precision, options.trials)
    found = calibrate(model, sites, data, choice, given, options.memory * 1_000_000, context.progress)
    scales = _scales(options, context, _shared(options.shared, found.tensors), found.samples)
    write_scales(scales, context.folder / outputs["scales"])
    write_json(found.thresholds, context.folder / outputs["methods"])
    counts = Counter(entry.method for entry in found.tensors.values())
    chosen = ", ".join(f"{method} for {count}" for method, count in counts.most_common())
    return Result(
        metrics={"tensors": len(found.tensors), "samples": found.samples, "methods": dict(counts)},
        summary=f"{len(found.tensors)} tensors over {found.samples} samples: {chosen}",
    )


def _given(file: File, names: Mapping[str, object], context: Context) -> dict[str, float]:
    """The ranges of the user's file, by the tensors that the model has."""
    from trtflow.files.ranges import match_names
    from trtflow.qdq.foreign import open_ranges

    found = open_ranges(file)
    given = match_names(found, names)
    if not given:
        raise PlanError(
            f"{file.name} ({found.kind}, {len(found.amax)} tensors) names no tensor that INT8 would quantise here, "
            f"such as {next(iter(names))}; it belongs to another model or export."
        )
    context.log(f"{len(given)} ranges are given by {file.name}, {len(names) - len(given)} are calibrated")
    return given


def _named(amax: Mapping[str, float], names: Collection[str]) -> Mapping[str, float]:
    """The ranges that the config gives itself, checked."""
    for name, value in amax.items():
        if name not in names:
            hint = did_you_mean(name, names, "; ")
            raise PlanError(f"amax names {name!r}, which INT8 would not quantise here{hint}")
        if not (isfinite(value) and value > 0):
            raise PlanError(f"amax of {name!r} is {value}; expected a positive finite number.")
    return amax


def _shared(groups: Sequence[Sequence[str]], tensors: Mapping[str, TensorScale]) -> dict[str, TensorScale]:
    """``tensors`` with the largest amax of each group for all of its members."""
    unknown = [name for group in groups for name in group if name not in tensors]
    if unknown:
        raise PlanError(f"shared names {unknown[0]!r}, which INT8 would not quantise here.")
    found = dict(tensors)
    for group in groups:
        widest = max((found[name] for name in group), key=lambda scale: scale.amax)
        found |= {name: found[name].model_copy(update={"amax": widest.amax}) for name in group}
    return found


def _scales(options: With, context: Context, tensors: Mapping[str, TensorScale], samples: int) -> Scales:
    from trtflow.files.scales import Origin, Scales

    source = (options.calibration or options.data).source
    file = CodeReference(source).file if isinstance(source, str) else source
    origin = Origin(name=file.name, sha256=context.digest(source))
    return Scales(
        precision=options.precision,
        method=options.method,
        percentile=options.percentile if options.method in ("auto", "percentile") else None,
        samples=samples,
        model=Origin(name=options.model.name, sha256=context.digest(options.model)),
        data=origin,
        preprocessing=origin if isinstance(source, str) else None,
        tensors=tensors,
    )
