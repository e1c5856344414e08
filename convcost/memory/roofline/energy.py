"""The least energy of operations and of bytes that move, in picojoules, in one process technology.

Source: M. Horowitz, Computing's energy problem (and what we can do about it), ISSCC 2014, figure 1.1.9: 45 nm, 0.9 V.
"""

from __future__ import annotations

from fractions import Fraction

from msgspec import Struct

SOURCE = "Horowitz 2014, Computing's energy problem (ISSCC), 45 nm, 0.9 V"


class OperationEnergy(Struct, frozen=True):
    """What an operation on numbers of some type takes.

    Attributes:
        multiplication: Picojoules.
        addition: Picojoules; products of integers are added up in 32 bits.
    """

    multiplication: Fraction
    addition: Fraction


ENERGY = {
    "float32": OperationEnergy(Fraction("3.7"), Fraction("0.9")),
    "float16": OperationEnergy(Fraction("1.1"), Fraction("0.4")),
    "int32": OperationEnergy(Fraction("3.1"), Fraction("0.1")),
    "int8": OperationEnergy(Fraction("0.2"), Fraction("0.1")),
}
"""By the type of the numbers; the figure has no others."""

PER_BYTE = Fraction(1300, 8)
"""Picojoules to move a byte between a chip and its DRAM: 1.3 to 2.6 nJ for 64 bits, of which this is the least."""
