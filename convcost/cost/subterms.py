"""Short names for the widths and sizes of a network that are no plain numbers: c1 = make_divisible(32·alpha, 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from convcost.network import Network
from convcost.symbolic import OPERATIONS, Formula, Value, symbol
from convcost.symbolic.expression import Atom

_CHANNELS, _SIZE, _OTHER = "c", "s", "f"


class Subterms:
    """Names for what is rounded in a network's widths and sizes, in the order of the layers: c1, c2, … and s1, s2, ….

    A size such as ⌊(r − 1)/2⌋ + 1 has a name as a whole, and its floor is one less than that. Other functions, which
    occur in costs only, are named f1, f2, … when they are first shown.

    Args:
        network: The network.
    """

    def __init__(self, network: Network) -> None:
        self._taken = set(network.free.symbols) if network.free is not None else set()
        self._counts: dict[str, int] = {}
        self._images: dict[Atom, Value] = {}  # what stands for each function
        self._definitions: dict[str, Value] = {}  # in other names
        self._shown: set[str] = set()
        for shape in (network.input_shape, *[layer.output_shape for layer in network.layers]):
            for axis, size in enumerate(shape):
                if isinstance(size, Formula):
                    self._name(size, _SIZE if axis else _CHANNELS)

    def shortened(self, number: Any) -> Any:
        """Return a number in which names stand for functions."""
        if not isinstance(number, Formula):
            return number
        self._name(number, _OTHER)
        found = number.replaced(self._images)
        if isinstance(found, Formula):
            self._shown |= set(found.symbols) & self._definitions.keys()
        return found

    def definitions(self) -> Iterator[tuple[str, Value]]:
        """Yield the names that were used, directly or in other definitions, with their definitions."""
        queue = list(self._shown)
        while queue:
            value = self._definitions[queue.pop()]
            new = set(value.symbols) & self._definitions.keys() - self._shown if isinstance(value, Formula) else set()
            self._shown |= new
            queue += new
        yield from ((name, value) for name, value in self._definitions.items() if name in self._shown)

    def _name(self, number: Formula, prefix: str) -> None:
        """Name the functions in a number that have no name, inner ones first."""
        for atom in number.atoms():
            if not atom.args or atom in self._images:
                continue
            value = OPERATIONS[atom.name](*[Formula(arg.terms, arg.under).replaced(self._images) for arg in atom.args])
            more = number - Formula({frozenset([(atom, 1)]): 1}, None)
            if isinstance(more, Formula):  # the number is no function with a constant added
                more = 0
            name = self._new(prefix)
            self._definitions[name] = value + more
            self._images[atom] = symbol(name, positive=False) - more

    def _new(self, prefix: str) -> str:
        while True:
            self._counts[prefix] = self._counts.get(prefix, 0) + 1
            name = f"{prefix}{self._counts[prefix]}"
            if name not in self._taken:
                return name
