"""Run one precision and dump chosen layers, as .npy files and, on request, as Polygraphy's RunResults."""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trtflow.errors import PlanError
from trtflow.steps.contract import Context, File, Options, Result
from trtflow.steps.options import Data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onnx import ModelProto

version = 1
environment = ("onnxruntime", "polygraphy")
outputs = {"tensors": "tensors", "results": "results.json"}
optional = ("results",)
published = {"tensors": "tensors", "results": "results.json"}


class With(Options):
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
    import numpy as np
    import onnx
    from polygraphy.comparator import IterationResult, RunResults

    from trtflow.model.ports import mark_outputs
    from trtflow.plan import PrecisionPlan, read_plan
    from trtflow.runners.emulated import EmulatedRunner
    from trtflow.tasks.samples import open_data

    model = onnx.load(options.model)
    chosen = _chosen(model, options.tensors)
    plan = PrecisionPlan(options.precision) if options.plan is None else read_plan(options.plan)
    folder = context.folder / outputs["tensors"]
    runner = EmulatedRunner(mark_outputs(model, chosen), plan, options.rounding)
    iterations = []
    with runner:
        for index, sample in enumerate(open_data(options.data, model, options.samples)):
            context.progress(index, options.samples, f"sample {index}")
            found = runner(sample.feed)
            (folder / str(index)).mkdir(parents=True)
            for number, name in enumerate(chosen):
                np.save(folder / str(index) / f"{number}.npy", found[name])
            if options.results:
                iterations.append(IterationResult({name: found[name] for name in chosen}, runner_name=runner.name))
    (folder / "index.json").write_text(json.dumps(dict(enumerate(chosen)), indent=1), encoding="utf-8")
    if options.results:
        results = RunResults()
        results.add(iterations, runner_name=runner.name)
        results.save(str(context.folder / outputs["results"]))
    return Result(metrics={"tensors": len(chosen)}, summary=f"{len(chosen)} tensors in {plan.default}")


def _chosen(model: ModelProto, patterns: Sequence[str]) -> list[str]:
    """The float tensors whose name, or whose node's name, fits one of ``patterns``.

    Raises:
        PlanError: a pattern fits nothing.
    """
    from trtflow.model.layers import layers

    found = layers(model)
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for layer in found for name in (layer.tensor, layer.node)):
            raise PlanError(f"tensors: '{pattern}' fits no float tensor and no node of the model.")
    return [
        layer.tensor
        for layer in found
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in (layer.tensor, layer.node))
    ]
