"""The cheapest plan around nodes that must be high: two slivers may cost more in casts than the island they bound.

A choice between two precisions with a price per high node and per tensor that is cast is a binary submodular
energy, whose exact minimum is a minimum cut (Kolmogorov and Zabih, 2004). High nodes are on the source's side:

1. ``node → sink`` carries the price of a high node; ``source → node`` is infinite for one that must be high,
   ``node → sink`` for one that must be low.
2. A low producer with a high consumer pays once, however many: ``consumer → any`` infinite, ``any → producer``
   the price of the cast.
3. A high producer with a low consumer pays once: ``producer → all`` the price of the cast, ``all → consumer``
   infinite.
4. Nodes that share a penalty for being low, any of them: ``source → all`` the penalty, ``all → node`` infinite.
5. Nodes that are tied: infinite both ways.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from trtflow.search.maxflow import Network
from trtflow.search.problem import Edge, Problem

Penalties = Mapping[tuple[str, ...], float]


def cheapest(
    problem: Problem, high: Iterable[str], low: Collection[str] = (), penalties: Penalties | None = None
) -> frozenset[str]:
    """The cheapest set of high nodes that contains ``high`` and the forced nodes and none of ``low``.

    Of several, the smallest. ``low`` must not contain any of ``high``. ``penalties``: nodes → what the set costs
    more unless it contains all of them.
    """
    pinned = problem.forced.union(high)
    network = Network()
    nodes = sorted(problem.nodes | pinned)
    vertices: dict[str | None, int] = {None: Network.source, **{node: network.vertex() for node in nodes}}
    for node in nodes:
        network.arc(vertices[node], Network.sink, math.inf if node in low else problem.price(node))
        if node in pinned:
            network.arc(Network.source, vertices[node], math.inf)
    for edge in problem.edges:
        _cast(network, vertices, edge)
    for group in problem.tied:
        _tie(network, [vertices[node] for node in group if node in vertices])
    for together, penalty in (penalties or {}).items():
        _penalise(network, [vertices[node] for node in together], penalty)
    side = network.cut()
    return frozenset(node for node in nodes if vertices[node] in side)


def _tie(network: Network, group: Sequence[int]) -> None:
    for one, other in pairwise([*group, group[0]] if group else []):
        network.arc(one, other, math.inf)


def _penalise(network: Network, together: Iterable[int], penalty: float) -> None:
    every = network.vertex()
    network.arc(Network.source, every, penalty)
    for vertex in together:
        network.arc(every, vertex, math.inf)


def _cast(network: Network, vertices: dict[str | None, int], edge: Edge) -> None:
    known = [vertices.get(consumer, Network.sink) for consumer in edge.consumers]
    producer = vertices.get(edge.producer, Network.sink)
    some, every = network.vertex(), network.vertex()
    network.arc(some, producer, edge.cost)
    network.arc(producer, every, edge.cost)
    for consumer in known:
        network.arc(consumer, some, math.inf)
        network.arc(every, consumer, math.inf)
