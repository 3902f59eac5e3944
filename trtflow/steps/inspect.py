"""Load the model: unique names, an exact FP32 reference, and what there is to decide."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result

version = 6
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
    from trtflow.steps.shown import held_codes, notes
    from trtflow.tasks.inspect import inspect
    from trtflow.tasks.quantized_already import described

    loaded, facts = inspect(options.model, allow_nonfinite=options.allow_nonfinite, requantize=options.requantize)
    save(loaded.model, context.folder / outputs["model"])
    write_document(facts, context.folder / outputs["facts"])
    chosen = "".join(f"; {', '.join(found.outputs)} by {found.op} '{found.node}'" for found in facts.selected)
    held = f". {described(facts.quantization)}" if facts.quantization else ""
    lowered = f"{facts.candidates} of them can take a low precision"
    return Result(
        metrics={"nodes": facts.nodes, "candidates": facts.candidates},
        summary=f"{facts.nodes} nodes, {lowered}{_counted(facts.notes)}{chosen}{held}",
        table=held_codes(facts.quantization) or notes(facts.notes),
    )


def _counted(found: Sequence[str]) -> str:
    return f", {len(found)} note{'' if len(found) == 1 else 's'}" if found else ""
