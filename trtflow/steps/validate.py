"""Hold the rewritten file, executed as it is typed, against the FP32 reference on all samples."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Data, Judged

version = 1
environment = ("onnxruntime",)
outputs = {"verdict": "verdict.json"}


class With(Judged):
    """Options of ``validate``."""

    reference: File = Field(description="the normalised FP32 model, from inspect")
    candidate: File = Field(description="the rewritten model, from rewrite")
    data: Data


def run(options: With, context: Context) -> Result:
    """Measure the file and judge it. The accuracy gate of the run is this step's."""
    import onnx

    from trtflow.files.strict_json import json_numbers, write_json
    from trtflow.runners.emulated import TypedRunner
    from trtflow.tasks.samples import make_evaluator, open_data

    reference = onnx.load(options.reference)
    evaluator = make_evaluator(options, reference, list(open_data(options.data, reference)), context.progress)
    measured = evaluator.measure(TypedRunner(onnx.load(options.candidate)))
    verdict = evaluator.judge(measured)
    document = {
        "accepted": verdict.accepted,
        "samples": len(evaluator.samples),
        "reference": evaluator.reference.metrics,
        "candidate": measured.metrics,
        "margins": verdict.margins,
        "accept": options.accept,
    }
    write_json(document, context.folder / outputs["verdict"])
    pairs = [
        f"{name} {evaluator.reference.metrics[name]:.4g} → {measured.metrics[name]:.4g}" for name in options.accept
    ]
    state = "accepted" if verdict.accepted else f"refused by {', '.join(verdict.failed)}"
    return Result(
        metrics=json_numbers(dict(measured.metrics)),
        accepted=verdict.accepted,
        summary=f"{state}: {', '.join(pairs)} on {len(evaluator.samples)} samples",
    )
