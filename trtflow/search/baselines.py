"""The searches that other tools make, on the same oracle, to be compared with. Written from their descriptions.

They are asked only when everything low is refused, and move what ``Problem.units`` holds: give them a problem of
single nodes to see what the tools see.
"""

from __future__ import annotations

from collections.abc import Sequence

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Unit
from trtflow.search.shrink import without
from trtflow.search.survey import alone


def bisect(ledger: Ledger, order: Sequence[Unit]) -> None:
    """Polygraphy's ``debug precision --mode bisect``: the fewest first units of ``order``, by halving.

    Assumes that more is better. Unlike the original it knows that everything high counts when only that passes.
    """
    rejected, accepted = 0, len(order)
    while accepted - rejected > 1:
        middle = (rejected + accepted) // 2
        rejected, accepted = (rejected, middle) if ledger.accepts(order[:middle], "bisect") else (middle, accepted)


def linear(ledger: Ledger, order: Sequence[Unit], phase: str = "linear") -> None:
    """Polygraphy's ``--mode linear``: one more unit of ``order`` at a time until the plan is accepted."""
    for length in range(len(order) + 1):
        if ledger.accepts(order[:length], phase):
            return


def revert_one(ledger: Ledger) -> None:
    """NNCF's and Neural Compressor's: rank by raising one unit at a time, then raise along the ranking.

    Where several units overflow, raising one changes nothing, and the ranking is the order of the graph.
    """
    units = ledger.problem.free
    errors = {unit.id: ledger.measure([unit], "rank", "probe").error for unit in units}
    linear(ledger, sorted(units, key=lambda unit: errors[unit.id]), "raise")


def alone_low_binary(ledger: Ledger) -> None:
    """AIMET's: rank by lowering one unit at a time, then search the prefix of the ranking by halving."""
    units = ledger.problem.free
    errors = {unit.id: alone(ledger, [unit], "rank").error for unit in units}
    bisect(ledger, sorted(units, key=lambda unit: -errors[unit.id]))


def ddmin(ledger: Ledger) -> None:
    """Delta debugging (Zeller and Hildebrandt, 2002) of the accepted plan with everything high."""
    high, parts = list(ledger.problem.free), 2
    while len(high) > 1:
        chunks = [high[len(high) * i // parts : len(high) * (i + 1) // parts] for i in range(parts)]
        candidates = [*chunks, *(without(high, chunk) for chunk in chunks)] if parts > 2 else chunks
        found = next((i for i, each in enumerate(candidates) if ledger.accepts(each, "ddmin")), None)
        if found is not None:
            high, parts = candidates[found], 2 if found < len(chunks) else max(parts - 1, 2)
        elif parts >= len(high):
            return
        else:
            parts = min(2 * parts, len(high))
