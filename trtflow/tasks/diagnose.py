"""Say why nodes lose accuracy, from the FP32 run's statistics, the model's constants and the ranges of INT8."""

from __future__ import annotations

from dataclasses import replace

from onnx import ModelProto

from trtflow.diagnosis import fp16, int8
from trtflow.diagnosis.node_facts import node_facts
from trtflow.diagnosis.site_facts import site_facts
from trtflow.files.findings import Finding
from trtflow.files.scales import Scales
from trtflow.files.statistics import Statistics
from trtflow.precision import FP16, Precision


def diagnose(
    model: ModelProto, statistics: Statistics, scales: Scales | None = None, low: Precision = FP16
) -> tuple[Finding, ...]:
    """All findings against ``low``, in the order of the nodes; with ``scales``, those against eight bits, too.

    BF16 has FP32's range: against it only what holds in every format is said.

    Example:
        >>> {finding.code for finding in trtflow.diagnose(model, trtflow.compare(model, data))}
        {'R01', 'R04', 'R06'}
    """
    rules = fp16.RULES if low == FP16 else fp16.OF_ANY_FORMAT
    found = fp16.diagnose(node_facts(model), statistics.first, rules)
    findings = [replace(finding, against=low) for finding in found]
    if scales is not None:
        numbers = int8.Numbers(scales.tensors, statistics.first, scales.precision)
        findings += int8.diagnose(site_facts(model), numbers)
    return tuple(findings)
