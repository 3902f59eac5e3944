"""Search for the smallest, cheapest set of nodes that must stay in high precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import SEARCH, Accumulation, Data, Decided, Decider, Saturation, runner_facts
from trtflow.steps.trt_options import Trt

version = 16
environment = ("onnxruntime",)
outputs = {"plan": "plan.json", "search": "search.json"}
SETTINGS = SEARCH | {"high", "runner", "script", "baselines", "pareto"}


class With(Decided):
    """Options of ``bisect``."""

    gone: ClassVar[Mapping[str, str]] = dict.fromkeys(("oracle", "engine"), "oracle and engine are `runner` now")

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    low: Literal["fp16", "bf16"] = "fp16"
    high: Literal["fp32"] = "fp32"
    runner: Decider = Field("emulated", description="who decides: the emulator, or an engine that confirms it")
    trt: Trt = Trt()
    max_builds: int | None = Field(None, ge=2, description="engines that may be built")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")
    saturation: Saturation = "shown"
    accumulation: Accumulation = "fp32"
    strategy: str = Field("trtflow", description="trtflow, or a baseline by name: bisect, bisect-reverse, linear")
    baselines: tuple[str, ...] = Field(("bisect",), description="strategies to compare with, on the hardest samples")
    pareto: int = Field(0, ge=0, description="more plans to measure, for the curve of error against cost")
    priors: File | None = Field(None, description="statistics of all layers, from compare")
    max_evaluations: int | None = Field(None, ge=1, description="passes over the samples that may be spent")
    max_seconds: float | None = Field(None, gt=0, description="time that may be spent")
    held_out: float = Field(0.25, ge=0, lt=1, description="share of the samples that only verify and judge")


def depends(options: With) -> tuple[str, ...]:
    """What the runner brings along."""
    return runner_facts(options.runner)


def run(options: With, context: Context) -> Result:
    """Search on some samples, verify on those held out, search again if they refuse."""
    from trtflow.files.document import write_document
    from trtflow.plan import write_plan
    from trtflow.search.ledger import Budget
    from trtflow.steps.given import given_statistics, hooks, judged_by, open_data, open_model, user_metric
    from trtflow.steps.shown import kept_nodes
    from trtflow.tasks.bisect import bisect
    from trtflow.tasks.bisection import BisectSettings

    model = open_model(options, options.model)
    material = {"model": context.digest(options.model), **judged_by(options, options.data, context)}
    if options.script:
        material["script"] = context.digest(options.script)
    budget = Budget(options.max_evaluations, options.max_seconds, options.max_builds)
    trt = options.trt.settings(timing_cache=context.folder / "timing.cache")
    decided = bisect(
        model,
        open_data(options.data, model),
        accept=options.accept,
        metric=user_metric(options),
        allow_nonfinite="outputs" in options.data.allow_nonfinite,
        low=options.low,
        statistics=given_statistics(options.priors),
        settings=BisectSettings(budget=budget, trt=trt, **options.model_dump(include=SETTINGS)),
        on_plan=lambda plan: write_plan(plan, context.folder / outputs["plan"]),
        hooks=hooks(context, **material),
    )
    found = decided.search
    write_document(found, context.folder / outputs["search"])
    if found.missed:
        return Result(accepted=False, summary=found.missed)
    write_plan(decided.plan, context.folder / outputs["plan"])
    counted = {"evaluations": found.measured, "probes": found.probes}
    return Result(
        metrics={"kept": len(found.kept), "cost-share": found.cost, **counted, "minimal": found.minimal},
        accepted=False if found.refused_inside else None,
        summary=f"{found.reason} ({found.effort})",
        table=kept_nodes(decided),
    )
