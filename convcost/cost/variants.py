"""The variants of a layer type, by the words of a field: those whose formulas are the same are shown once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace


def distinct(variants: Sequence[Any]) -> list[Any]:
    """Return the sheets of a type's variants; variants with the same formulas share one.

    Args:
        variants: A `Sheet` for each variant.
    """
    words: dict[str, list[str]] = {}
    for sheet in variants:
        words.setdefault(repr(replace(sheet, variant="", conditions=())), []).append(sheet.variant)
    firsts = {same[0]: "" if len(words) == 1 else ", ".join(same) for same in words.values()}
    return [replace(sheet, variant=firsts[sheet.variant]) for sheet in variants if sheet.variant in firsts]
