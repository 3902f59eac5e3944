"""From an accepted prefix of a ranking to a 1-minimal set."""

from __future__ import annotations

from collections.abc import Sequence

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Unit


def gallop(ledger: Ledger, ranked: Sequence[Unit], first: int = 1, limit: int | None = None) -> int | None:
    """The length of an accepted prefix of ``ranked`` whose half was not: ``first``, then doubled, then halved.

    Returns None when no prefix up to ``limit`` is accepted. 2·log2(d) evaluations when the d units that matter
    come first. A prefix whose build fails counts as not accepted: the next one is another graph.
    """
    limit = len(ranked) if limit is None else min(limit, len(ranked))
    rejected, length = 0, min(first, limit)
    while not ledger.accepts(ranked[:length], "gallop"):
        if length >= limit:
            return None
        rejected, length = length, min(2 * max(length, 1), limit)
    while rejected and length - rejected > 1:
        middle = (rejected + length) // 2
        rejected, length = (rejected, middle) if ledger.accepts(ranked[:middle], "gallop") else (middle, length)
    return length


def shrink(ledger: Ledger, high: Sequence[Unit], order: Sequence[Unit], size: int = 1) -> list[Unit]:
    """Lower the units of ``high`` in ``order`` while the plan stays accepted; 1-minimal at the end.

    ``high`` must be accepted. Groups start at ``size`` units and double after each success; a group that
    cannot go low is halved until the unit to blame is found (generalised binary splitting), so a set that is
    nearly minimal costs one evaluation a unit and one that is far from it costs the logarithm.
    """
    kept = _split(ledger, list(high), list(order), size)
    return _settle(ledger, kept)


def is_minimal(ledger: Ledger, kept: Sequence[Unit]) -> bool:
    """Whether every plan with one unit of ``kept`` less was measured and turned out worse, not just unbuildable."""
    outcomes = [ledger.measure(without(kept, [unit]), "shrink") for unit in kept]
    return not any(outcome.accepted or outcome.status == "failed" for outcome in outcomes)


def without(units: Sequence[Unit], less: Sequence[Unit]) -> list[Unit]:
    """``units`` without those of ``less``."""
    drop = {unit.id for unit in less}
    return [unit for unit in units if unit.id not in drop]


def _split(ledger: Ledger, high: list[Unit], queue: list[Unit], size: int) -> list[Unit]:
    while queue:
        group = queue[: max(1, size)]
        if ledger.accepts(without(high, group), "shrink"):
            high, queue, size = without(high, group), queue[len(group) :], 2 * size
            continue
        harmless = _longest_harmless(ledger, high, group)
        high = without(high, group[:harmless])
        queue, size = queue[harmless + 1 :], size // 2
    return high


def _longest_harmless(ledger: Ledger, high: list[Unit], group: list[Unit]) -> int:
    """How many of ``group``, from its start, can go low, given that all of it cannot. Binary search."""
    good, bad = 0, len(group)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if ledger.accepts(without(high, group[:middle]), "shrink") else (good, middle)
    return good


def _settle(ledger: Ledger, kept: list[Unit]) -> list[Unit]:
    """Where error is not monotone, a unit that was needed among many may not be among few: ask again."""
    for unit in kept:
        if ledger.accepts(less := without(kept, [unit]), "shrink"):
            return _settle(ledger, less)
    return kept
