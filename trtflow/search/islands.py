"""The cheapest plan around nodes that must be high: two slivers may cost more in casts than the island they bound.

A choice between two precisions with a price per high node and per tensor that is cast is a binary submodular
energy, whose exact minimum is a minimum cut (Kolmogorov and Zabih, 2004). High nodes are on the source's side:

1. ``node → sink`` carries the price of a high node; ``source → node`` is infinite for one that must be high,
   ``node → sink`` for one that must be low.
2. A low producer with a high consumer pays once, however many: ``consumer → any`` infinite, ``any → producer``
   the price of the cast.
3. A high producer with a low consumer pays once: ``producer → all`` the price of the cast, ``all → consumer``
   infinite.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from trtflow.search.maxflow import Network
from trtflow.search.problem import Edge, Problem


def cheapest(problem: Problem, high: Collection[str], low: Collection[str] = ()) -> frozenset[str]:
    """The cheapest set of high nodes that contains ``high`` and the forced nodes and none of ``low``.

    Of several, the smallest. ``low`` must not contain any of ``high``.
    """
    pinned = problem.forced.union(high)
    if not problem.edges:
        return pinned
    network = Network()
    nodes = sorted(problem.nodes | pinned)
    vertices: dict[str | None, int] = {None: Network.source, **{node: network.vertex() for node in nodes}}
    for node in nodes:
        network.arc(vertices[node], Network.sink, math.inf if node in low else problem.price(node))
        if node in pinned:
            network.arc(Network.source, vertices[node], math.inf)
    for edge in problem.edges:
        _cast(network, vertices, edge)
    side = network.cut()
    return frozenset(node for node in nodes if vertices[node] in side)


def _cast(network: Network, vertices: dict[str | None, int], edge: Edge) -> None:
    known = [vertices.get(consumer, Network.sink) for consumer in edge.consumers]
    producer = vertices.get(edge.producer, Network.sink)
    some, every = network.vertex(), network.vertex()
    network.arc(some, producer, edge.cost)
    network.arc(producer, every, edge.cost)
    for consumer in known:
        network.arc(consumer, some, math.inf)
        network.arc(every, consumer, math.inf)
