"""Write the report of a run: one HTML file for people, metrics.json for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from trtflow.precision import FP32
from trtflow.steps.contract import Context, Options, Result, StepRecord, Steps, Table

if TYPE_CHECKING:
    from trtflow.report.model import RunSummary

version = 9
environment = ()
outputs = {"html": "report.html", "metrics": "metrics.json"}
published = {"html": "report.html", "metrics": "metrics.json"}


class With(Options):
    """Options of ``report``."""

    of: Steps = Field(description="the steps to report on; those that failed are reported as such")


def run(options: With, context: Context) -> Result:
    """Gather what the steps left behind and render it."""
    from trtflow.files.document import write_document
    from trtflow.report.html import render
    from trtflow.tasks.documents import read_documents
    from trtflow.tasks.report import run_metrics, summarize

    documents = read_documents((record.uses, record.outputs) for record in options.of)
    seconds = {record.name: record.seconds for record in options.of}
    summary = summarize(documents, seconds, _failures(options.of))
    (context.folder / outputs["html"]).write_text(render(summary), encoding="utf-8")
    write_document(run_metrics(documents, seconds), context.folder / outputs["metrics"])
    return Result(summary=summary.verdict.sentence, table=_table(summary))


def _failures(records: Sequence[StepRecord]) -> dict[str, str]:
    failed = {record.name: f"failed: {record.error}" for record in records if record.status == "failed"}
    return failed | {record.name: f"refused. {record.summary}" for record in records if record.accepted is False}


def _table(summary: RunSummary) -> Table | None:
    """The end metrics before and after."""
    metrics = summary.verdict.metrics
    if not metrics:
        return None
    sides = {"reference": FP32, "low": summary.low, "candidate": "mixed"}
    if any(row.naive is not None for row in metrics):
        tested = {"naive": f"{summary.low} naive", "low": f"{summary.low} tuned"}
        sides = {"reference": FP32, **tested, "candidate": "mixed"}
    rows = tuple(
        (row.metric, *(_figure(getattr(row, side)) for side in sides), row.bound or "reported only")
        for row in metrics
    )
    return Table(("metric", *sides.values(), "accepted if"), rows, "before and after")


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
