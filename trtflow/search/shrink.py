"""From an accepted set to a 1-minimal one."""

from __future__ import annotations

from collections.abc import Sequence

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Unit, nodes_of


def gallop(ledger: Ledger, base: Sequence[Unit], ranked: Sequence[Unit]) -> int | None:
    """How many of ``ranked``, from its start, make ``base`` accepted: 1, 2, 4, …, then halving. None: no number.

    2·log2(d) evaluations when the d units that matter come first. A plan whose build fails is passed over: the
    next one is another graph.
    """
    refused, length = 0, 1
    while not ledger.accepts([*base, *ranked[:length]], "gallop"):
        if length >= len(ranked):
            return None
        refused, length = length, min(2 * length, len(ranked))
    while length - refused > 1:
        middle = (refused + length) // 2
        passes = ledger.accepts([*base, *ranked[:middle]], "gallop")
        refused, length = (refused, middle) if passes else (middle, length)
    return length


def shrink(ledger: Ledger, high: Sequence[Unit], order: Sequence[Unit], size: int = 1) -> list[Unit]:
    """Lower the units of ``high`` in ``order`` while the plan stays accepted; 1-minimal at the end.

    ``high`` must be accepted. Groups start at ``size`` units and double after each success; in a group that
    cannot go low, the unit to blame is found by halving (generalised binary splitting, Hwang 1972), so a set
    that is nearly minimal costs one evaluation a unit and one that is far from it costs the logarithm.
    """
    kept, queue = list(high), list(order)
    while queue:
        group = queue[:size]
        if ledger.accepts(without(kept, group), "shrink", doubtful=True):
            kept, queue, size = without(kept, group), queue[len(group) :], 2 * size
            continue
        harmless = _longest_harmless(ledger, kept, group)
        kept = without(kept, group[:harmless])
        queue, size = queue[harmless + 1 :], max(1, size // 2)
    return settle(ledger, kept, order)


def settle(ledger: Ledger, kept: Sequence[Unit], order: Sequence[Unit] | None = None) -> list[Unit]:
    """Lower single units of ``kept``, which must be accepted, until none of ``order`` can be at less cost.

    Where error is not monotone, a unit that was needed beside many may not be beside few, so all are asked
    again until a round lowers none.
    """
    asked = {unit.id for unit in (kept if order is None else order)}
    kept, before = list(kept), None
    while kept != before:
        before = kept
        for unit in before:
            less = without(kept, [unit])
            if unit.id in asked and saves(ledger, kept, less) and ledger.accepts(less, "shrink", doubtful=True):
                kept = less
    return kept


def is_minimal(ledger: Ledger, kept: Sequence[Unit]) -> bool:
    """Whether each plan with one of ``kept`` less is dearer, or was measured and refused (not just unbuildable)."""
    lesser = [without(kept, [unit]) for unit in kept]
    return not any(saves(ledger, kept, less) and ledger.could_pass(less) for less in lesser)


def saves(ledger: Ledger, kept: Sequence[Unit], less: Sequence[Unit]) -> bool:
    """Whether ``less`` is cheaper than ``kept``, casts included. At equal cost, less in high precision is better."""
    return ledger.problem.cost(nodes_of(less)) <= ledger.problem.cost(nodes_of(kept)) + 1e-12


def without(units: Sequence[Unit], less: Sequence[Unit]) -> list[Unit]:
    """``units`` without those of ``less``."""
    drop = {unit.id for unit in less}
    return [unit for unit in units if unit.id not in drop]


def _longest_harmless(ledger: Ledger, kept: list[Unit], group: list[Unit]) -> int:
    """How many of ``group``, from its start, can go low, given that all of it cannot. Binary search."""
    good, bad = 0, len(group)
    while bad - good > 1:
        middle = (good + bad) // 2
        passes = ledger.accepts(without(kept, group[:middle]), "shrink", doubtful=True)
        good, bad = (middle, bad) if passes else (good, middle)
    return good
