"""Why a node is not in a precision: its best finding, or the word for what the search did."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from trtflow.files.findings import Finding
from trtflow.precision import FP16, Precision


def explain(
    node: str, findings: Sequence[Finding], merged: Collection[str] = (), against: Precision = FP16
) -> Finding:
    """Why ``node`` is not in the precision ``against``.

    "casts" if it is among ``merged``; else the first certain finding, or the first one; without any, "measured".
    """
    if node in merged:
        return Finding("casts", node, "Casts around it would cost more than it saves", {}, certain=True)
    own = [finding for finding in findings if finding.node == node and finding.against == against]
    own.sort(key=lambda finding: not finding.certain)
    return own[0] if own else Finding("measured", node, "found by measurement", {}, certain=False, against=against)
