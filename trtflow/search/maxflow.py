"""Maximum flow by Dinic's algorithm: a level graph by breadth, blocking flow by depth, until the sink is cut off.

O(V²·E) in the worst case; milliseconds on the graphs of a model (a few arcs per tensor).
"""

from __future__ import annotations

import math
from collections import deque

EPSILON = 1e-12  # below this a residual capacity is rounding, not capacity


class Network:
    """A directed graph with capacities. Vertices are numbered by ``vertex``; 0 is the source, 1 the sink."""

    source, sink = 0, 1

    def __init__(self) -> None:
        self._arcs: list[list[int]] = [[], []]
        self._head: list[int] = []
        self._room: list[float] = []

    def vertex(self) -> int:
        """Add a vertex and return its number."""
        self._arcs.append([])
        return len(self._arcs) - 1

    def arc(self, tail: int, head: int, capacity: float) -> None:
        """Add an arc. Parallel arcs add up."""
        for start, end, room in ((tail, head, capacity), (head, tail, 0.0)):
            self._arcs[start].append(len(self._head))
            self._head.append(end)
            self._room.append(room)

    def cut(self) -> set[int]:
        """The vertices on the source's side of a minimum cut: the smallest such side."""
        while self.sink in (level := self._levels()):
            upcoming = [0] * len(self._arcs)
            while self._push(level, upcoming):
                pass
        return set(level)

    def _levels(self) -> dict[int, int]:
        level, queue = {self.source: 0}, deque([self.source])
        while queue:
            vertex = queue.popleft()
            for arc in self._arcs[vertex]:
                if self._room[arc] > EPSILON and self._head[arc] not in level:
                    level[self._head[arc]] = level[vertex] + 1
                    queue.append(self._head[arc])
        return level

    def _push(self, level: dict[int, int], upcoming: list[int]) -> bool:
        """Send flow along one path of the level graph; ``upcoming`` remembers which arcs are used up."""
        path: list[int] = []
        vertex = self.source
        while vertex != self.sink:
            arc = self._next_arc(vertex, level, upcoming)
            if arc is not None:
                path.append(arc)
                vertex = self._head[arc]
            elif not path:
                return False
            else:
                vertex = self._head[path.pop() ^ 1]
                upcoming[vertex] += 1
        flow = min((self._room[arc] for arc in path), default=math.inf)
        for arc in path:
            self._room[arc] -= flow
            self._room[arc ^ 1] += flow
        return True

    def _next_arc(self, vertex: int, level: dict[int, int], upcoming: list[int]) -> int | None:
        arcs = self._arcs[vertex]
        while upcoming[vertex] < len(arcs):
            arc = arcs[upcoming[vertex]]
            if self._room[arc] > EPSILON and level.get(self._head[arc]) == level[vertex] + 1:
                return arc
            upcoming[vertex] += 1
        return None
