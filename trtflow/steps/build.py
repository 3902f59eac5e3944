"""Build an engine from an ONNX file, as it is typed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from pydantic import Field

from trtflow.errors import BackendError
from trtflow.steps.contract import Context, File, Options, Result
from trtflow.steps.options import Data

version = 2
environment = ("tensorrt", "tensorrt-rtx", "gpu")
outputs = {"engine": "engine.plan", "build": "build.json"}
optional = ("engine",)
published = {"engine": "engine.plan"}


class With(Options):
    """Options of ``build``."""

    model: File = Field(description="ONNX file")
    data: Data = Field(description="samples; their shapes bound the optimisation profile")
    runner: Literal["auto", "tensorrt", "tensorrt-rtx"] = Field("auto", description="what builds the engine")
    samples: int = Field(16, ge=1, description="how many samples to take shapes from")


def run(options: With, context: Context) -> Result:
    """Build, or say plainly why not; only a backend that was asked for by name must be there."""
    import onnx

    from trtflow.files.strict_json import write_json
    from trtflow.runners.backend import shape_ranges
    from trtflow.runners.registry import find_backend
    from trtflow.runners.tensorrt import build_engine
    from trtflow.tasks.samples import open_data, shapes_of

    found, why_not = find_backend() if options.runner == "auto" else (options.runner, "")
    if found is None:
        write_json({"backend": "none", "not_built": why_not}, context.folder / outputs["build"])
        return Result(summary=f"not built: {why_not}")
    data = open_data(options.data, onnx.load(options.model, load_external_data=False), options.samples)
    shapes = [shapes_of(sample) for sample in data]
    try:
        built = build_engine(found, options.model, shape_ranges(shapes), context.folder / outputs["engine"])
    except ImportError as error:
        raise BackendError(f"{found} was asked for but cannot be imported: {error}.") from error
    document = {key: value for key, value in asdict(built).items() if key != "seconds"}  # outputs hold no times
    write_json(document, context.folder / outputs["build"])
    types = ", ".join(f"{count} {name}" for name, count in sorted(built.tensors.items()))
    summary = f"{built.backend} {built.version}: {built.bytes / 1e6:.2f} MB; network tensors: {types}"
    return Result(metrics={"bytes": built.bytes, "tensors": dict(built.tensors)}, summary=summary)
