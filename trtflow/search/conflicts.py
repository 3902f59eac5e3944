"""Culprits that only hurt together: which of them to keep is a choice, and the cheapest choice can be proven.

A conflict is a set of items that is refused when exactly these are low. Where lowering more never helps, every
accepted plan keeps at least one item of each conflict high: it hits them all. So the cheapest plan that hits all
known conflicts costs at most as much as the best plan; if it is accepted it *is* the best, else what it leaves
low holds a conflict that was not known (an implicit hitting set, Chandrasekaran et al., 2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trtflow.search.islands import cheapest
from trtflow.search.ledger import Ledger
from trtflow.search.problem import Problem, Unit, nodes_of
from trtflow.search.shrink import without
from trtflow.search.survey import alone

ROUNDS = 24
CUTS = 400  # minimum cuts that one choice may take: beyond that the proof is given up
EPSILON = 1e-12


def choose(ledger: Ledger, items: Sequence[Unit], kept: Sequence[Unit]) -> frozenset[str] | None:
    """The nodes of a cheaper accepted plan than ``kept`` (some of ``items``), or None where there is none.

    Gives up after ROUNDS conflicts: then a cheaper plan may exist.
    """
    rest = without(items, kept)
    conflicts = [_conflict(ledger, rest, [unit]) for unit in kept]
    if all(len(conflict) == 1 for conflict in conflicts):
        return None
    for _ in range(ROUNDS):
        choice = _hit(ledger.problem, conflicts, ledger.problem.cost(nodes_of(kept)))
        if choice is None or ledger.accepts(choice, "choose"):
            return choice
        conflicts.append(_conflict(ledger, [item for item in items if not choice.issuperset(item.nodes)], []))
    return None


def _conflict(ledger: Ledger, items: list[Unit], given: list[Unit]) -> list[Unit]:
    """A smallest set with ``given`` and some of ``items`` that is refused alone (QuickXplain, Junker 2004)."""
    if given and not alone(ledger, given, "conflict").accepted:
        return given
    return given + _explain(ledger, given, items)


def _explain(ledger: Ledger, given: list[Unit], items: list[Unit]) -> list[Unit]:
    """The fewest of ``items`` that are refused together with ``given``, which is not refused without them."""
    if len(items) <= 1:
        return items
    left, right = items[: len(items) // 2], items[len(items) // 2 :]
    if not alone(ledger, given + left, "conflict").accepted:
        return _explain(ledger, given, left)
    from_right = _explain(ledger, given + left, right)
    if from_right and not alone(ledger, given + from_right, "conflict").accepted:
        return from_right
    return _explain(ledger, given + from_right, left) + from_right


def _hit(problem: Problem, conflicts: Iterable[Sequence[Unit]], bound: float) -> frozenset[str] | None:
    """The cheapest set of high nodes, below ``bound``, that holds an item of each conflict. Branch and bound."""
    ordered = sorted(conflicts, key=len)
    best: frozenset[str] | None = None
    budget = CUTS
    branches: list[tuple[frozenset[str], frozenset[str]]] = [(frozenset(), frozenset())]
    while branches and budget:
        budget -= 1
        high, low = branches.pop()
        nodes = cheapest(problem, high, low)
        if (cost := problem.cost(nodes)) >= bound - EPSILON:
            continue
        open_conflict = next((c for c in ordered if not any(nodes.issuperset(item.nodes) for item in c)), None)
        if open_conflict is None:
            best, bound = nodes, cost
        else:
            branches += _branches(open_conflict, high, low)
    return best if budget else None


def _branches(
    conflict: Sequence[Unit], high: frozenset[str], low: frozenset[str]
) -> list[tuple[frozenset[str], frozenset[str]]]:
    """Each item high in turn, those before it low, cheapest last: that is popped first."""
    branches = []
    for item in sorted(conflict, key=lambda unit: unit.cost):
        if not low.isdisjoint(item.nodes):
            continue
        branches.append((high.union(item.nodes), low))
        if not high.isdisjoint(item.nodes):
            break
        low = low.union(item.nodes)
    return branches[::-1]
