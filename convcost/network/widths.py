"""The types of numbers, and the bytes that values of each take."""

from __future__ import annotations

from typing import Any

BITS = {
    "float32": 32,
    "float64": 64,
    "bfloat16": 16,
    "float16": 16,
    "int64": 64,
    "int32": 32,
    "int16": 16,
    "int8": 8,
    "int4": 4,
    "int2": 2,
    "int1": 1,
}
"""How many bits a number of each type has."""


def bytes_of(values: Any, width: str) -> Any:
    """Return the bytes of a tensor of so many values; below 8 bits rounded up to whole bytes.

    >>> bytes_of(10, "float32"), bytes_of(3, "int4")
    (40, 2)
    """
    bits = BITS[width]
    return values * (bits // 8) if bits >= 8 else -(-values * bits // 8)


def bias_width(width: str) -> str:
    """Return the type of biases where a type is given for all numbers: integers are added up in 32 bits.

    >>> bias_width("int8"), bias_width("float16")
    ('int32', 'float16')
    """
    return "int32" if width.startswith("int") else width
