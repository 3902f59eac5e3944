"""The state of a run and the sentence that tells it: the same for the page, metrics.json and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trtflow.files.outcomes import State, VerdictDocument
from trtflow.files.search import SearchDocument
from trtflow.precision import FP16, FP32, label
from trtflow.report.model import MetricRow
from trtflow.text import counted, one_line

Said = Mapping[str, str]
"""Steps, and what each said."""


def run_state(search: SearchDocument | None, judged: VerdictDocument | None, failed: Said, refused: Said) -> State:
    """How a run ended: the worst that any step says of it. ``refused`` are the steps whose gate was not met."""
    if failed:
        return "failed"
    if search is not None and search.state != "accepted":
        return search.state
    if refused or judged is None or not judged.accepted:
        return "not-accepted"
    return "accepted" if judged.proven else "not-proven"


def failed_sentence(failed: Said) -> str:
    """Which steps failed, and why."""
    return f"Failed: {_joined(failed)}."


def missed_sentence(search: SearchDocument) -> str:
    """The conditions that FP32 itself does not meet."""
    return f"Stopped at the baseline: {search.missed}."


def unjudged_sentence(search: SearchDocument | None, refused: Said) -> str:
    """Why there is no file that could have been judged."""
    if search is not None and not search.accepted:
        return f"Not accepted: {search.reason}."
    return f"Not accepted: {_joined(refused) or 'nothing was validated'}."


def judged_sentence(
    state: State, nodes: int, search: SearchDocument | None, judged: VerdictDocument, rows: Iterable[MetricRow]
) -> str:
    """What the file is made of and what it reaches; ``nodes`` counts those that could take a low precision."""
    verdict = "Accepted" if judged.accepted else "Not accepted"
    verdict += f" on {judged.runner}" if judged.emulated is not None else ""
    verdict += f", not proven ({counted(judged.samples, 'sample')})" if state == "not-proven" else ""
    beside = ""
    if judged.emulated is not None:
        beside = f" The emulator {'accepts' if judged.emulated else 'refuses'} it."
    low = label(search.low) if search else "low"
    figures = "; ".join(_figures(row, low) for row in rows if row.bound)
    return f"{verdict}: {_decision(nodes, search)}; {figures}.{beside}"


def nothing_gained_sentence(search: SearchDocument, floats: SearchDocument | None, rows: Iterable[MetricRow]) -> str:
    """That no node takes the low precision, what it reaches where all do, and what does hold."""
    low = label(search.low)
    figures = "".join(f"; {_low_figure(row, low)}" for row in rows if row.bound and row.low is not None)
    instead = _floats(floats) if search.eight_bits and floats else ""
    return f"Nothing gained: {none_holds(search)}{figures}.{instead}"


def none_holds(search: SearchDocument) -> str:
    """Why no node takes the low precision: there is none, it is too inaccurate, too little is saved, or a rule."""
    count = search.lowered + len(search.kept)
    if not count:
        return f"nothing in it can take {label(search.low)}"
    of = counted(count, "node")
    if search.kept and set(search.kept) <= set(search.merged):
        return f"{label(search.low)} is accurate enough, but Casts would cost more than it saves on {of}"
    if search.kept and set(search.kept) <= set(search.forced):
        return f"{label(search.low)} is open to none of {of}: {search.because[search.kept[0]].text}"
    return f"{label(search.low)} holds for none of {of}"


def _floats(search: SearchDocument) -> str:
    """What the floating-point plan beneath reaches."""
    if search.state != "accepted":
        return f" {label(search.low)} does not help either." if search.state == "nothing-gained" else ""
    count = len(search.kept)
    plan = f"with {counted(count, 'node')} in {label(FP32)}" if count else "alone"
    return f" {label(FP16)} {plan} holds: debug-fp16 gives that file."


def _joined(said: Said) -> str:
    return "; ".join(f"{name}: {one_line(text).removesuffix('.')}" for name, text in said.items())


def _decision(nodes: int, search: SearchDocument | None) -> str:
    if search and search.eight_bits:
        share, count = f"{search.eight_bits.share:.0%} of the multiply-adds", len(search.eight_bits.quantized)
        some = f"1 node, {share}, runs" if count == 1 else f"{count} nodes, {share}, run"
        return f"{some} in {label(search.low)}"
    kept = len(search.kept) if search else 0
    stays = "stays" if kept == 1 else "stay"
    if kept:
        return f"{kept} of {nodes} nodes {stays} in FP32"
    return "its only node takes the low precision" if nodes == 1 else f"all {nodes} nodes take the low precision"


def _figures(row: MetricRow, low: str) -> str:
    others = {"FP32": row.reference, low: row.low}
    if row.naive is not None:
        others = {"FP32": row.reference, f"{low} naive": row.naive, f"{low} tuned": row.low}
    said = ", ".join(f"{name} {value:.4g}" for name, value in others.items() if value is not None)
    return f"{row.metric} {'unknown' if row.candidate is None else f'{row.candidate:.4g}'} ({said})"


def _low_figure(row: MetricRow, low: str) -> str:
    reference = "" if row.reference is None else f", FP32 {row.reference:.4g}"
    return f"{row.metric} {row.low:.4g} with everything in {low} ({row.bound}{reference})"
