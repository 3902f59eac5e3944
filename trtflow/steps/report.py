"""Write the report of a run: one HTML file for people, metrics.json for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from trtflow.precision import FP32
from trtflow.steps.contract import Context, Options, Result, StepRecord, Steps, Table

if TYPE_CHECKING:
    from trtflow.report.model import RunSummary

version = 11
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
    failed, refused = _failed(options.of), _refused(options.of)
    summary = summarize(documents, seconds, failed, refused)
    verdict = summary.verdict
    (context.folder / outputs["html"]).write_text(render(summary), encoding="utf-8")
    write_document(run_metrics(documents, seconds, failed, refused), context.folder / outputs["metrics"])
    return Result(
        metrics={"state": verdict.state, "marks": list(verdict.marks)},
        accepted=verdict.accepted,
        summary=verdict.sentence,
        table=_table(summary),
        last_word=(*(f"note: {mark}" for mark in verdict.marks), verdict.sentence),
    )


def _failed(records: Sequence[StepRecord]) -> dict[str, str]:
    return {record.name: record.error for record in records if record.status == "failed"}


def _refused(records: Sequence[StepRecord]) -> dict[str, str]:
    return {record.name: record.summary for record in records if record.accepted is False}


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
