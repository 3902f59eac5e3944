"""trtflow's own strategy: rank, gallop along the ranking, shrink."""

from __future__ import annotations

import math

from trtflow.search.ledger import Ledger
from trtflow.search.problem import Unit
from trtflow.search.shrink import gallop, shrink


def propose(ledger: Ledger) -> list[Unit] | None:
    """A 1-minimal set of units to keep high, or None when not even all of them are accepted."""
    problem = ledger.problem
    ranked = sorted(problem.free, key=problem.prior, reverse=True)
    certain = sum(problem.prior(unit) == math.inf for unit in ranked)
    length = gallop(ledger, ranked, max(1, certain))
    if length is None:
        return None
    kept = ranked[:length]
    dearest = sorted(kept, key=lambda unit: (problem.prior(unit) == math.inf, -unit.cost))
    return shrink(ledger, kept, dearest, size=1 if length <= max(1, certain) else length // 4)
