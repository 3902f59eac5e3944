"""The report as one HTML file that needs no network: style, script and charts are in it."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from trtflow import text as figures
from trtflow.numerics.metrics import METRICS
from trtflow.precision import FP16, QUANTIZED, label
from trtflow.report import charts, table
from trtflow.report.layers import join, totals
from trtflow.report.model import RunSummary, Work


def render(summary: RunSummary) -> str:
    """The page for ``summary``; equal summaries give equal pages."""
    return _environment().get_template("page.html.j2").render(_view(summary))


def _view(summary: RunSummary) -> dict[str, Any]:
    """What the template reads beside the summary itself."""
    rows = join(summary.comparisons)
    work = summary.work
    kept = {item.node for item in (*summary.kept, *(work.left if work else ()))}
    depths = {row.layer.node: row.layer.depth for row in rows}
    shares = [item.cost_share for item in summary.kept if item.cost_share is not None]
    return {
        "run": summary,
        "low": label(summary.low),
        "kept_cost": sum(shares) if shares else None,
        "kept": kept,
        "kept_nodes": sorted(summary.kept, key=lambda item: depths.get(item.node, len(rows))),
        "rows": rows,
        "errors": charts.errors(rows, summary.comparisons, kept),
        "shares": charts.shares(rows, summary.comparisons, kept),
        "range_of": label(FP16) if work else label(summary.low),
        "ranges": charts.ranges(rows, FP16 if work else summary.low),
        "parts": _parts(work) if work else (),
        "front_chart": charts.pareto(summary.search.front) if summary.search and summary.search.front else None,
        "search_chart": charts.search(summary.search.evaluations) if summary.search else None,
        "search_metrics": _search_metrics(summary),
        "groups": table.groups(summary.comparisons),
        "lines": table.lines(rows, summary.comparisons),
        "totals": [totals(item) for item in summary.comparisons],
    }


def _parts(work: Work) -> list[tuple[str, int, float]]:
    """Kinds of nodes that multiply and add, how many there are and their share; the shares add up to 1."""
    low = {precision: share for precision, share in work.shares.items() if precision in QUANTIZED}
    parts = [(f"in {label(precision)}", work.quantised, share) for precision, share in low.items()]
    for group in dict.fromkeys(item.group for item in work.left):
        shares = [item.cost_share or 0.0 for item in work.left if item.group == group]
        parts.append((group, len(shares), sum(shares)))
    return parts


def _search_metrics(summary: RunSummary) -> list[str]:
    evaluations = summary.search.evaluations if summary.search else ()
    return list(dict.fromkeys(name for item in evaluations for name in item.metrics))


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
        number=lambda value: typeset(figures.number(value)),
        nodes=lambda value: f"{value:,} node{'' if value == 1 else 's'}",
        count=lambda value: typeset(figures.count(value)),
        metric=lambda value: typeset(figures.metric(value)),
        decibel=lambda value: typeset(figures.decibel(value)),
        percent=lambda value: typeset(figures.percent(value)),
        size=lambda value: typeset(figures.size(value)),
        duration=lambda value: typeset(figures.duration(value)),
        precision=label,
        evidence=lambda value: value if isinstance(value, str) else typeset(figures.number(value)),
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


def typeset(text: str) -> str:
    """A figure with the signs that type has and ASCII has not: minus, infinity, the dash for nothing."""
    if text == figures.NOTHING:
        return "\u2013"
    return text.replace("-", "\u2212").replace("inf", "\u221e")
