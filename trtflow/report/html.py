"""The report as one HTML file that needs no network: style, script and charts are in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trtflow import text
from trtflow.files.outcomes import State
from trtflow.files.runtime_trial import sentence
from trtflow.files.search import WORDS, EightBits, SearchDocument
from trtflow.numerics.metrics import METRICS
from trtflow.precision import FP16, QUANTIZED, label
from trtflow.report import charts, table
from trtflow.report.layers import how_read, layer_rows, totals
from trtflow.report.model import RunSummary

_TICK, _CROSS = "M5 12.5l4.5 4.5L19 7.5", "M6.5 6.5l11 11M17.5 6.5l-11 11"
_DASH, _MARK = "M6 12h12", "M12 5.5v8M12 18v.4"
SEALS: Mapping[State, str] = {
    "accepted": _TICK,
    "not-proven": _TICK,
    "not-accepted": _CROSS,
    "nothing-gained": _DASH,
    "baseline-missed": _DASH,
    "failed": _MARK,
}
PASSED = {"ok": True, "warn": None, "allowed": None, "refuse": False}


def render(summary: RunSummary) -> str:
    """The page for ``summary``; equal summaries give equal pages."""
    return _environment().get_template("page.html.j2").render(_view(summary))


def _view(run: RunSummary) -> dict[str, Any]:
    """What the template reads beside the summary itself."""
    statistics, search = run.statistics, run.search
    eight_bits = search.eight_bits if search else None
    rows = layer_rows(statistics, run.plan)
    candidates = tuple(statistics.candidates) if statistics else ()
    kept = {card.node for card in (*run.kept, *run.left)}
    depths = {row.layer.node: row.layer.depth for row in rows}
    shares = [card.share for card in run.kept if card.share is not None]
    return {
        "run": run,
        "low": label(run.low),
        "low_samples": _low_samples(run),
        "eight_bits": eight_bits,
        "parts": _parts(eight_bits) if eight_bits else (),
        "kept_share": sum(shares) if shares else None,
        "kept": kept,
        "kept_cards": sorted(run.kept, key=lambda card: depths.get(card.node, len(rows))),
        "rows": rows,
        "candidates": candidates,
        "errors": charts.errors(rows, candidates, kept),
        "shares": charts.shares(rows, candidates, kept),
        "range_of": "FP16" if eight_bits else label(run.low),
        "ranges": charts.ranges(rows, FP16 if eight_bits else run.low),
        "front_chart": charts.pareto(search.front) if search and search.front else None,
        "search_chart": charts.search(search.evaluations) if search else None,
        "search_metrics": _search_metrics(search),
        "groups": table.groups(candidates),
        "lines": table.lines(rows, candidates),
        "how_read": how_read(statistics),
        "totals": [totals(statistics, name) for name in candidates] if statistics else [],
    }


def _parts(work: EightBits) -> list[tuple[str, int, float]]:
    """Kinds of nodes that multiply and add, how many there are and their share; the shares add up to 1."""
    low = {precision: share for precision, share in work.work.items() if precision in QUANTIZED}
    parts = [(f"in {label(precision)}", len(work.quantized), share) for precision, share in low.items()]
    for group in dict.fromkeys(entry.group for entry in work.left):
        shares = [entry.share for entry in work.left if entry.group == group]
        parts.append((group, len(shares), sum(shares)))
    return parts


def _low_samples(run: RunSummary) -> str:
    """On which samples the low end was measured, where those are not the candidate's."""
    search, judged = run.search, run.verdict.samples
    return f", on {search.judged_on} of {judged} samples" if search and judged and search.judged_on != judged else ""


def _search_metrics(search: SearchDocument | None) -> list[str]:
    evaluations = search.evaluations if search else ()
    return list(dict.fromkeys(name for entry in evaluations for name in entry.metrics))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("trtflow.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        runtime=sentence,
        number=lambda value: typeset(text.number(value)),
        counted=text.counted,
        count=lambda value: typeset(text.count(value)),
        metric=lambda value: typeset(text.metric(value)),
        decibel=lambda value: typeset(text.decibel(value)),
        percent=lambda value: typeset(text.percent(value)),
        size=lambda value: typeset(text.size(value)),
        duration=lambda value: typeset(text.duration(value)),
        precision=label,
        word=WORDS.__getitem__,
        seal=SEALS.__getitem__,
        passed=PASSED.__getitem__,
        evidence=lambda value: value if isinstance(value, str) else typeset(text.number(value)),
        change=change,
        metric_name=lambda name: METRICS[name].title if name in METRICS else name,
        typeset=typeset,
    )
    return environment


def change(value: float | None, reference: float | None) -> str:
    """How far ``value`` is from the reference, with its sign; empty where that is not a number."""
    if value is None or reference is None or not math.isfinite(value - reference):
        return ""
    if abs(value - reference) < 5e-5:
        return "no change" if value == reference else "under 0.0001 apart"
    return typeset(f"{value - reference:+.4f}")


def typeset(figure: str) -> str:
    """A figure with the signs that type has and ASCII has not: minus, infinity, the dash for nothing."""
    if figure == text.NOTHING:
        return "\u2013"
    return figure.replace("-", "\u2212").replace("inf", "\u221e")
