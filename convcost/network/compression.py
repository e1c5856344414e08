"""How the weights of a network's layers are compressed: what a spec, a file or an option says of it."""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct

MOST_BITS = {"weight_bits": 32, "index_bits": 16}
"""The largest numbers of bits: a table has an entry for each distance."""


class CompressionRule(Struct, frozen=True):
    """How the weights of some layers are compressed.

    Attributes:
        pattern: Which layers, by name.
        density: The share of the weights that pruning keeps.
        weight_bits: The bits of a weight's code: there are 2 to the power of it in the codebook.
        index_bits: The bits of the distance to the kept weight before.
        weight_code_bits: The bits of a Huffman code of a weight, on average.
        index_code_bits: The bits of a Huffman code of a distance, on average.
        weight_histogram: How often each code of a weight occurs, as counts or shares.
        index_histogram: How often each distance occurs, from 1 on, as counts or shares.
        file: The file that says it; an empty text where an option does.
        line: The line of its pattern, from 1; 0 where an option gave it.
        column: Its column.
    """

    pattern: str
    density: Fraction | None = None
    weight_bits: int | None = None
    index_bits: int | None = None
    weight_code_bits: Fraction | None = None
    index_code_bits: Fraction | None = None
    weight_histogram: tuple[Fraction, ...] | None = None
    index_histogram: tuple[Fraction, ...] | None = None
    file: str = ""
    line: int = 0
    column: int = 0


KEYS = {
    "density": "The share of the weights that pruning keeps: 8% or 0.08.",
    "weight_bits": "The bits of a weight's code; the codebook has 2**weight_bits numbers of 32 bits.",
    "index_bits": "The bits of the distance between kept weights; longer distances need filler zeros.",
    "weight_code_bits": "The bits of a weight's Huffman code on average.",
    "index_code_bits": "The bits of a distance's Huffman code on average.",
    "weight_histogram": "How often each code of a weight occurs: counts, or shares that sum to 1.",
    "index_histogram": "How often each distance occurs, from 1 on: counts, or shares that sum to 1.",
}
"""The keys of a rule, with what they are."""
