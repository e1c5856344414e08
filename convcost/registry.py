"""One kind of registry: what has a name and can be added to, by convcost itself or by a package installed beside it.

Built-in entries are known without importing them or, where defining them registers them, from the start. Entry points
of installed packages are read only when a name is unknown or all names are asked for, since finding them is slow.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class DuplicateError(TypeError):
    """Two entries of a registry have the same name."""


class PluginWarning(UserWarning):
    """An entry of a package installed beside convcost cannot be used."""


class Registry(Mapping[str, T], Generic[T]):
    """Entries by name.

    Args:
        kind: What an entry is, for messages, such as `layer type`.
        group: The group of entry points by which other packages add entries, such as `convcost.layers`. The name of an
            entry point is the name of the entry, its object the entry.
        lazy: Where built-in entries are found, as `module:attribute`; each is imported when it is looked up.

    >>> sizes = Registry("size", "convcost.doctest", {"byte": "struct:calcsize"})
    >>> list(sizes), sizes["byte"]("b")
    (['byte'], 1)
    """

    def __init__(self, kind: str, group: str, lazy: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, T] = {}
        self._lazy = dict(lazy or {})
        self._plugins: dict[str, Any] | None = None  # entry points that wait to be loaded, once they were looked for

    def add(self, name: str, entry: T) -> None:
        """Add an entry.

        Raises:
            DuplicateError: There is one of this name; the message names both places.
        """
        if name in self._entries or name in self._lazy:
            first = place_of(self._entries[name]) if name in self._entries else self._lazy[name]
            raise DuplicateError(f"{self.kind} {name!r} is defined twice: in {first} and {place_of(entry)}")
        self._entries[name] = entry

    def built_in(self) -> list[str]:
        """Return the names that are known without looking for other packages."""
        return [*self._lazy, *(name for name in self._entries if name not in self._lazy)]

    def __getitem__(self, name: str) -> T:
        try:
            return self._entries[name]
        except KeyError:
            pass
        if name in self._lazy:
            module, _, attribute = self._lazy[name].partition(":")
            entry: T = getattr(import_module(module), attribute)
            self._entries[name] = entry
            return entry
        return self._plugin(name)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._lazy or (isinstance(name, str) and name in self._found())

    def __iter__(self) -> Iterator[str]:
        names = self.built_in()
        return iter([*names, *(name for name in self._found() if name not in names)])

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _found(self) -> Mapping[str, Any]:
        """Return the entry points of other packages; those whose name is taken are reported and left out."""
        if self._plugins is None:
            from importlib.metadata import entry_points

            self._plugins = {}
            for point in entry_points(group=self.group):
                first = self._taken_by(point.name)
                if first:
                    message = f"{self.kind} {point.name!r} is defined twice: in {first} and {point.value}"
                    warnings.warn(f"{message}; the first is used", PluginWarning, stacklevel=2)
                else:
                    self._plugins[point.name] = point
        return self._plugins

    def _taken_by(self, name: str) -> str:
        """Return where an entry of this name is defined; nothing where none is."""
        if name in self._entries:
            return place_of(self._entries[name])
        assert self._plugins is not None
        return self._lazy.get(name) or (self._plugins[name].value if name in self._plugins else "")

    def _plugin(self, name: str) -> T:
        """Load an entry of another package.

        Raises:
            KeyError: There is none of this name.
            ImportError: It cannot be loaded.
        """
        point = self._found()[name]
        try:
            entry = point.load()
        except Exception as error:
            message = f"{self.kind} {name!r} of the package {point.dist.name if point.dist else point.value!r}"
            raise ImportError(f"{message} cannot be loaded: {type(error).__name__}: {error}") from error
        self._entries.setdefault(name, entry)  # importing it may have added it
        return self._entries[name]


def place_of(entry: Any) -> str:
    """Return where a class or function is defined: its file, and its line where that is known without reading it.

    Another entry, such as a metric, has a `defined_by`: its function.
    """
    entry = getattr(entry, "defined_by", entry)
    code = getattr(entry, "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    module = sys.modules.get(getattr(entry, "__module__", ""))
    return str(getattr(module, "__file__", None) or getattr(entry, "__module__", "an unknown place"))
