"""The searches that other tools make, on the same oracle, to be compared with. Written from their descriptions."""

from __future__ import annotations

from collections.abc import Sequence

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Unit, nodes_of


def bisect(ledger: Ledger, order: Sequence[Unit]) -> frozenset[str] | None:
    """Polygraphy's ``debug precision --mode bisect``: the fewest first units of ``order``, by halving.

    Assumes that more is better. Like the original it never tests the empty set, which the caller has done, but
    unlike it, it knows that everything in high precision counts when only that passes.
    """
    if not ledger.accepts(order, "bisect"):
        return None
    rejected, accepted = 0, len(order)
    while accepted - rejected > 1:
        middle = (rejected + accepted) // 2
        rejected, accepted = (rejected, middle) if ledger.accepts(order[:middle], "bisect") else (middle, accepted)
    return nodes_of(order[:accepted])


def linear(ledger: Ledger, order: Sequence[Unit]) -> frozenset[str] | None:
    """Polygraphy's ``--mode linear``: one more unit of ``order`` at a time until the plan is accepted."""
    for length in range(len(order) + 1):
        if ledger.accepts(order[:length], "linear"):
            return nodes_of(order[:length])
    return None
