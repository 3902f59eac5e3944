"""trtflow's own strategy, cheapest evidence first.

1. The nodes that the priors are certain of, by themselves: one evaluation settles a range problem.
2. A survey of the rest by halving, on the hardest samples: what is refused alone is kept.
3. What is refused only together: a knapsack where the error is finite (diffuse), else halving from everything
   high.
4. Down to single nodes and 1-minimal, dearest first.
5. Culprits that only hurt together: the cheapest choice among them.
6. Slivers merged into islands where casts cost more than precision.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from trtflow.search.conflicts import choose
from trtflow.search.islands import cheapest
from trtflow.search.knapsack import rescale
from trtflow.search.ledger import Ledger
from trtflow.search.problem import Problem, Unit, nodes_of, single
from trtflow.search.shrink import settle, shrink, without
from trtflow.search.survey import alone, survey

FEW = 12  # kept items up to which choosing among conflicts is worth its evaluations
TINY = 1e-9  # a cost that is not worth dividing by
SMALL = 16  # items up to which it is even where error is diffuse and conflicts are many


def propose(ledger: Ledger) -> None:
    """Measure plans until a 1-minimal and cheap one is among them: ``ledger.best``."""
    if ledger.accepts(frozenset(), "ends"):
        if ledger.problem.forced:  # what is forced high may bound slivers
            _merge(ledger, [])
            _settle_best(ledger)
        return
    suspects, rest = _by_prior(ledger.problem)
    kept = suspects if suspects and ledger.accepts(suspects, "prior") else _by_survey(ledger, suspects, rest)
    if kept is None:
        return
    singles = _ordered(ledger, single(ledger.problem, nodes_of(kept)))
    kept = shrink(ledger, singles, singles)
    _merge(ledger, _choose(ledger, kept))
    _settle_best(ledger)


def _by_prior(problem: Problem) -> tuple[list[Unit], list[Unit]]:
    """The nodes that are certainly to blame, unit by unit, and what is left of all units."""
    pieces = []
    for unit in problem.free:
        sure = problem.whole(node for node in unit.nodes if problem.priors.get(node, 0.0) == math.inf)
        certain = [node for node in unit.nodes if node in sure]
        pieces += [certain, [node for node in unit.nodes if node not in certain]]
    units = [Unit(i, tuple(nodes), math.fsum(map(problem.price, nodes))) for i, nodes in enumerate(pieces) if nodes]
    suspects = [unit for unit in units if problem.prior(unit) == math.inf]
    return suspects, without(units, suspects)


def _by_survey(ledger: Ledger, suspects: list[Unit], rest: list[Unit]) -> list[Unit] | None:
    found = survey(ledger, rest)
    tangled = list({unit.id: unit for group in found.tangled for unit in group}.values())
    guilty = suspects + found.guilty
    if not tangled and ledger.accepts(guilty, "survey"):
        return guilty
    others = without(rest, found.guilty)
    return _diffuse(ledger, guilty, others) or _entangled(ledger, guilty, tangled, others)


def _diffuse(ledger: Ledger, guilty: list[Unit], others: list[Unit]) -> list[Unit] | None:
    """A knapsack over errors measured alone, if these explain anything: all low together must be finite."""
    outcome = ledger.measure(guilty, "survey")
    if not math.isfinite(outcome.error):
        return None
    errors = [alone(ledger, [unit], "sensitivity").error for unit in others]
    kept = rescale(ledger, others, errors, guilty, outcome.error)
    return None if kept is None else single(ledger.problem, kept)


def _entangled(ledger: Ledger, guilty: list[Unit], tangled: list[Unit], others: list[Unit]) -> list[Unit] | None:
    """Halving from everything that may be involved: d·log2(N/d) evaluations, whatever hurts together."""
    start = guilty + tangled
    if not ledger.accepts(start, "splitting"):
        start = guilty + others
    if not ledger.accepts(start, "splitting"):
        return None
    order = _ordered(ledger, without(start, guilty)) + guilty
    return shrink(ledger, start, order, size=max(1, (len(start) - len(guilty)) // 2))


def _choose(ledger: Ledger, kept: list[Unit]) -> list[Unit]:
    problem = ledger.problem
    certain = all(problem.prior(unit) == math.inf for unit in kept)
    items = kept + _rest(problem, nodes_of(kept), len(kept))
    diffuse = any(entry.phase == "knapsack" for entry in ledger.history) and len(items) > SMALL
    if certain or diffuse or len(kept) > FEW:
        return kept
    choice = choose(ledger, items, kept)
    return kept if choice is None else settle(ledger, _ordered(ledger, single(problem, choice)))


def _merge(ledger: Ledger, kept: list[Unit]) -> None:
    """Raise what is cheaper high than cast around, and see what that makes needless."""
    problem, nodes = ledger.problem, nodes_of(kept)
    ledger.needed = nodes
    merged = cheapest(problem, nodes)
    if problem.cost(merged) < problem.cost(nodes) - 1e-12 and ledger.accepts(merged, "islands"):
        settle(ledger, _ordered(ledger, single(problem, merged)))


def _settle_best(ledger: Ledger) -> None:
    """The cheapest plan may be one passed on the way: it has to be 1-minimal as well."""
    best = None
    while ledger.best != best:
        best = ledger.best
        settle(ledger, _ordered(ledger, single(ledger.problem, best or ())))


def _rest(problem: Problem, nodes: frozenset[str], first: int) -> list[Unit]:
    """What the units hold beside ``nodes``, numbered from ``first``."""
    left = [[node for node in unit.nodes if node not in nodes] for unit in problem.free]
    return [
        Unit(first + i, tuple(part), math.fsum(map(problem.price, part))) for i, part in enumerate(filter(None, left))
    ]


def _ordered(ledger: Ledger, units: Iterable[Unit]) -> list[Unit]:
    """What to lower first: what saves most for the error that it makes alone, then what is dearest.

    What is certainly to blame comes last, since it only confirms.
    """
    errors = ledger.alone_errors()

    def key(unit: Unit) -> tuple[bool, float, float]:
        error = max((errors.get(node, 0.0) for node in unit.nodes), default=0.0)
        return ledger.problem.prior(unit) == math.inf, error / max(unit.cost, TINY), -unit.cost

    return sorted(units, key=key)
