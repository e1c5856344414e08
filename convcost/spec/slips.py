"""Keys of an item that stand at another depth than they are meant for."""

from __future__ import annotations

from collections.abc import Iterable

from convcost.layers import REGISTRY
from convcost.spec.document import BRANCHES, EACH, EACH_KEYS, ITEM_KEYS, RESIDUAL_KEYS
from convcost.spec.fields import Fields, allowed
from convcost.spec.tree import Mapping, Node, Scalar

Entries = dict[str, tuple[Scalar, Node]]


class Slips:
    """Reports misplaced keys, and puts them where they are meant, so that nothing follows from it.

    Args:
        fields: What layers and blocks may be given.
    """

    def __init__(self, fields: Fields) -> None:
        self.parameters = fields.parameters
        self.errors = fields.values.errors

    def fields_of(self, type: str) -> list[str]:
        """Return the names of what may stand under an item's type, but for words that may stand beside it."""
        return [name for name in self._given_to(type) if name not in ITEM_KEYS]

    def _given_to(self, type: str) -> Iterable[str]:
        if type in self.parameters:
            return self.parameters[type] or ()
        if type in REGISTRY:
            return [*allowed(REGISTRY[type]), *([BRANCHES] if REGISTRY[type].merges() else [])]
        return EACH_KEYS if type == EACH else RESIDUAL_KEYS

    def indented(self, type: str, node: Mapping, value: Node, where: str) -> Node:
        """Report fields that stand beside their type, and return them as a mapping; the value itself without any."""
        known = self.fields_of(type)
        fields = {key: entry for key, entry in node.entries.items() if key in known}
        if not fields:
            return value
        first = next(iter(fields.values()))[0]
        form = ", ".join(f"{name}: …" for name in fields)
        help = f"indent {'it' if len(fields) == 1 else 'them'} further than {type}, or {type}: {{{form}}}"
        message = f"what is given to {type} stands under it, not beside it"
        self.errors.add(message, first, path=where, found=", ".join(fields), help=help)
        return Mapping(fields, first.line, first.column, node.broken)

    def moved_out(self, type: str, entries: Entries, value: Mapping, where: str) -> tuple[Entries, Mapping]:
        """Report keys of the item that stand under its type, and return both as they are meant."""
        if type in REGISTRY and type not in self.parameters and REGISTRY[type].gathers:
            return entries, value
        known = {*self._given_to(type)}
        inside = {key: entry for key, entry in value.entries.items() if key in ITEM_KEYS and key not in known}
        for key, (at, _) in inside.items():
            message = f"{key} stands beside {type}, not under it"
            help = f"in a line of its own, at the depth of {type}"
            self.errors.add(message, at, path=where, help=help)
        kept = {key: entry for key, entry in value.entries.items() if key not in inside}
        return inside | entries, Mapping(kept, value.line, value.column, value.broken)
