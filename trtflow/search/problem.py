"""What is searched: units of nodes, what each costs in high precision, and what is known beforehand."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from trtflow.plan import PrecisionPlan
from trtflow.precision import FP16, FP32, Precision


@dataclass(frozen=True)
class Unit:
    """Nodes that move together. ``cost``: what high precision adds, as a share of the model's cost."""

    id: int
    nodes: tuple[str, ...]
    cost: float = 0.0


@dataclass(frozen=True)
class Edge:
    """One tensor between nodes. ``cost`` is paid once when any consumer's precision is not the producer's.

    ``producer`` is None for a graph input and ``consumers`` holds None for a graph output: both are in high
    precision, because a rewrite keeps the types of inputs and outputs.
    """

    producer: str | None
    consumers: tuple[str | None, ...]
    cost: float = 0.0


@dataclass(frozen=True)
class Problem:
    """A search space with its cost model.

    ``units`` are in topological order and disjoint. ``node_costs`` prices single nodes (same scale as
    ``Unit.cost``; without it a unit's cost is shared equally). ``forced`` nodes are high whatever is measured.
    ``priors`` hold a suspicion per node: larger is more suspicious, inf is certain, absent is 0. ``tied``: disjoint
    groups of nodes that have one precision, each within a unit.
    """

    units: tuple[Unit, ...]
    low: Precision = FP16
    high: Precision = FP32
    edges: tuple[Edge, ...] = ()
    forced: frozenset[str] = frozenset()
    priors: Mapping[str, float] = field(default_factory=dict)
    node_costs: Mapping[str, float] = field(default_factory=dict)
    tied: tuple[frozenset[str], ...] = ()

    @cached_property
    def _prices(self) -> dict[str, float]:
        shared = {node: unit.cost / len(unit.nodes) for unit in self.units for node in unit.nodes}
        return {**shared, **self.node_costs}

    def cost(self, high: Collection[str]) -> float:
        """The cost of a plan with the nodes ``high`` (and the forced ones) in high precision, casts included.

        A share of the model's cost, beyond everything in low precision without any cast.
        """
        kept = self.forced | frozenset(high)
        casts = sum(edge.cost for edge in self.edges if _crosses(edge, kept))
        return math.fsum(self._prices.get(node, 0.0) for node in kept) + casts

    def price(self, node: str) -> float:
        """What high precision adds to the cost of ``node`` itself."""
        return self._prices.get(node, 0.0)

    @cached_property
    def _group_of(self) -> dict[str, frozenset[str]]:
        return {node: group for group in self.tied for node in group}

    def whole(self, names: Iterable[str]) -> frozenset[str]:
        """``names`` with the nodes that are tied to them."""
        return frozenset(node for name in names for node in self._group_of.get(name, (name,)))

    def prior(self, unit: Unit) -> float:
        """The suspicion of the most suspicious node of ``unit``."""
        return max((self.priors.get(node, 0.0) for node in unit.nodes), default=0.0)

    def plan(self, high: Iterable[str]) -> PrecisionPlan:
        """The plan with ``high`` and the forced nodes in high precision and all others in low."""
        return PrecisionPlan(self.low, dict.fromkeys(self.forced.union(high), self.high))

    @cached_property
    def nodes(self) -> frozenset[str]:
        """The nodes of all units."""
        return nodes_of(self.units)

    @cached_property
    def free(self) -> tuple[Unit, ...]:
        """The units that are not wholly forced: what there is to decide."""
        return tuple(unit for unit in self.units if not self.forced.issuperset(unit.nodes))


def nodes_of(units: Iterable[Unit]) -> frozenset[str]:
    """The nodes of ``units``."""
    return frozenset(node for unit in units for node in unit.nodes)


def single(problem: Problem, names: Collection[str]) -> list[Unit]:
    """Those of ``names`` that may be searched, in topological order, as units of one node and those tied to it."""
    free = [node for unit in problem.free for node in unit.nodes if node in names and node not in problem.forced]
    parts = dict.fromkeys(problem.whole([node]) for node in free)
    return [Unit(i, tuple(sorted(part)), math.fsum(map(problem.price, part))) for i, part in enumerate(parts)]


def _crosses(edge: Edge, kept: frozenset[str]) -> bool:
    from_high = edge.producer is None or edge.producer in kept
    return any((consumer is None or consumer in kept) != from_high for consumer in edge.consumers)
