"""Decide jointly over INT8, FP16 and FP32: what can be quantized on top of the floating-point plan."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trtflow.files.search import SearchDocument
from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import SEARCH, Accumulation, Data, Judged, Saturation
from trtflow.text import counted

version = 11
environment = ("onnxruntime",)
outputs = {"plan": "plan.json", "search": "search.json"}


class With(Judged):
    """Options of ``quantize``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    scales: File = Field(description="the scales file, from calibrate")
    cures: File | None = Field(None, description="clipped weights and corrected biases, from cure")
    base: File | None = Field(None, description="the floating-point plan, from bisect; left out, all is FP32")
    findings: File | None = Field(None, description="reasons, from diagnose; they explain and decide nothing")
    output_layers: bool = Field(False, description="quantize layers that nothing but cheap operators follow, too")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")
    saturation: Saturation = "shown"
    accumulation: Accumulation = "fp32"
    priors: File | None = Field(None, description="statistics of all layers in FP16, from compare")
    strategy: str = Field("trtflow", description="trtflow, or a baseline by name")
    max_evaluations: int | None = Field(None, ge=1, description="passes over the samples that may be spent")
    max_seconds: float | None = Field(None, gt=0, description="time that may be spent")
    held_out: float = Field(0.25, ge=0, lt=1, description="share of the samples that only verify and judge")


def run(options: With, context: Context) -> Result:
    """Search on some samples, verify on those held out, search again if they refuse; judge on all."""
    from trtflow.files.cures import read_cures
    from trtflow.files.document import write_document
    from trtflow.files.findings import read_findings
    from trtflow.files.scales import read_scales
    from trtflow.plan import write_plan
    from trtflow.search.ledger import Budget
    from trtflow.steps.given import given_plan, given_statistics, hooks, judged_by, open_data, open_model, user_metric
    from trtflow.tasks.quantize import EVERYTHING_FP32, quantize
    from trtflow.tasks.searching import SearchSettings

    model = open_model(options, options.model)
    files = options.model_dump(include={"model", "scales", "cures"}).items()
    material = {name: file and context.digest(file) for name, file in files}
    budget = Budget(options.max_evaluations, options.max_seconds)
    decided = quantize(
        model,
        open_data(options.data, model),
        read_scales(options.scales),
        base=given_plan(options.base, EVERYTHING_FP32),
        cures=() if options.cures is None else read_cures(options.cures),
        findings=() if options.findings is None else read_findings(options.findings),
        accept=options.accept,
        metric=user_metric(options),
        allow_nonfinite="outputs" in options.data.allow_nonfinite,
        output_layers=options.output_layers,
        statistics=given_statistics(options.priors),
        settings=SearchSettings(budget=budget, **options.model_dump(include=SEARCH)),
        hooks=hooks(context, **material, **judged_by(options, options.data, context)),
    )
    write_document(decided.search, context.folder / outputs["search"])
    if decided.search.missed:
        return Result(accepted=False, summary=decided.search.missed)
    write_plan(decided.plan, context.folder / outputs["plan"])
    return _result(decided.search, next(iter(options.accept)))


def _result(found: SearchDocument, name: str) -> Result:
    from trtflow.steps.shown import multiply_adds, sides

    bits = found.eight_bits
    assert bits is not None  # noqa: S101 - what quantize always writes
    figures = {key: values.get(name) for key, values in found.metrics.items()}
    share = f"{counted(len(bits.quantized), 'node')} in {found.low}, {bits.share:.1%} of the multiply-adds"
    return Result(
        metrics={"quantized": len(bits.quantized), "share": bits.share, "quality": bits.quality, name: figures},
        accepted=False if found.refused_inside else None,
        summary=f"{share}; {name}: {sides(figures)}",
        table=multiply_adds(bits, found.low),
    )
