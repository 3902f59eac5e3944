"""Run one precision and dump chosen layers, as .npy files and, on request, as Polygraphy's RunResults."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Data, Executed

version = 2
environment = ("onnxruntime", "polygraphy")
outputs = {"tensors": "tensors", "results": "results.json"}
optional = ("results",)
published = {"tensors": "tensors", "results": "results.json"}


class With(Executed):
    """Options of ``run``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data
    precision: Literal["fp32", "fp16", "bf16"] = Field("fp32", description="of every node that plan does not name")
    plan: File | None = Field(None, description="a precision plan, from bisect; overrides precision")
    tensors: tuple[str, ...] = Field(("*",), description="names of tensors or nodes, wildcards allowed")
    samples: int = Field(1, ge=1, description="how many samples to run")
    rounding: Literal["tensor", "unit"] = Field("tensor", description="round every tensor, or what an engine fuses")
    results: bool = Field(False, description="also write Polygraphy RunResults (JSON)")


def run(options: With, context: Context) -> Result:
    """Execute strictly in the precision asked for, marked outputs too, and write tensors/<sample>/<number>.npy."""
    from trtflow.plan import PrecisionPlan
    from trtflow.steps.given import given_plan, hooks, open_data, open_model
    from trtflow.tasks.dump import chosen_tensors, dump

    model = open_model(options, options.model)
    chosen = chosen_tensors(model, options.tensors)
    plan = given_plan(options.plan, PrecisionPlan(options.precision))
    dump(
        model,
        open_data(options.data, model, options.samples),
        chosen,
        plan,
        context.folder / outputs["tensors"],
        samples=options.samples,
        rounding=options.rounding,
        results=context.folder / outputs["results"] if options.results else None,
        hooks=hooks(context),
    )
    return Result(metrics={"tensors": len(chosen)}, summary=f"{len(chosen)} tensors in {plan.default}")
