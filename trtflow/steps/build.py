"""Build an engine from an ONNX file, as it is typed."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Builder, Data, Executed

version = 6
environment = ("tensorrt", "tensorrt-rtx", "gpu", "driver")
outputs = {"engine": "engine.plan", "build": "build.json"}
optional = ("engine",)
published = {"engine": "engine.plan"}


class With(Executed):
    """Options of ``build``."""

    model: File = Field(description="ONNX file")
    data: Data = Field(description="samples; their shapes bound the optimisation profile")
    original: File | None = Field(None, description="the model before the rewrite, to tell whose failure it is")
    runner: Builder = Field("auto", description="what builds the engine; one asked for by name must build it")
    samples: int = Field(16, ge=1, description="how many samples to take shapes from")


def run(options: With, context: Context) -> Result:
    """Build, or say plainly why not; only a backend that was asked for by name must be there."""
    import onnx

    from trtflow.files.document import write_document
    from trtflow.model.libraries import use_libraries
    from trtflow.steps.given import open_data
    from trtflow.tasks.build import build

    use_libraries(options.custom_ops)
    data = open_data(options.data, onnx.load(options.model, load_external_data=False), options.samples)
    built = build(options.model, data, context.folder / outputs["engine"], options.runner, options.original)
    write_document(built, context.folder / outputs["build"])
    if built.bytes is None:
        return Result(summary=f"not built: {built.not_built}")
    types = ", ".join(f"{count} {name}" for name, count in sorted(built.tensors.items()))
    summary = f"{built.backend} {built.version}: {built.bytes / 1e6:.2f} MB; network tensors: {types}"
    return Result(metrics={"bytes": built.bytes, "tensors": dict(built.tensors)}, summary=summary)
