"""Load the model: unique names, an exact FP32 reference, and what there is to decide."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result

version = 4
environment = ("onnx",)
outputs = {"model": "model.onnx", "facts": "facts.json"}


class With(Options):
    """Options of ``inspect``."""

    model: File = Field(description="ONNX file, in FP32, FP16 or BF16")
    allow_nonfinite: bool = Field(False, description="NaN and infinity are meant where weights hold them")
    requantize: bool = Field(False, description="take Q/DQ pairs out of the model: what follows starts from floats")


def run(options: With, context: Context) -> Result:
    """Write the normalised model and its facts."""
    from trtflow.files.document import write_document
    from trtflow.model.load import save
    from trtflow.steps.shown import held_codes
    from trtflow.tasks.inspect import inspect
    from trtflow.tasks.quantized_already import described

    loaded, facts = inspect(options.model, allow_nonfinite=options.allow_nonfinite, requantize=options.requantize)
    save(loaded.model, context.folder / outputs["model"])
    write_document(facts, context.folder / outputs["facts"])
    notes = f", {len(facts.notes)} notes" if facts.notes else ""
    held = f". {described(facts.quantization)}" if facts.quantization else ""
    return Result(
        metrics={"nodes": facts.nodes, "candidates": facts.candidates},
        summary=f"{facts.nodes} nodes, {facts.candidates} of them can take a low precision{notes}{held}",
        table=held_codes(facts.quantization),
    )
