"""Records of the names that expressions read and of the blocks that items use, to find those that nothing does."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager


class Reads:
    """The symbols, parameters and blocks that are read.

    Attributes:
        symbols: The names that are read and are no parameter where they stand.
        parameters: The parameters that are read, by their block.
        blocks: The blocks that items use.
    """

    def __init__(self) -> None:
        self.symbols: set[str] = set()
        self.parameters: dict[str, set[str]] = {}
        self.blocks: set[str] = set()
        self._block = ""
        self._hidden: frozenset[str] = frozenset()  # the symbols whose names parameters have here

    @contextmanager
    def within(self, block: str, parameters: Collection[str]) -> Iterator[None]:
        """Record what is read inside a block, where these parameters are seen."""
        self._block, self._hidden = block, frozenset(parameters)
        try:
            yield
        finally:
            self._block, self._hidden = "", frozenset()

    def add(self, names: frozenset[str]) -> None:
        """Record the names that an expression reads."""
        if inner := names & self._hidden:
            self.parameters.setdefault(self._block, set()).update(inner)
            names -= inner
        self.symbols |= names
