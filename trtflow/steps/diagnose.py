"""Say why nodes lose accuracy, from the FP32 run's statistics, the model's constants and the scales of INT8."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from pydantic import Field

from trtflow.steps.contract import Context, File, Result, Table
from trtflow.steps.options import Executed

version = 4
environment = ()
outputs = {"findings": "findings.json"}


class With(Executed):
    """Options of ``diagnose``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    statistics: File = Field(description="statistics of all layers, from compare")
    low: Literal["fp16", "bf16"] = Field("fp16", description="the floating-point format that reasons speak against")
    scales: File | None = Field(None, description="the scales file, from cure or calibrate; for reasons against INT8")


def run(options: With, context: Context) -> Result:
    """Write findings.json: reason codes with evidence, node by node."""
    from trtflow.diagnosis.reasons import REASONS
    from trtflow.files.document import read_document
    from trtflow.files.findings import write_findings
    from trtflow.files.scales import read_scales
    from trtflow.files.statistics import Statistics
    from trtflow.steps.given import open_model
    from trtflow.tasks.diagnose import diagnose

    scales = None if options.scales is None else read_scales(options.scales)
    model = open_model(options, options.model)
    findings = diagnose(model, read_document(Statistics, options.statistics), scales, options.low)
    write_findings(findings, context.folder / outputs["findings"])
    counts = Counter(finding.code for finding in findings)
    rows = tuple((code, REASONS[code].title, count) for code, count in sorted(counts.items()))
    return Result(
        metrics=dict(counts),
        summary=", ".join(f"{code} x{count}" for code, count in sorted(counts.items())) or "nothing found",
        table=Table(("code", "reason", "nodes"), rows, "what the ranges say"),
    )
