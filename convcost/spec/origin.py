"""How a network was made: a spec, read once, and the values that its symbols were given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost.numbers import plain
from convcost.spec import Spec
from convcost.spec.source import read

if TYPE_CHECKING:
    from convcost.network.dtypes import Given as Dtypes

SpecLike = str | Path | Mapping[str, Any]
"""A path, the name of a shipped spec, `-` for standard input, or the spec itself as a mapping."""


class Origin(Struct, frozen=True):
    """A spec, read once, and the values that its symbols were given.

    Attributes:
        name: The spec as it was named; `<mapping>` for a mapping.
        reader: The spec.
        settings: The values of its symbols.
        free: The symbols that stay symbols; None where every symbol needs a value.
    """

    name: str
    reader: Spec
    settings: Mapping[str, Any] = {}
    free: tuple[str, ...] | None = None

    @classmethod
    def of(cls, spec: SpecLike, max_layers: int | None = None) -> Origin:
        """Read a spec.

        Args:
            spec: The spec.
            max_layers: How many layers its networks may have.

        Raises:
            SpecError: There is no such spec, or the mapping holds what no spec can.
            OptionError: `max_layers` is no whole number that may be allowed.
        """
        if isinstance(spec, Mapping):
            from convcost.spec.mapping import from_mapping  # not for what is read from files

            source = from_mapping(spec)
            return cls(source.file, Spec(source, plain(max_layers)))
        return cls(str(spec), Spec(read(spec), plain(max_layers)))

    def at(
        self, settings: Mapping[str, Any], free: Collection[str] | None = None, max_layers: int | None = None
    ) -> Origin:
        """Return the same spec with more values, which go before those that it has.

        Args:
            settings: The values.
            free: The symbols that stay symbols; without, those that do already and get no value.
            max_layers: How many layers its networks may have; without, as many as now.
        """
        if free is None and self.free is not None:
            free = [name for name in self.free if name not in settings]
        reader = self.reader
        if max_layers is not None:
            reader = Spec(reader.source, plain(max_layers), reader.dtype, reader.lists)
        values = {**self.settings, **{name: plain(value) for name, value in settings.items()}}
        return Origin(self.name, reader, values, None if free is None else tuple(free))

    def typed(self, dtype: Dtypes) -> Origin:
        """Return the same spec with other types of numbers.

        Raises:
            OptionError: There is no such type.
        """
        return Origin(self.name, self.reader.typed(dtype), self.settings, self.free)

    def with_elements(self, settings: Mapping[str, Any]) -> tuple[Origin, dict[str, Any]]:
        """Return the same spec with the elements of lists that settings name as symbols, and their names of one form.

        Raises:
            OptionError: There is no such element, or its list is set too.
        """
        from convcost.spec.elements import check, element, name_of

        named = {name: found for name in settings if (found := element(name)) is not None}
        if not named:
            return self, dict(settings)
        check(self.reader.check((), "--set"), named, {*self.settings, *settings})
        reader = self.reader.with_elements(tuple(dict.fromkeys(symbol for symbol, _ in named.values())))
        values = {name_of(*named[name]) if name in named else name: value for name, value in settings.items()}
        return Origin(self.name, reader, self.settings, self.free), values
