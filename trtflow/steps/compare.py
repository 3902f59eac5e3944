"""Compare every layer of the candidates with the FP32 reference, in lockstep, keeping statistics, not tensors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trtflow.precision import FP16, FP32
from trtflow.runners.registry import EMULATED
from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Accumulation, AnyRunner, Candidate, Data, Executed, Reference, Script, runner_facts
from trtflow.steps.trt_options import Trt

version = 9
environment = ("onnxruntime",)
outputs = {"statistics": "statistics.json", "layers": "layers.csv"}
published = {"layers": "layers.csv"}


class With(Executed):
    """Options of ``compare``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    reference: Reference = Reference()
    low: Literal["fp16", "bf16"] | None = Field(None, description="a candidate of that name: all nodes that suit it")
    candidates: dict[str, Candidate] = Field(default_factory=dict, description="others by name; without any: fp16")
    runner: AnyRunner = Field("emulated", description="what executes the candidate that `low` names, or fp16")
    beside: AnyRunner = Field("emulated", description="an engine that stands beside, in FP32 and in `low`")
    trt: Trt = Trt()
    script: Script | None = Field(None, description="of runner polygraphy-script: file.py[:load_runner]")
    samples: int | None = Field(None, ge=1, description="compare the first ones only; left out, all that decide")
    memory: int = Field(512, ge=1, description="MB to use, weights and sessions included")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")
    accumulation: Accumulation = "fp32"


def depends(options: With) -> tuple[str, ...]:
    """What the runners bring along."""
    runners = [options.reference.runner, *(one.runner for one in _candidates(options).values())]
    return tuple(dict.fromkeys(fact for name in runners for fact in runner_facts(name)))


def run(options: With, context: Context) -> Result:
    """Mark all outputs, run reference and candidates side by side, write statistics.json and layers.csv."""
    from trtflow.files.document import write_document
    from trtflow.files.statistics import write_layers
    from trtflow.model.mapped import MappedWeights
    from trtflow.plan import PrecisionPlan
    from trtflow.steps.given import given_plan, given_ranges, hooks, open_data, open_model
    from trtflow.steps.shown import deviating_layers, deviation
    from trtflow.tasks import compare

    candidates = {
        name: compare.Candidate(
            given_plan(one.plan, PrecisionPlan(one.precision)), given_ranges(one.scales, one.cures), one.runner
        )
        for name, one in _candidates(options).items()
    }
    with MappedWeights() as mapped:
        model = mapped.light(open_model(options, options.model))
        statistics = compare.compare(
            model,
            open_data(options.data, model, options.samples),
            candidates,
            samples=options.samples,
            allow_nonfinite="outputs" in options.data.allow_nonfinite,
            rounding=options.rounding,
            accumulation=options.accumulation,
            memory=options.memory * 1_000_000,
            reference=options.reference.runner,
            trt=options.trt.settings(timing_cache=context.folder / "timing.cache"),
            script=options.script,
            hooks=hooks(context),
        )
    write_document(statistics, context.folder / outputs["statistics"])
    write_layers(statistics, context.folder / outputs["layers"])
    wrong, count = statistics.wrong(next(iter(candidates))), len(statistics.layers)
    metrics = {"layers": count, "wrong": len(wrong), "first": wrong[0].node if wrong else None}
    return Result(metrics, summary=deviation(statistics), table=deviating_layers(statistics))


def _candidates(options: With) -> dict[str, Candidate]:
    """By name, what decides first."""
    low = options.low or (None if options.candidates else FP16)
    first: dict[str, Candidate] = {low: Candidate(precision=low, runner=options.runner)} if low else {}
    beside = [] if options.beside == EMULATED else [FP32, low or FP16]
    engines = {f"{options.beside}-{name}": Candidate(precision=name, runner=options.beside) for name in beside}
    return {**first, **options.candidates, **engines}
