"""What steps show in the terminal: their documents as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from trtflow.diagnosis.multiply_adds import shares_by_group
from trtflow.files.checks import Check
from trtflow.files.constraints import Constraints
from trtflow.files.outcomes import VerdictDocument
from trtflow.files.pairs import PairCosts
from trtflow.files.quantization import Quantization
from trtflow.files.search import WORDS, EightBits, Side
from trtflow.files.statistics import Statistics
from trtflow.numerics.record import Figures
from trtflow.steps.contract import Table
from trtflow.tasks.searching import Decided
from trtflow.text import counted, listed, percent

SHOWN = 20  # rows of nodes; the report shows all
WORST = 10  # layers
SIDES: Mapping[Side, str] = {
    "reference": "FP32",
    "naive": "naive",
    "low": "tuned",
    "base": "without eight bits",
    "candidate": "mixed",
}
"""How people read the sides of a search over eight bits."""
MARKS = {"ok": "ok", "warn": "warning", "refuse": "REFUSED", "allowed": "allowed"}


def kept_nodes(decided: Decided) -> Table | None:
    """What stays in high precision, with its share of the work and why."""
    plan, search = decided.plan, decided.search
    rows = tuple(
        (node, plan.precision(node), percent(search.node_costs[node]), f"{WORDS[why.word]}: {why.text}")
        for node, why in list(search.because.items())[:SHOWN]
    )
    columns = ("node", "precision", "cost share", "because")
    return Table(columns, rows, "what stays in high precision") if rows else None


def failed_conditions(verdict: VerdictDocument) -> str:
    """The conditions that do not hold, worst first: on all samples, or else on the unseen ones."""
    unseen = verdict.unseen.margins if verdict.unseen else {}
    for margins, where in ((verdict.margins, ""), (unseen, " on unseen samples")):
        failed = sorted((name for name, margin in margins.items() if margin < 0), key=margins.__getitem__)
        if failed:
            return ", ".join(failed) + where
    return ""


def by_whom(verdict: VerdictDocument) -> str:
    """On which engine a file was judged, and what the emulator says of it; nothing where the emulator judged."""
    if verdict.emulated is None:
        return ""
    weakly = ", weakly typed: the FP32 model under the constraints" if verdict.typing == "weak" else ""
    return f" on {verdict.runner}{weakly} ({'accepted' if verdict.emulated else 'refused'} by the emulator)"


def notes(found: Sequence[str]) -> Table | None:
    """What was done to read a model, a line each."""
    return Table(("note",), tuple((line,) for line in found)) if found else None


def multiply_adds(bits: EightBits, low: str) -> Table:
    """Where all multiply-adds run, and the largest of what stays in floating point with its reason."""
    parts: dict[str, float] = {f"in {low}": bits.share, **shares_by_group(bits.left)}
    rows = tuple(
        (entry.node, entry.precision, percent(entry.share), f"{entry.why.code}: {entry.why.text}")
        for entry in bits.left[:SHOWN]
    )
    title = "of the multiply-adds: " + ", ".join(f"{percent(part)} {name}" for name, part in parts.items())
    return Table(("stays in floating point", "precision", "share", "reason"), rows, title)


def exceptions(constraints: Constraints) -> str:
    """The precision of most nodes, and how many have another."""
    counts = Counter(entry.precision for entry in constraints.nodes.values())
    some = [f"{counted(count, 'node')} in {precision}" for precision, count in sorted(counts.items())]
    return f"{constraints.default} {f'except {listed(some)}' if some else 'everywhere'}"


def sides(figures: Mapping[Side, float | None]) -> str:
    """An end metric on every side on which a search over eight bits measured it."""
    return ", ".join(f"{SIDES[side]} {value:.4g}" for side, value in figures.items() if value is not None)


def held_codes(found: Quantization) -> Table | None:
    """What a file holds in codes already."""
    rows: tuple[tuple[str | int | None, ...], ...] = tuple(
        (entry.role, entry.type, entry.scales, entry.zero, "Q/DQ" if entry.encoded else "codes, DQ", entry.count)
        for entry in found.codes
    )
    rows += tuple((op, None, None, None, "computes on codes", count) for op, count in found.operators.items())
    columns = ("what", "type", "scales", "zero point", "held as", "count")
    return Table(columns, rows, "what is quantized already") if rows else None


def own_pairs(found: PairCosts) -> Table | None:
    """What end metrics become without the pairs of single nodes, those that gain most first."""
    names = tuple(found.held)
    rows = tuple(
        (entry.node, entry.op, *(f"{entry.metrics[name]:.4g}" for name in names)) for entry in found.nodes[:SHOWN]
    )
    more = f"; {found.untried} more nodes not tried" if found.untried else ""
    all_of_them = ", ".join(f"{name} {value:.4g}" for name, value in found.held.items())
    title = f"end metrics without the pairs of one node; with all of them {all_of_them}{more}"
    return Table(("node", "op", *names), rows, title) if rows else None


def deviation(statistics: Statistics) -> str:
    """How many layers of the first candidate deviate, and the first of them."""
    wrong = statistics.wrong(next(iter(statistics.candidates)))
    first = f", first at {wrong[0].node}" if wrong else ""
    deviate = "deviates" if len(wrong) == 1 else "deviate"
    some = f"{len(wrong)} of {counted(len(statistics.layers), 'layer')} {deviate} by more than 10 %{first}"
    return f"{some} ({counted(statistics.samples, 'sample')}){_observed(statistics)}"


def _observed(statistics: Statistics) -> str:
    """What reading its layers does to an engine."""
    changes = [f"{name}'s outputs by {effect:.2g}" for name, effect in statistics.observer.items()]
    return f"; marks change {', '.join(changes)} (relative RMS)" if changes else ""


def deviating_layers(statistics: Statistics) -> Table | None:
    """The layers of the first candidate whose values deviate by more than 10 %, worst first."""
    found = statistics.first
    wrong = statistics.wrong(next(iter(statistics.candidates)))
    worst = sorted(wrong, key=lambda layer: -found[layer.tensor].worst_differing_share)[:WORST]
    figures = [(layer, found[layer.tensor]) for layer in worst]
    rows = tuple((at.node, at.op, of.differing, of.count, *_shares(of), of.worst_sample) for at, of in figures)
    title = "values that deviate by more than 10 %, worst layers first"
    columns = ("layer", "op", "differing", "total", "ratio", "worst", "on sample")
    return Table(columns, rows, title) if rows else None


def _shares(figures: Figures) -> tuple[str, str]:
    return percent(figures.differing_share), percent(figures.worst_differing_share)


def checks_made(checks: Sequence[Check]) -> Table:
    """Each check with its verdict."""
    rows = tuple((check.code, check.subject, MARKS[check.verdict], check.sentence) for check in checks)
    return Table(("code", "about", "verdict", "finding"), rows)


def refusal(refused: Sequence[Check]) -> str:
    """What was refused, and how to go on all the same; empty for nothing."""
    if not refused:
        return ""
    codes = ",".join(dict.fromkeys(check.code for check in refused))
    sentences = "; ".join(f"{check.code} {check.subject}: {check.sentence}" for check in refused)
    return f"{sentences}. To go on all the same: allow: [{codes}] among the options of this step"
