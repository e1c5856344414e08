"""Huffman codes: their lengths, canonical codes, and the stream that they make.

Source: D. A. Huffman 1952, A method for the construction of minimum-redundancy codes (Proceedings of the IRE 40.9).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
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


def canonical_codes(lengths: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Return the code and its length of each symbol: shorter ones first, equal ones by their symbols.

    >>> canonical_codes({1: 1, 2: 2, 3: 2})
    {1: (0, 1), 2: (2, 2), 3: (3, 2)}
    """
    codes = {}
    code = last = 0
    for symbol, length in sorted(lengths.items(), key=lambda pair: (pair[1], pair[0])):
        code <<= length - last
        codes[symbol] = (code, length)
        code, last = code + 1, length
    return codes


def encode(symbols: Iterable[int], codes: Mapping[int, tuple[int, int]]) -> tuple[bytes, int]:
    """Return the stream of symbols, the last byte filled up with zeros, and its bits."""
    stream = bytearray()
    pending = held = bits = 0
    for symbol in symbols:
        code, length = codes[symbol]
        pending = pending << length | code
        held += length
        bits += length
        while held >= 8:
            held -= 8
            stream.append(pending >> held & 255)
        pending &= (1 << held) - 1
    if held:
        stream.append(pending << 8 - held & 255)
    return bytes(stream), bits


def decode(stream: bytes, bits: int, codes: Mapping[int, tuple[int, int]]) -> Sequence[int]:
    """Return the symbols of a stream."""
    symbols = {(length, code): symbol for symbol, (code, length) in codes.items()}
    found = []
    code = length = 0
    for at in range(bits):
        code = code << 1 | stream[at >> 3] >> 7 - (at & 7) & 1
        length += 1
        if (length, code) in symbols:
            found.append(symbols[length, code])
            code = length = 0
    return found
