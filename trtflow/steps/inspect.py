"""Load the model: unique names, an exact FP32 reference, and what there is to decide."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Executed
from trtflow.text import counted

version = 10
environment = ("onnx", "onnxruntime")
outputs = {"model": "model.onnx", "facts": "facts.json", "named": "named.onnx"}
optional = ("named",)
published = {"named": "{config}.named.onnx"}
NAMED = "The network with these names is left as <config>.named.onnx: constraints and exports speak of it"


class With(Executed):
    """Options of ``inspect``."""

    model: File = Field(description="ONNX file, in FP32, FP16 or BF16")
    allow_nonfinite: bool = Field(False, description="NaN and infinity are meant where weights hold them")
    requantize: bool = Field(False, description="take Q/DQ pairs out of the model: what follows starts from floats")


def run(options: With, context: Context) -> Result:
    """Write the normalised model and its facts."""
    from trtflow.files.document import write_document
    from trtflow.model.libraries import use_libraries
    from trtflow.model.load import save
    from trtflow.steps.shown import held_codes, notes
    from trtflow.tasks.foreign import described as described_foreign
    from trtflow.tasks.inspect import inspect
    from trtflow.tasks.quantized_already import described

    use_libraries(options.custom_ops)
    loaded, facts = inspect(options.model, allow_nonfinite=options.allow_nonfinite, requantize=options.requantize)
    write_document(facts, context.folder / outputs["facts"])
    metrics = {"nodes": facts.nodes, "candidates": facts.candidates}
    if facts.nothing:  # without the model no other step runs, and the report says why
        return Result(metrics, accepted=False, summary=facts.nothing, table=notes(facts.notes))
    save(loaded.model, context.folder / outputs["model"])
    if loaded.renamed:  # exports speak of nodes by names that the user's file lacks
        save(loaded.model, context.folder / outputs["named"])
    chosen = "".join(f"; {', '.join(found.outputs)} by {found.op} '{found.node}'" for found in facts.selected)
    strange = f". {described_foreign(facts.foreign, facts.ends)}" if facts.foreign else ""
    held = f". {described(facts.quantization)}" if facts.quantization else ""
    lowered = f"{facts.candidates} of them can take a low precision"
    return Result(
        metrics=metrics,
        summary=f"{counted(facts.nodes, 'node')}, {lowered}{_counted(facts.notes)}{chosen}{strange}{held}",
        table=held_codes(facts.quantization) or notes((*facts.notes, *([NAMED] if loaded.renamed else []))),
    )


def _counted(found: Sequence[str]) -> str:
    return f", {counted(len(found), 'note')}" if found else ""
