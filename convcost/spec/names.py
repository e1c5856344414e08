"""The names that items give to their outputs, and who sees them."""

from __future__ import annotations

from collections.abc import Iterable


class Names:
    """The names given in a list and the lists around it, up to the block; earlier items see no later ones."""

    __slots__ = ("around", "here")

    def __init__(self, here: Iterable[str] = (), around: Names | None = None) -> None:
        self.here: set[str] = set(here)
        self.around = around

    def __contains__(self, name: object) -> bool:
        names: Names | None = self
        while names is not None:
            if name in names.here:
                return True
            names = names.around
        return False
