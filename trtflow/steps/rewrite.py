"""Write the mixed-precision ONNX that TensorRT builds as is, and check it."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result
from trtflow.text import counted

version = 9
environment = ("onnx", "onnx-graphsurgeon", "onnxruntime", "tensorrt", "tensorrt-rtx")
outputs = {"model": "mixed.onnx", "notes": "rewrite.json", "names": "names.csv"}
optional = ("names",)
published = {"model": "{config}.mixed.onnx", "names": "mixed.names.csv"}


class With(Options):
    """Options of ``rewrite``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    constraints: File = Field(description="the decision, from constrain")


def run(options: With, context: Context) -> Result:
    """Carry out the decision, and check the file with onnx.checker."""
    import onnx

    from trtflow.files.constraints import read_constraints
    from trtflow.files.document import write_document
    from trtflow.tasks.names import write_names_of
    from trtflow.tasks.rewrite import rewrite_file

    destination = context.folder / outputs["model"]
    done = rewrite_file(onnx.load(options.model), read_constraints(options.constraints), destination)
    write_names_of(destination, context.folder / outputs["names"])
    write_document(done, context.folder / outputs["notes"])
    promoted = f", {counted(len(done.promoted), 'more node')} kept high" if done.promoted else ""
    quantized = f" and {counted(done.pairs, 'Q/DQ pair')}" if done.pairs else ""
    summary = f"{counted(done.casts, 'Cast')}{quantized}, {done.bytes / 1e6:.2f} MB{promoted}"
    return Result(metrics={"casts": done.casts, "pairs": done.pairs}, summary=summary)
