"""Hold the rewritten file, executed as it is typed, against the FP32 reference on all samples."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Accumulation, Data, Decided, Decider, runner_facts
from trtflow.steps.trt_options import Trt
from trtflow.text import counted

version = 10
environment = ("onnxruntime",)
outputs = {"verdict": "verdict.json", "providers": "ort_providers.json"}
published = {"providers": "exports/ort_providers.json"}


class With(Decided):
    """Options of ``validate``."""

    reference: File = Field(description="the normalised FP32 model, from inspect")
    candidate: File = Field(description="the rewritten model, from rewrite")
    data: Data
    searches: tuple[File, ...] = Field((), description="the searches that found it, from bisect and quantize")
    calibration: Data | None = Field(None, description="calibration samples; left out, these calibrate")
    runner: Decider = Field("emulated", description="what executes the file, and so decides")
    constraints: File | None = Field(None, description="from constrain: what a weakly typed engine is told")
    trt: Trt = Trt()
    accumulation: Accumulation = "fp32"


def depends(options: With) -> tuple[str, ...]:
    """What the runner brings along."""
    return runner_facts(options.runner)


def run(options: With, context: Context) -> Result:
    """Measure the file and judge it. The accuracy gate of the run is this step's."""
    import onnx

    from trtflow.files.document import read_document, write_document
    from trtflow.files.exports.onnxruntime import providers
    from trtflow.files.search import SearchDocument
    from trtflow.files.strict_json import json_numbers
    from trtflow.steps.given import given_calibration, given_constraints, hooks, open_data, open_model, user_metric
    from trtflow.steps.shown import by_whom, failed_conditions
    from trtflow.tasks.validate import validate

    reference = open_model(options, options.reference)
    searches = [read_document(SearchDocument, file) for file in options.searches]
    verdict = validate(
        reference,
        onnx.load(options.candidate),
        open_data(options.data, reference),
        accept=options.accept,
        metric=user_metric(options),
        allow_nonfinite="outputs" in options.data.allow_nonfinite,
        runner=options.runner,
        script=options.script,
        searches=searches,
        calibrated=options.calibration in (None, options.data) and any(search.eight_bits for search in searches),
        file=options.candidate,
        constraints=given_constraints(options.constraints),
        calibration=given_calibration(options.calibration, reference, options.trt),
        trt=options.trt.settings(),
        accumulation=options.accumulation,
        hooks=hooks(context),
    )
    write_document(verdict, context.folder / outputs["verdict"])
    (context.folder / outputs["providers"]).write_text(providers(verdict.runtime), encoding="utf-8")
    told = [name for name in verdict.accept if name in verdict.candidate]
    pairs = [
        f"{name} {verdict.reference[name]:.4g} → {verdict.candidate[name]:.4g}{_where(verdict.decided_by, name)}"
        for name in told
    ]
    state = "accepted" if verdict.accepted else f"refused by {failed_conditions(verdict)}"
    silent = f", {len(verdict.silent)} of which judge nothing (FP32's outputs are zero)" if verdict.silent else ""
    worst = "" if verdict.worst_sample is None else f", worst on sample {verdict.worst_sample}"
    judged = f"on {counted(verdict.samples, 'sample')}{silent}{worst}"
    return Result(
        metrics=json_numbers(dict(verdict.candidate)),
        accepted=verdict.accepted,
        summary=f"{state}{by_whom(verdict)}: {', '.join(pairs)} {judged}",
    )


def _where(decided_by: Mapping[str, str], name: str) -> str:
    return f" by {decided_by[name]}" if name in decided_by else ""
