"""What the steps that search have in common: held-out samples, progress, and how a search is written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from trtflow.versions import tools

if TYPE_CHECKING:
    from trtflow.search.ledger import Evaluation
    from trtflow.steps.contract import Context

NONE_HOLDS = "held-out samples refuse every plan that was found: searching again on all samples"
HELD_OUT_FROM = 4  # with fewer samples all of them are needed to search


def held_out_samples(count: int, share: float) -> frozenset[int]:
    """Every n-th of ``count`` samples, so that they are spread like the others."""
    if count < HELD_OUT_FROM or not share:
        return frozenset()
    step = max(2, round(1 / share))
    return frozenset(range(step - 1, count, step))


def reporter(context: Context) -> Callable[[Evaluation], None]:
    """Tells each evaluation as it is made."""
    seen = 0

    def report(entry: Evaluation) -> None:
        nonlocal seen
        seen += 1
        outcome = entry.outcome
        state = "failed" if outcome.status == "failed" else "accepted" if outcome.accepted else "refused"
        text = f"{entry.phase}: {entry.high_count} high, {state}, margin {outcome.margin:.3g}"
        context.progress(seen, None, text)
        context.log(text + (" (reused)" if outcome.reused else f" ({outcome.seconds:.2f} s)"))

    return report


def made_by() -> dict[str, str]:
    """The tools that a search depends on, with their versions."""
    return tools("trtflow", "onnxruntime", "onnx") | {"runner": "emulated"}


def entry_document(entry: Evaluation) -> dict[str, Any]:
    """One evaluation, JSON-ready."""
    outcome = entry.outcome
    return {
        "index": entry.index,
        "phase": entry.phase,
        "kind": entry.kind,
        "high": entry.high_count,
        "cost": entry.cost,
        "accepted": outcome.accepted if outcome.status == "measured" else None,
        "margin": outcome.margin,
        "metrics": outcome.metrics,
        "best": entry.best,
    }
