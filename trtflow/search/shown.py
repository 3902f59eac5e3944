"""What a search has shown of each node that its plan keeps high, and the sentence about all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trtflow.search.ledger import Evaluation
from trtflow.search.problem import Problem
from trtflow.text import counted

Nodes = frozenset[str]


@dataclass(frozen=True)
class Shown:
    """``needed``: a plan that lacks this node was measured and refused. ``merged``: Casts around it would cost more.

    Of other kept nodes that are not forced neither was shown: the search ended too early, say.
    """

    needed: Nodes = frozenset()
    merged: Nodes = frozenset()


NOTHING = Shown()


def shown(problem: Problem, kept: Nodes, refused: Iterable[Nodes], islands: Nodes | None = None) -> Shown:
    """What ``refused`` plans (their high nodes) show of the nodes ``kept``.

    A node is needed where everything else that is kept did not do without it. ``islands`` are nodes raised for their
    Casts alone: a culprit among them was shown before they were raised.
    """
    spare = islands or frozenset()
    plans = tuple(refused)
    needed = (_lacking(kept, plans) | _lacking(kept - spare, plans)) - spare
    dearer = {node for node in kept if problem.cost(kept - {node}) > problem.cost(kept) + 1e-12}
    return Shown(needed - problem.forced, frozenset(spare | dearer) - needed - problem.forced)


def _lacking(kept: Nodes, refused: Iterable[Nodes]) -> Nodes:
    return frozenset(node for plan in refused if len(kept - plan) == 1 for node in kept - plan)


def refused_plans(history: Iterable[Evaluation]) -> list[Nodes]:
    """The high nodes of each plan that was refused; what is not finite in a probe is not finite in the whole."""
    return [frozenset(entry.plan.nodes) for entry in history if _refused(entry)]


def _refused(entry: Evaluation) -> bool:
    outcome = entry.outcome
    if outcome.status != "measured" or outcome.accepted:
        return False
    return entry.kind != "probe" or math.isinf(outcome.error)


def sentence(problem: Problem, kept: Nodes, found: Shown, *, low_accepted: bool) -> str:
    """What came of a search that ended by itself: how many nodes are high, and what was shown of them."""
    forced = len(problem.forced)
    if low_accepted:
        return _beside_low(problem, forced, len(kept - problem.forced))
    count = len(kept | problem.forced)
    enough = f"{counted(count, 'node')} in {problem.high} {'is' if count == 1 else 'are'} enough"
    parts = {
        "needed": len(found.needed),
        f"that cannot be {problem.low}": forced,
        "because Casts would cost more": len(found.merged),
    }
    parts["not shown to be needed"] = count - sum(parts.values())
    said = [f"{number} {what}" for what, number in parts.items() if number]
    return f"{enough}, and each is needed" if len(found.needed) == count else f"{enough}: {', '.join(said)}"


def _beside_low(problem: Problem, forced: int, merged: int) -> str:
    low, high = problem.low, problem.high
    cannot = f"{low} is accepted wherever it can be; {counted(forced, 'node')} cannot"
    said = cannot if forced else f"{low} alone is accepted"
    if not merged:
        return said
    more = f", {merged} more" if forced else f"; {counted(merged, 'node')}"
    stays, them = ("stays", "it") if merged == 1 else ("stay", "them")
    return f"{said}{more} {stays} in {high} because the Casts around {them} would cost more"
