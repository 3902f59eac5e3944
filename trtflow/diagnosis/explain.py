"""The root cause of a node that is not in a precision: its best finding, whose partner it is, or a word for none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trtflow.files.findings import Finding
from trtflow.files.search import Because
from trtflow.precision import FP16, Precision

Kept = Mapping[str, Because]


def explain(node: str, findings: Sequence[Finding], kept: Kept | None = None, against: Precision = FP16) -> Finding:
    """Why ``node`` is not in the precision ``against``; ``kept`` nodes with why they are.

    "casts" or "forced" where accuracy has no say; else the first certain finding, or the first one; without any,
    "partner" where a kept node close by has one, and "measured" as the last.
    """
    known = kept or {}
    because = known.get(node)
    if because is not None and because.word == "cheaper":
        return Finding("casts", node, because.text, {}, certain=True, against=against)
    if because is not None and because.word == "forced":
        return Finding("forced", node, because.text, {}, certain=True, against=against)
    found = best_finding(node, findings, against)
    if found is not None:
        return found
    if because is not None and because.word == "constant":
        return Finding("R04", node, because.text, {}, certain=True, against=against)
    return _by_company(node, findings, known, against)


def best_finding(node: str, findings: Sequence[Finding], against: Precision) -> Finding | None:
    """The first certain finding about ``node``, or the first one."""
    own = [finding for finding in findings if finding.node == node and finding.against == against]
    return min(own, key=lambda finding: not finding.certain, default=None)


def _by_company(node: str, findings: Sequence[Finding], kept: Kept, against: Precision) -> Finding:
    """What is said of a node without a finding: with whom it goes, where the search shows that."""
    company = _company(node, kept)
    culprit = next((other for other in company if best_finding(other, findings, against)), None)
    if culprit is not None:
        text = f"goes with {culprit}: needed together"
        return Finding("partner", node, text, {"with": culprit}, certain=False, against=against)
    others = [other for other in company if other in kept[node].beside]
    together = f"; needed together with {' and '.join(others)}" if others else ""
    text = f"no rule explains it{together}"
    return Finding("measured", node, text, {}, certain=False, against=against)


def _company(node: str, kept: Kept) -> list[str]:
    """The needed nodes that hang together with the needed ``node``, the nearest first."""
    holding = {name for name, why in kept.items() if why.word in ("needed", "constant")}
    if node not in holding:
        return []
    found = [node]
    for name in found:  # grows while it is walked
        found += [other for other in kept[name].beside if other in holding and other not in found]
    return found[1:]
