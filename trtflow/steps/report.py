"""Write the report of a run: one HTML file for people, metrics.json for machines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import Field

from trtflow.precision import FP32
from trtflow.steps.contract import Context, Options, Result, StepRecord, Steps, Table

if TYPE_CHECKING:
    from pathlib import Path

    from trtflow.report.model import RunSummary

version = 4
environment = ()
outputs = {"html": "report.html", "metrics": "metrics.json"}
published = {"html": "report.html", "metrics": "metrics.json"}


class With(Options):
    """Options of ``report``."""

    of: Steps = Field(description="the steps to report on; those that failed are reported as such")


def run(options: With, context: Context) -> Result:
    """Gather what the steps left behind and render it."""
    from trtflow.files.strict_json import write_json
    from trtflow.report.gather import gather, merge
    from trtflow.report.html import render

    documents: dict[str, dict[str, Any]] = {}
    for record in options.of:
        merge(documents.setdefault(record.uses, {}), _documents(record))
    seconds = {record.name: record.seconds for record in options.of}
    failures = {record.name: f"failed: {record.error}" for record in options.of if record.status == "failed"}
    failures |= {record.name: f"refused. {record.summary}" for record in options.of if record.accepted is False}
    summary = gather(documents, seconds, failures)
    (context.folder / outputs["html"]).write_text(render(summary), encoding="utf-8")
    metrics = _metrics(summary, documents)
    write_json(metrics, context.folder / outputs["metrics"])
    sides = {"reference": FP32, "low": summary.low, "candidate": "mixed"}
    if any(entry.naive is not None for entry in summary.verdict.conditions):
        tested = {"naive": f"{summary.low} naive", "low": f"{summary.low} tuned"}
        sides = {"reference": FP32, **tested, "candidate": "mixed"}
    rows = tuple(
        (entry.metric, *(_figure(getattr(entry, side)) for side in sides), entry.bound or "reported only")
        for entry in summary.verdict.conditions
    )
    columns = ("metric", *sides.values(), "accepted if")
    return Result(summary=summary.verdict.sentence, table=Table(columns, rows, "before and after") if rows else None)


def _figure(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _documents(record: StepRecord) -> dict[str, Any]:
    """The JSON and YAML outputs of a step that is done, by output name, and the size of the others."""
    return {name: _content(path) for name, path in record.outputs.items()}


def _content(path: Path) -> Any:
    import yaml

    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.suffix == ".yaml" else path.stat().st_size


def _metrics(summary: RunSummary, documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What metrics.json holds; equal to the report's figures by construction."""
    search = (documents.get("quantize") or documents.get("bisect", {})).get("search", {})
    verdict = documents.get("validate", {}).get("verdict", {})
    measured = search.get("metrics", {})
    return {
        "accepted": summary.verdict.accepted,
        "held_out": bool(search.get("held-out")),
        "metrics": {
            "reference": verdict.get("reference", measured.get("reference", {})),
            "low": measured.get("low", {}),
            "candidate": verdict.get("candidate", measured.get("candidate", {})),
        },
        "kept": search.get("kept", []),
        "kept_cost_share": sum(search.get("node-costs", {}).values()),
        "evaluations": sum(entry["kind"] == "full" for entry in search.get("evaluations", [])),
        "builds": int("build" in documents and "backend" in documents["build"].get("build", {})),
        "seconds": {name: round(value, 3) for name, value in summary.seconds.items()},
    }
