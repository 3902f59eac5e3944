"""Find the range of every activation that INT8 or FP8 may quantize, streaming, and write the scales file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trtflow.steps.contract import CodeReference, Context, File, Result
from trtflow.steps.options import Data, Executed

if TYPE_CHECKING:
    from trtflow.files.scales import Origin

version = 10
environment = ("onnxruntime",)
outputs = {"scales": "scales.yaml", "methods": "methods.json"}
published = {"scales": "{config}.scales.yaml"}


class With(Executed):
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
    from trtflow.calibration.calibrate import Choice
    from trtflow.files.document import write_thresholds
    from trtflow.files.scales import write_scales
    from trtflow.qdq.foreign import open_ranges
    from trtflow.steps.given import hooks, open_data, open_model
    from trtflow.tasks.calibrate import Given, calibrate

    model = open_model(options, options.model)
    file = None if options.ranges is None else open_ranges(options.ranges)
    found = calibrate(
        model,
        open_data(options.calibration or options.data, model),
        Choice(options.method, options.percentile, options.precision, options.trials),
        given=Given(file, options.amax, options.shared),
        origins=_origins(options, context),
        memory=options.memory * 1_000_000,
        hooks=hooks(context),
    )
    write_scales(found.scales, context.folder / outputs["scales"])
    write_thresholds(found.thresholds, context.folder / outputs["methods"])
    tensors, samples = found.scales.tensors, found.scales.samples
    counts = Counter(entry.method for entry in tensors.values())
    chosen = ", ".join(f"{method} for {count}" for method, count in counts.most_common())
    return Result(
        metrics={"tensors": len(tensors), "samples": samples, "methods": dict(counts)},
        summary="nothing to calibrate: the file's own Q/DQ pairs are analysed as they are"
        if not tensors
        else f"{len(tensors)} tensors over {samples} samples: {chosen}",
    )


def _origins(options: With, context: Context) -> dict[str, Origin]:
    from trtflow.files.scales import Origin

    source = (options.calibration or options.data).source
    file = CodeReference(source).file if isinstance(source, str) else source
    data = Origin(name=file.name, sha256=context.digest(source))
    model = Origin(name=options.model.name, sha256=context.digest(options.model))
    return {"model": model, "data": data, **({"preprocessing": data} if isinstance(source, str) else {})}
