"""Huffman codes: their lengths, and how many bits the stream takes that they make.

Source: D. A. Huffman 1952, A method for the construction of minimum-redundancy codes (Proceedings of the IRE 40.9).
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from typing import Any


def code_lengths(weights: Mapping[int, Any]) -> dict[int, int]:
    """Return the length in bits of the code of each symbol that occurs; that of a single symbol is 1.

    Args:
        weights: How often each symbol occurs, as counts or shares.

    >>> code_lengths({1: 5, 2: 2, 3: 1, 4: 0})
    {1: 1, 2: 2, 3: 2}
    """
    found = [(weight, symbol) for symbol, weight in sorted(weights.items()) if weight]
    if len(found) == 1:
        return {found[0][1]: 1}
    heap = [(weight, node) for node, (weight, _) in enumerate(found)]
    heapq.heapify(heap)
    parents: list[int] = [0] * (2 * len(found))
    for node in range(len(found), 2 * len(found) - 1):
        (first, left), (second, right) = heapq.heappop(heap), heapq.heappop(heap)
        parents[left] = parents[right] = node
        heapq.heappush(heap, (first + second, node))
    depths = [0] * (2 * len(found))
    for node in range(2 * len(found) - 3, -1, -1):  # children come before their parents
        depths[node] = depths[parents[node]] + 1
    return {symbol: depths[node] for node, (_, symbol) in enumerate(found)}


def stream_bits(weights: Mapping[int, Any]) -> Any:
    """Return how many bits the codes of all symbols take together, each as often as it occurs."""
    lengths = code_lengths(weights)
    return sum(weights[symbol] * length for symbol, length in lengths.items())
