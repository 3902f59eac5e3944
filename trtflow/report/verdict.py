"""The verdict on a run: one sentence, and a row for each end metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from trtflow.files.outcomes import ModelFacts, VerdictDocument
from trtflow.files.search import Metrics, SearchDocument, Side
from trtflow.numerics.accept import Condition, Kind
from trtflow.report.model import MetricRow, Verdict
from trtflow.report.proof import with_proof

_SIDES: tuple[Side, ...] = ("reference", "low", "candidate", "naive")
_BOUNDS: Mapping[Kind, str] = {"drop": "drop at most", "rise": "rise at most", "min": "at least", "max": "at most"}


def run_verdict(
    facts: ModelFacts,
    search: SearchDocument | None,
    judged: VerdictDocument | None,
    failures: Mapping[str, str] | None = None,
) -> Verdict:
    """The verdict on what was ``judged``; without that, what failed instead.

    ``failures`` maps the steps that failed, or whose gate was not met, to what happened.
    """
    rows = tuple(metric_rows(search, judged))
    if judged is None:
        broken = "; ".join(f"{name} {what}" for name, what in (failures or {}).items()) or "nothing was validated"
        return Verdict(accepted=False, sentence=f"Not validated: {broken}", metrics=rows)
    state = "Accepted" if judged.accepted else "Refused"
    low = search.low.upper() if search else "low"
    figures = "; ".join(_figures(row, low) for row in rows if row.bound)
    beside = ""
    if judged.emulated is not None:
        state = f"{state} on {judged.runner}"
        beside = f" The emulator {'accepts' if judged.emulated else 'refuses'} it."
    sentence = f"{state}: {_decision(facts.candidates, search)}; {figures}.{beside}"
    return Verdict(judged.accepted, sentence, rows, samples=judged.samples)


def _decision(nodes: int, search: SearchDocument | None) -> str:
    if search and search.eight_bits:
        share, count = f"{search.eight_bits.share:.0%} of the multiply-adds", len(search.eight_bits.quantized)
        some = f"1 node, {share}, runs" if count == 1 else f"{count} nodes, {share}, run"
        return f"{some} in {search.low.upper()}"
    kept = len(search.kept) if search else 0
    stays = "stays" if kept == 1 else "stay"
    return f"{kept} of {nodes} nodes {stays} in FP32" if kept else f"all {nodes} nodes take the low precision"


def _figures(row: MetricRow, low: str) -> str:
    others = {"FP32": row.reference, low: row.low}
    if row.naive is not None:
        others = {"FP32": row.reference, f"{low} naive": row.naive, f"{low} tuned": row.low}
    said = ", ".join(f"{name} {value:.4g}" for name, value in others.items() if value is not None)
    return f"{row.metric} {'unknown' if row.candidate is None else f'{row.candidate:.4g}'} ({said})"


def metric_rows(search: SearchDocument | None, judged: VerdictDocument | None) -> Iterator[MetricRow]:
    """A row for each condition, then one for each metric that is only reported."""
    sides: dict[Side, Metrics] = dict(search.metrics) if search else {}
    if judged is not None:
        sides |= {"reference": judged.reference, "candidate": judged.candidate}
    accept = judged.accept if judged else search.accept if search else {}

    def row(name: str, bound: str = "", margin: float | None = None) -> MetricRow:
        reference, low, candidate, naive = (sides.get(side, {}).get(name) for side in _SIDES)
        worst = judged.decided_by.get(name, "") if judged else ""
        return MetricRow(name, reference, low, candidate, naive, bound, margin, worst)

    for name, bounds in accept.items():
        for kind, bound in bounds.items():
            margin = judged.margins.get(f"{name}.{kind}") if judged else None
            met = row(name, f"{_BOUNDS[kind]} {bound:g}", _absolute(margin, bound))
            yield with_proof(met, judged, Condition(name, kind, bound))
    yield from (with_proof(row(name), judged) for name in sides.get("candidate", {}) if name not in accept)


def _absolute(margin: float | None, bound: float) -> float | None:
    """A margin in units of the metric; the judge's is in units of the bound."""
    return None if margin is None else margin * (abs(bound) or 1.0)
