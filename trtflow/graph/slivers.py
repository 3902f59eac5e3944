"""Slivers: cheap low nodes between FP32 ones, whose Casts cost more than the nodes save."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from trtflow.graph.cost import MACS
from trtflow.graph.edges import edges
from trtflow.graph.nodes import Analysis, analyse
from trtflow.graph.units import GRAPH_OUTPUT, readers
from trtflow.precision.plan import PrecisionPlan


def merge_slivers(model: onnx.ModelProto, plan: PrecisionPlan) -> PrecisionPlan:
    """``plan`` with every sliver made FP32.

    A sliver is a connected group of low nodes without multiply-accumulates (see `MACS`) that touches no other low
    node, reads from an FP32 node and is read by one. Nothing else changes, and no node becomes lower.
    """
    analysis = analyse(model)
    assigned = edges(analysis, plan)
    low = {name for name, formats in assigned.inputs.items() if formats or assigned.outputs[name]}
    before, behind = _neighbours(analysis)
    merged: list[str] = []
    seen: set[str] = set()
    for name in (node.name for node in analysis.candidates if node.name in low):
        if name not in seen:
            group = _group(name, low, before, behind)
            seen |= group
            if _is_sliver(group, analysis, low, before, behind):
                merged.extend(group)
    return plan.assign(merged, "fp32")


Neighbours = Mapping[str, set[str]]


def _neighbours(analysis: Analysis) -> tuple[Neighbours, Neighbours]:
    """Candidates that each candidate reads from, and is read by; shapes and constants do not connect."""
    candidates = {node.name for node in analysis.candidates}
    before: dict[str, set[str]] = {name: set() for name in candidates}
    behind: dict[str, set[str]] = {name: set() for name in candidates}
    users = readers(analysis)
    for node in analysis.candidates:
        for output in filter(None, node.outputs):
            for reader in users.get((node.scope, output), ()):
                if reader != GRAPH_OUTPUT and reader in candidates:
                    behind[node.name].add(reader)
                    before[reader].add(node.name)
    return before, behind


def _group(start: str, low: set[str], before: Neighbours, behind: Neighbours) -> set[str]:
    group, pending = {start}, [start]
    while pending:
        name = pending.pop()
        for other in (before[name] | behind[name]) & low - group:
            group.add(other)
            pending.append(other)
    return group


def _is_sliver(group: set[str], analysis: Analysis, low: set[str], before: Neighbours, behind: Neighbours) -> bool:
    if any(analysis.by_name[name][1].op_type in MACS for name in group):
        return False
    reads = set[str]().union(*(before[name] for name in group)) - low
    read = set[str]().union(*(behind[name] for name in group)) - low
    return bool(reads and read)
