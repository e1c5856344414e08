"""The bits of one layer's weights after each stage: pruned, their values shared, coded by Huffman.

Source: Han, Mao, Dally 2016, Deep Compression: Compressing deep neural networks with pruning, trained quantization and
Huffman coding, arXiv:1510.00149. Of n weights k are kept, f filler zeros are stored, w bits a weight and i a distance:

- pruned: (k + f) · (32 + i) bits; all kept without distances where nothing is pruned
- quantised, equation (1) with distances: (k + f) · (w + i) + 2**w · 32
- Huffman: the codes of k + f weights and of as many distances, + 2**w · 32

32 are the bits of a number that is not compressed.

The lengths of the codes themselves, a byte a symbol at most, are left out as in the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.compression import huffman
from convcost.compression.positions import distances, expected_distances, expected_fillers, kept_of, most_fillers
from convcost.network.compression import CompressionRule


class Bits(Struct, frozen=True):
    """A size in bits that is known, or that lies between two.

    Attributes:
        lower: The least.
        value: The size; that of uniformly random positions where it is not known.
        upper: The most.
    """

    lower: Any
    value: Any
    upper: Any

    def __add__(self, other: Bits) -> Bits:
        return Bits(self.lower + other.lower, self.value + other.value, self.upper + other.upper)

    @property
    def exact(self) -> bool:
        """Whether it is known."""
        return bool(self.lower == self.upper)


class Observed(Struct, frozen=True):
    """What is known of a layer's weights from a file.

    Attributes:
        kept: How many are not zero.
        values: How often each value other than zero occurs; None where there are more than codes.
        distances: How often each distance is stored; None where none are.
        fillers: How many of them belong to filler zeros.
    """

    kept: int
    values: dict[int, int] | None = None
    distances: dict[int, int] | None = None
    fillers: int = 0


class LayerSizes(Struct, frozen=True):
    """The sizes of a layer's weights.

    Attributes:
        weights: How many there are.
        kept: How many pruning keeps.
        fillers: How many filler zeros are stored.
        original: Its bits uncompressed.
        pruned: Its bits once pruned.
        quantised: Its bits with shared values.
        coded: Its bits with Huffman codes.
    """

    weights: int
    kept: int
    fillers: Bits
    original: Bits
    pruned: Bits
    quantised: Bits
    coded: Bits

    @property
    def stages(self) -> tuple[Bits, ...]:
        """The sizes in the order of the stages."""
        return self.original, self.pruned, self.quantised, self.coded


def observed(values: Iterable[Any], rule: CompressionRule) -> Observed:
    """Return the statistics of weights: the positions of zeros and the frequencies of values."""
    most = 1 << (rule.weight_bits or 0)
    codes: dict[Any, int] = {}
    count = 0

    def positions() -> Iterator[int]:
        nonlocal count
        for position, value in enumerate(values):
            if value:
                count += 1
                if len(codes) <= most:
                    codes[value] = codes.get(value, 0) + 1
                yield position

    found, fillers = distances(positions(), rule.index_bits or 1)
    counts = dict(enumerate(codes.values())) if len(codes) <= most else None
    return Observed(count, counts, found, fillers)


def sizes(weights: int, rule: CompressionRule, known: Observed | None = None, number_bits: int = 32) -> LayerSizes:
    """Return the sizes of a layer's weights.

    Args:
        weights: How many there are.
        rule: What is done with them.
        known: What a file says of them.
        number_bits: The bits of a number that is not compressed.
    """
    density = Fraction(1) if rule.density is None else rule.density
    kept = kept_of(weights, density) if known is None else known.kept
    whole = kept == weights or rule.index_bits is None
    index_bits = 0 if whole else rule.index_bits or 0
    fillers = Bits(0, 0, 0) if whole else _fillers(weights, kept, index_bits, rule, known)
    stored = Bits(kept + fillers.lower, kept + fillers.value, kept + fillers.upper)
    original = _exactly(weights * number_bits)
    pruned = _times(stored, number_bits + index_bits)
    if rule.weight_bits is None:
        codebook, value_bits = 0, number_bits
    else:
        codebook, value_bits = number_bits << rule.weight_bits, rule.weight_bits
    quantised = _times(stored, value_bits + index_bits) + _exactly(codebook)
    coded = _coded_values(stored, fillers, value_bits, rule, known)
    coded += _coded_distances(weights, kept, stored, index_bits, rule, known)
    return LayerSizes(weights, kept, fillers, original, pruned, quantised, coded + _exactly(codebook))


def _exactly(bits: Any) -> Bits:
    return Bits(bits, bits, bits)


def _times(stored: Bits, bits: Any) -> Bits:
    return Bits(stored.lower * bits, stored.value * bits, stored.upper * bits)


def _fillers(weights: int, kept: int, index_bits: int, rule: CompressionRule, known: Observed | None) -> Bits:
    if known is not None:
        return _exactly(known.fillers)
    if rule.index_histogram is not None and _is_counts(rule.index_histogram):
        return _exactly(int(sum(rule.index_histogram)) - kept)
    return Bits(0, round(expected_fillers(weights, kept, index_bits)), most_fillers(weights, kept, index_bits))


def _is_counts(histogram: Sequence[Fraction]) -> bool:
    return sum(histogram) != 1


def _coded_values(stored: Bits, fillers: Bits, value_bits: int, rule: CompressionRule, known: Observed | None) -> Bits:
    """Return the bits of the codes of all weights, filler zeros included."""
    if rule.weight_bits is None or not stored.upper:
        return _times(stored, value_bits)
    if rule.weight_code_bits is not None:
        return _times(stored, rule.weight_code_bits)
    counts: dict[int, Any] | None = None
    if rule.weight_histogram is not None:
        scale = 1 if _is_counts(rule.weight_histogram) else stored.value - fillers.value
        counts = {code: number * scale for code, number in enumerate(rule.weight_histogram)}
    elif known is not None:
        counts = dict(known.values) if known.values is not None else None
    if counts is None:
        return Bits(stored.lower, stored.value * value_bits, stored.upper * value_bits)
    if not fillers.exact:
        numbers = (fillers.lower, fillers.value, fillers.upper)
        return Bits(*[huffman.stream_bits({**counts, -1: number}) for number in numbers])
    return _exactly(huffman.stream_bits({**counts, -1: fillers.value}))


def _coded_distances(
    weights: int, kept: int, stored: Bits, index_bits: int, rule: CompressionRule, known: Observed | None
) -> Bits:
    """Return the bits of the codes of all distances."""
    if not index_bits or not stored.upper:
        return _exactly(0)
    if rule.index_code_bits is not None:
        return _times(stored, rule.index_code_bits)
    if known is not None and known.distances is not None:
        return _exactly(huffman.stream_bits(known.distances))
    if rule.index_histogram is not None:
        counts: dict[int, Any] = dict(enumerate(rule.index_histogram, 1))
        bits = huffman.stream_bits(counts)
        return _exactly(bits) if _is_counts(rule.index_histogram) else _times(stored, bits)
    expected = huffman.stream_bits(expected_distances(weights, kept, index_bits))
    return Bits(stored.lower, round(expected), stored.upper * index_bits)
