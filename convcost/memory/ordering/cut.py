"""The minimum cut of a directed graph, by the shortest augmenting paths of Dinic 1970."""

from __future__ import annotations

from collections import deque


class CutGraph:
    """A directed graph with capacities.

    Args:
        nodes: How many nodes it has, numbered from 0.
    """

    def __init__(self, nodes: int) -> None:
        self.edges: list[list[int]] = [[] for _ in range(nodes)]
        self.heads: list[int] = []
        self.room: list[int] = []

    def add(self, tail: int, head: int, capacity: int) -> None:
        """Add an edge."""
        self.edges[tail].append(len(self.heads))
        self.heads.append(head)
        self.room.append(capacity)
        self.edges[head].append(len(self.heads))
        self.heads.append(tail)
        self.room.append(0)

    def minimum(self, source: int, sink: int) -> tuple[int, set[int]]:
        """Return the capacity of the minimum cut, and the nodes on the side of the source."""
        flow = 0
        while True:
            levels = self._levels(source)
            if levels[sink] < 0:
                return flow, {node for node, level in enumerate(levels) if level >= 0}
            following = [0] * len(self.edges)
            while pushed := self._push(source, sink, levels, following):
                flow += pushed

    def _levels(self, source: int) -> list[int]:
        """Return how many edges each node is from the source; -1 where it is out of reach."""
        levels = [-1] * len(self.edges)
        levels[source] = 0
        queue = deque([source])
        while queue:
            node = queue.popleft()
            for edge in self.edges[node]:
                head = self.heads[edge]
                if self.room[edge] and levels[head] < 0:
                    levels[head] = levels[node] + 1
                    queue.append(head)
        return levels

    def _push(self, source: int, sink: int, levels: list[int], following: list[int]) -> int:
        """Push flow along one path to the sink, and return how much; 0 where there is none left."""
        path: list[int] = []
        node = source
        while node != sink:
            edges = self.edges[node]
            while following[node] < len(edges):
                edge = edges[following[node]]
                if self.room[edge] and levels[self.heads[edge]] == levels[node] + 1:
                    break
                following[node] += 1
            if following[node] < len(edges):
                path.append(edges[following[node]])
                node = self.heads[path[-1]]
            elif path:
                node = self.heads[path.pop() ^ 1]
                following[node] += 1
            else:
                return 0
        pushed = min(self.room[edge] for edge in path)
        for edge in path:
            self.room[edge] -= pushed
            self.room[edge ^ 1] += pushed
        return pushed
