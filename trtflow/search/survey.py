"""Who is to blame: groups of units lowered alone, everything else high, halved until single units stand out.

Lowering alone hides nothing: no other culprit is low at the same time. Halving a group that is refused finds d
culprits among N units in about d·log2(N/d) probes instead of N, and the priors place the cuts: a group is cut
where half of its suspicion lies, so units that the priors point at are isolated first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from trtflow.search.ledger import Ledger
from trtflow.search.oracle import Outcome
from trtflow.search.problem import Unit, nodes_of

BACKGROUND = 0.5  # suspicion that is spread evenly: priors can be wrong
CERTAIN = 1e6  # stands for an infinite prior where weights are summed


@dataclass
class Survey:
    """``guilty``: refused alone. ``tangled``: groups that are refused although their halves are not."""

    guilty: list[Unit] = field(default_factory=list)
    tangled: list[list[Unit]] = field(default_factory=list)


@dataclass(frozen=True)
class _Group:
    """Refused: as measured, or because ``ancestor`` is and its other parts turned out innocent."""

    units: list[Unit]
    ancestor: list[Unit] | None = None


def alone(ledger: Ledger, units: Sequence[Unit], phase: str = "survey") -> Outcome:
    """Probe the plan in which only ``units`` are low."""
    return ledger.measure(ledger.problem.nodes - nodes_of(units), phase, "probe")


def survey(ledger: Ledger, units: Sequence[Unit]) -> Survey:
    """Find what makes ``units``, which are refused when low together, refused."""
    found, suspects = Survey(), [_Group(list(units))]
    while suspects:
        group = suspects.pop()
        if len(group.units) > 1:
            suspects += _halve(ledger, group)
        elif not alone(ledger, group.units).accepted:
            found.guilty += group.units
        elif group.ancestor:
            found.tangled.append(group.ancestor)
    return found


def _halve(ledger: Ledger, group: _Group) -> list[_Group]:
    cut = _cut(ledger, group.units)
    left, right = group.units[:cut], group.units[cut:]
    if alone(ledger, left).accepted:
        return [_Group(right, ancestor=group.ancestor or group.units)]
    return [_Group(left)] if alone(ledger, right).accepted else [_Group(left), _Group(right)]


def _cut(ledger: Ledger, units: Sequence[Unit]) -> int:
    """Where half of the suspicion lies, leaving a unit on either side."""
    weights = [min(ledger.problem.prior(unit), CERTAIN) for unit in units]
    background = BACKGROUND * max(sum(weights), 1.0) / len(units)
    sums = list(accumulate(weight + background for weight in weights))
    return min(range(1, len(units)), key=lambda cut: abs(2 * sums[cut - 1] - sums[-1]))
