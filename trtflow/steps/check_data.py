"""Ask of evaluation samples what must be asked before their verdict is believed; what may judge badly is a mark."""

from __future__ import annotations

from pydantic import Field

from trtflow.steps.contract import Context, File, Result
from trtflow.steps.options import Data, Executed

version = 3
environment = ()
outputs = {"checks": "checks.json", "facts": "data.json"}


class With(Executed):
    """Options of ``check-data``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    data: Data = Field(description="evaluation samples, preprocessed as for inference")


def run(options: With, context: Context) -> Result:
    """Write checks.json, and data.json with the marks that stand beside every verdict on these samples."""
    from trtflow.files.checks import write_checks
    from trtflow.files.document import write_document
    from trtflow.steps.given import open_data, open_model
    from trtflow.steps.shown import checks_made
    from trtflow.tasks.check_data import check_data

    model = open_model(options, options.model)
    found = check_data(model, open_data(options.data, model))
    write_checks(found.checks, context.folder / outputs["checks"])
    write_document(found.facts, context.folder / outputs["facts"])
    facts, marks = found.facts, list(found.facts.marks)
    return Result(
        metrics={"samples": facts.samples, "distinct": facts.distinct, "marks": marks},
        summary=" ".join(marks) or f"{facts.distinct} different samples, nothing against them",
        table=checks_made(found.checks),
    )
