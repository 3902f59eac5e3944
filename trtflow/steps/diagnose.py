"""Say why nodes lose accuracy, from the FP32 run's statistics, the model's constants and the scales of INT8."""

from __future__ import annotations

import json
from collections import Counter

from pydantic import Field

from trtflow.steps.contract import Context, File, Options, Result, Table

version = 2
environment = ()
outputs = {"findings": "findings.json"}


class With(Options):
    """Options of ``diagnose``."""

    model: File = Field(description="the normalised FP32 model, from inspect")
    statistics: File = Field(description="statistics of all layers, from compare")
    scales: File | None = Field(None, description="the scales file, from cure or calibrate; for reasons against INT8")


def run(options: With, context: Context) -> Result:
    """Write findings.json: reason codes with evidence, node by node."""
    import onnx

    from trtflow.diagnosis import int8 as diagnose_int8
    from trtflow.diagnosis.fp16 import diagnose
    from trtflow.diagnosis.node_facts import node_facts
    from trtflow.diagnosis.reasons import REASONS
    from trtflow.diagnosis.site_facts import site_facts
    from trtflow.files.scales import read_scales
    from trtflow.files.strict_json import write_json

    document = json.loads(options.statistics.read_text(encoding="utf-8"))
    statistics = next(iter(document["candidates"].values()))
    model = onnx.load(options.model)
    findings = diagnose(node_facts(model), statistics)
    if options.scales is not None:
        scales = read_scales(options.scales)
        numbers = diagnose_int8.Numbers(scales.tensors, statistics, scales.precision)
        findings += diagnose_int8.diagnose(site_facts(model), numbers)
    write_json([finding.document() for finding in findings], context.folder / outputs["findings"])
    counts = Counter(finding.code for finding in findings)
    rows = tuple((code, REASONS[code].title, count) for code, count in sorted(counts.items()))
    summary = ", ".join(f"{code} x{count}" for code, count in sorted(counts.items())) or "nothing found"
    return Result(
        metrics=dict(counts), summary=summary, table=Table(("code", "reason", "nodes"), rows, "what the ranges say")
    )
