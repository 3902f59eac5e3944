"""Build an engine from an ONNX file as it is typed, or weakly typed under a decision."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Builder, Data, Executed
from trtflow.steps.trt_options import Trt

version = 8
environment = ("tensorrt", "tensorrt-rtx", "gpu", "driver")
outputs = {
    "engine": "engine.plan",
    "build": "build.json",
    "layers": "engine-layers.json",
    "names": "engine.names.csv",
    "cache": "calibration.tensorrt.cache",
}
optional = ("engine", "layers", "names", "cache")
published = {name: file for name, file in outputs.items() if name != "build"}


class With(Executed):
    """Options of ``build``."""

    model: File = Field(description="ONNX file")
    data: Data = Field(description="samples; their shapes bound the optimisation profile")
    original: File | None = Field(None, description="the model before the rewrite, to tell whose failure it is")
    runner: Builder = Field("auto", description="what builds the engine; one asked for by name must build it")
    constraints: File | None = Field(None, description="from constrain: what a weakly typed engine is told")
    calibration: Data | None = Field(None, description="samples for TensorRT's own calibrator; left out, data")
    trt: Trt = Trt()
    samples: int = Field(16, ge=1, description="how many samples to take shapes from")


def run(options: With, context: Context) -> Result:
    """Build, or say plainly why not; only a backend that was asked for by name must be there."""
    import onnx

    from trtflow.files.document import write_document
    from trtflow.model.libraries import use_libraries
    from trtflow.steps.given import given_calibration, given_constraints, hooks, open_data
    from trtflow.tasks.build import build
    from trtflow.tasks.honouring import said

    use_libraries(options.custom_ops)
    model = onnx.load(options.model, load_external_data=False)
    data = open_data(options.data, model, options.samples)
    built = build(
        options.model,
        data,
        context.folder / outputs["engine"],
        options.runner,
        options.original,
        constraints=given_constraints(options.constraints),
        calibration=given_calibration(options.calibration, model, options.trt),
        trt=options.trt.settings(),
        hooks=hooks(context),
    )
    write_document(built, context.folder / outputs["build"])
    if built.bytes is None:
        how = "" if built.failure is None else f" ({built.failure})"
        return Result(summary=f"not built{how}: {built.not_built}")
    types = ", ".join(f"{count} {name}" for name, count in sorted(built.tensors.items()))
    who = f"{built.backend} {built.version}, {built.typing}ly typed"
    summary = "; ".join((f"{who}: {built.bytes / 1e6:.2f} MB", f"network tensors: {types}", *said(built)))
    return Result(metrics={"bytes": built.bytes, "tensors": dict(built.tensors)}, summary=summary)
