"""Say why nodes lose accuracy, from the FP32 run's statistics and the model's constants."""

from __future__ import annotations

import json
from collections import Counter

from pydantic import Field

from trtflow.engine.step import Context, File, Options, Result, Table

version = 1
environment = ()
outputs = {"findings": "findings.json"}


class With(Options):
    """Options of ``diagnose``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    statistics: File = Field(description="statistics of all layers, from compare")


def run(options: With, context: Context) -> Result:
    """Write findings.json: reason codes with evidence, node by node."""
    import onnx

    from trtflow.graph.facts import node_facts
    from trtflow.numerics.strict_json import write_json
    from trtflow.precision.diagnose import diagnose
    from trtflow.precision.reasons import REASONS

    document = json.loads(options.statistics.read_text(encoding="utf-8"))
    statistics = next(iter(document["candidates"].values()))
    findings = diagnose(node_facts(onnx.load(options.model)), statistics)
    write_json([finding.document() for finding in findings], context.folder / outputs["findings"])
    counts = Counter(finding.code for finding in findings)
    rows = tuple((code, REASONS[code].title, count) for code, count in sorted(counts.items()))
    summary = ", ".join(f"{code} x{count}" for code, count in sorted(counts.items())) or "nothing found"
    return Result(
        metrics=dict(counts), summary=summary, table=Table(("code", "reason", "nodes"), rows, "what the ranges say")
    )
