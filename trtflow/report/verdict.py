"""The verdict on a run: its state, one sentence, and a row for each end metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from trtflow.files.outcomes import ModelFacts, VerdictDocument
from trtflow.files.search import Metrics, SearchDocument, Side
from trtflow.numerics.accept import Condition, Kind
from trtflow.report.model import MetricRow, Verdict
from trtflow.report.proof import with_proof
from trtflow.report.sentence import (
    Said,
    failed_sentence,
    judged_sentence,
    missed_sentence,
    nothing_gained_sentence,
    run_state,
    unjudged_sentence,
)

_SIDES: tuple[Side, ...] = ("reference", "low", "candidate", "naive")
NOTHING: Said = MappingProxyType({})
_BOUNDS: Mapping[Kind, str] = {"drop": "drop at most", "rise": "rise at most", "min": "at least", "max": "at most"}


def run_verdict(
    facts: ModelFacts,
    search: SearchDocument | None,
    judged: VerdictDocument | None,
    failed: Said = NOTHING,
    refused: Said = NOTHING,
    floats: SearchDocument | None = None,
) -> Verdict:
    """The verdict on a run, never better than what any of its steps says.

    ``failed`` maps the steps that failed, ``refused`` those whose gate was not met, to what they say. ``floats`` is
    the search between floating-point formats beneath ``search``, where that one is over eight bits.
    """
    if facts.nothing and not failed:
        return Verdict("nothing-gained", f"Nothing gained: {facts.nothing}.", ())
    rows = tuple(metric_rows(search, judged))
    state = run_state(search, judged, failed, refused)
    if state == "nothing-gained":  # the candidate is FP32 itself, of which no file is made
        rows = tuple(replace(row, candidate=None) for row in rows)
    if state == "failed":
        sentence = failed_sentence(failed)
    elif search is not None and state == "baseline-missed":
        sentence = missed_sentence(search)
    elif search is not None and state == "nothing-gained":
        sentence = nothing_gained_sentence(search, floats, rows)
    elif judged is None or (judged.accepted and state == "not-accepted"):
        sentence = unjudged_sentence(search, refused)
    else:
        sentence = judged_sentence(state, facts.candidates, search, judged, rows)
    return Verdict(state, sentence, rows, samples=judged.samples if judged else 0)


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
