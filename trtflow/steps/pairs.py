"""Measure what the Q/DQ pairs that a file came with cost, all of them and node by node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Data, Judged

if TYPE_CHECKING:
    from trtflow.files.pairs import PairCosts

version = 1
environment = ("onnxruntime",)
outputs = {"pairs": "pairs.json"}


class With(Judged):
    """Options of ``pairs``."""

    model: File = Field(description="the normalised model, from inspect")
    data: Data
    samples: int = Field(16, ge=1, description="evaluation samples to measure on")
    limit: int = Field(64, ge=0, description="nodes whose pairs are taken out, one at a time")


def run(options: With, context: Context) -> Result:
    """Hold the model against the same network without any pair; nothing to do where it has none."""
    from trtflow.files.document import write_document
    from trtflow.steps.given import hooks, open_data, open_model, user_metric
    from trtflow.steps.shown import own_pairs
    from trtflow.tasks.pairs import pair_costs

    model = open_model(options, options.model)
    found = pair_costs(
        model,
        open_data(options.data, model),
        accept=options.accept,
        metric=user_metric(options),
        allow_nonfinite="outputs" in options.data.allow_nonfinite,
        samples=options.samples,
        limit=options.limit,
        hooks=hooks(context),
    )
    write_document(found, context.folder / outputs["pairs"])
    return Result(metrics={"held": dict(found.held)}, summary=_summary(found), table=own_pairs(found))


def _summary(found: PairCosts) -> str:
    if not found.held:
        return "the file has no Q/DQ pairs of its own"
    figures = ", ".join(f"{name} {value:.4g}" for name, value in found.held.items())
    return f"with its own pairs, against the same network without them: {figures} ({found.samples} samples)"
