"""The run's result as tables for a terminal of 100 columns; plain text where the output is not a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from trtflow.report import figures
from trtflow.report.layers import broken, worst
from trtflow.report.model import Comparison, Condition, KeptNode, RunSummary

WIDTH = 100
NAME_WIDTH, OP_WIDTH = 34, 12


def console(file: IO[str] | None = None) -> Console:
    """A console on ``file`` (standard output); 100 columns wide where that is no terminal, instead of rich's 80."""
    made = Console(file=file)
    return made if made.is_terminal else Console(file=file, width=WIDTH)


def show(summary: RunSummary, console: Console, *, limit: int = 10) -> None:
    """Print the worst layers of the first candidate, the kept nodes and, last, the verdict."""
    for comparison in summary.comparisons[:1]:
        console.print(layer_table(comparison, limit=limit), "")
    if summary.kept:
        console.print(kept_table(summary.kept), "")
    console.print(verdict_panel(summary))


def layer_table(comparison: Comparison, *, limit: int = 20) -> Table:
    """The ``limit`` worst layers of ``comparison``, worst first; the one where the error appears is marked."""
    shown = worst(comparison.layers)[:limit]
    title = (
        f"{figures.precision(comparison.name)} against FP32: {len(shown)} worst of {len(comparison.layers)} layers"
    )
    table = _table(title, ("Layer", "Op"), ("Differing", "Total", "Ratio", "Max error", "SQNR dB"))
    for layer in shown:
        item = layer.statistics
        name = f"> {elide(layer.node, NAME_WIDTH - 2)}" if layer.first_error else elide(layer.node)
        table.add_row(
            Text(name, "bold" if layer.first_error else ""),
            Text(elide(layer.op, OP_WIDTH)),
            figures.count(item.differing),
            figures.count(item.count),
            figures.percent(item.differing_share),
            figures.number(item.max_abs),
            Text(figures.decibel(item.sqnr_db), "red" if broken(item) else ""),
        )
    if any(layer.first_error for layer in shown):
        table.caption = "> the error first appears here"
    return table


def kept_table(kept: Sequence[KeptNode]) -> Table:
    """The nodes that stay in high precision: why, and at what cost. ``*``: not the search's choice."""
    table = _table("Kept in high precision", ("Node", "Op", "Precision", "Reason"), ("Cost",))
    for item in kept:
        table.add_row(
            Text(elide(item.node, 30)),
            Text(elide(item.op, OP_WIDTH)),
            figures.precision(item.precision) + ("*" if item.promoted else ""),
            Text(f"{item.code} {item.title}"),
            figures.percent(item.cost_share),
        )
    if any(item.promoted for item in kept):
        table.caption = "* by necessity: the node cannot run in low precision"
    return table


def verdict_panel(summary: RunSummary) -> Panel:
    """The decision and the metrics behind it."""
    verdict = summary.verdict
    parts: list[RenderableType] = [Text(verdict.sentence, "bold")]
    if verdict.conditions:
        parts += [Text(), _conditions(verdict.conditions, figures.precision(summary.low))]
    parts += [Text(f"Note: {note}", "yellow") for note in (summary.data.warning, summary.fusion) if note]
    colour = "green" if verdict.accepted else "red"
    return Panel(Group(*parts), title=Text(summary.title), title_align="left", border_style=colour, expand=False)


def _conditions(conditions: Sequence[Condition], low: str) -> Table:
    table = _table(None, ("Metric",), ("FP32", low, "Mixed", "Margin"))
    table.add_column("Condition")
    for item in conditions:
        values = (figures.metric(value) for value in (item.reference, item.low, item.candidate, item.margin))
        table.add_row(Text(item.metric), *values, Text(item.bound or "reported only"))
    return table


def _table(title: str | None, words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(
        title=title and Text(title, "bold"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for head in words:
        table.add_column(head, overflow="fold", no_wrap=head in ("Op", "Precision"))
    for head in numbers:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def elide(name: str, width: int = NAME_WIDTH) -> str:
    """``name`` cut in its middle to ``width`` characters: node names differ at both ends."""
    if len(name) <= width:
        return name
    tail = (width - 2) * 2 // 3
    return f"{name[: width - 2 - tail]}..{name[-tail:]}"
