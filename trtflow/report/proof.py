"""What stands beside an end metric: its value on unseen samples, what it is sure to reach, and its worst sample."""

from __future__ import annotations

from dataclasses import replace

from trtflow.files.proof import Proof
from trtflow.numerics.accept import Condition
from trtflow.report.model import MetricRow


def with_proof(row: MetricRow, proof: Proof | None, condition: Condition | None = None) -> MetricRow:
    """``row`` with what ``proof`` tells of its metric, and of its ``condition`` if there is one."""
    if proof is None:
        return row
    bound = proof.bounds.get(condition.name) if condition else None
    worst = proof.worst.get(row.metric)
    return replace(
        row,
        unseen=proof.unseen.candidate.get(row.metric) if proof.unseen else None,
        sure=condition.at(bound) if condition and bound is not None else None,
        worst=worst.value if worst else None,
        worst_sample=worst.sample if worst else None,
    )
