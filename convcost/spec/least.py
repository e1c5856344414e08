"""How many layers a document has at least, before anything is unrolled."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from convcost.spec.arithmetic import ExpressionError
from convcost.spec.document import Block, Given, Item
from convcost.spec.expressions import Expression, Unknown

DEEPEST = 100
"""How deep blocks and branches may nest."""


class LeastLayers:
    """A lower bound of the layers that items unroll into; what cannot be known yet counts as none.

    Args:
        blocks: The document's blocks.
        symbols: The values of its symbols.
    """

    def __init__(self, blocks: Mapping[str, Block], symbols: Mapping[str, Any]) -> None:
        self._blocks = blocks
        self._symbols = symbols
        self._of_blocks: dict[str, int] = {}

    def of(self, items: list[Item], depth: int = 0, hidden: Collection[str] = ()) -> int:
        """Return how many layers items unroll into at least.

        Args:
            items: The items.
            depth: How deep they stand.
            hidden: The symbols that have other values here.
        """
        total = 0
        for item in items:
            times = 1 if item.repeat is None else self.constant(item.repeat.times, hidden)
            if item.condition is not None or type(times) is not int or depth > DEEPEST:
                continue
            if item.type in self._blocks:
                total += times * self._of_block(item.type, depth + 1)
            else:
                inner = [self.of(branch.items, depth + 1, hidden) for branch in item.branches or ()]
                total += times * (1 + sum(inner))
        return total

    def _of_block(self, name: str, depth: int) -> int:
        if name not in self._of_blocks:
            block = self._blocks[name]
            self._of_blocks[name] = self.of(block.items, depth, block.parameters)
        return self._of_blocks[name]

    def constant(self, given: Given, hidden: Collection[str] = ()) -> Any:
        """Return a value that depends on no more than symbols with values and is not hidden; None for another."""
        value = given.value
        if value.__class__ is not Expression:
            return value
        symbols = {name: self._symbols.get(name) for name in value.names}
        if value.values or any(name in hidden or type(each) not in (int, Fraction) for name, each in symbols.items()):
            return None
        try:
            return value.value(symbols)
        except (ExpressionError, Unknown):
            return None
