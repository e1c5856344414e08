"""The registry of named entries, to which convcost itself and packages installed beside it add.

Built-in entries are known without importing them or, where defining them registers them, from the start. Entry points
of installed packages are read only when a name is unknown or all names are asked for, since finding them is slow.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any, Generic, TypeVar

from convcost.errors import ErrorDetail, PluginError

T = TypeVar("T")


class DuplicateError(TypeError):
    """Two entries of a registry have the same name."""


class PluginWarning(UserWarning):
    """An entry of a package installed beside convcost cannot be used."""


class Registry(Mapping[str, T], Generic[T]):
    """Entries by name.

    Going through all of them loads those of other packages; one that cannot be loaded is left out with a
    `PluginWarning`. Asked for by its name, it raises `PluginError`.

    Args:
        kind: What an entry is, for messages, such as `layer type`.
        group: The group of entry points by which other packages add entries, such as `convcost.layers`. The name of an
            entry point is the name of the entry, its object the entry.
        lazy: Where built-in entries are found, as `module:attribute`, or as a module that adds the entry when it is
            imported; each is imported when it is looked up.
        check: Returns the error in an entry of another package, given its name; an empty text where it can be used.

    >>> sizes = Registry("size", "convcost.doctest", {"byte": "struct:calcsize"})
    >>> list(sizes), sizes["byte"]("b")
    (['byte'], 1)
    """

    def __init__(
        self,
        kind: str,
        group: str,
        lazy: Mapping[str, str] | None = None,
        check: Callable[[str, Any], str] | None = None,
    ) -> None:
        self.kind = kind
        self.group = group
        self._entries: dict[str, T] = {}
        self._lazy = dict(lazy or {})
        self._check = check
        self._points: dict[str, Any] | None = None  # entry points of other packages, once they were looked for
        self._errors: dict[str, PluginError] = {}  # of those that were found to be of no use

    def add(self, name: str, entry: T) -> None:
        """Add an entry.

        Raises:
            DuplicateError: There is one of this name; the message names both places.
        """
        place = self._lazy.get(name, "")
        if name in self._entries or (place and place != getattr(entry, "__module__", "")):
            raise DuplicateError(
                f"{self.kind} {name!r} is defined twice: in {self._place_of(name)} and {place_of(entry)}"
            )
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
            imported = import_module(module)
            if attribute:
                self._entries[name] = getattr(imported, attribute)
            return self._entries[name]
        return self._plugin(name)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._lazy or (isinstance(name, str) and name in self._found())

    def __iter__(self) -> Iterator[str]:
        names = dict.fromkeys(self.built_in())
        for name in self._found():
            if name in names or name in self._errors:
                continue
            try:
                self._plugin(name)
            except PluginError as error:
                (detail,) = error.details
                warnings.warn(f"{detail.message}: {detail.found}", PluginWarning, stacklevel=2)
            else:
                names[name] = None
        return iter(names)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def _found(self) -> Mapping[str, Any]:
        """Return the entry points of other packages; those whose name is taken are reported and left out."""
        if self._points is None:
            points: dict[str, Any] = {}
            for point in _installed(self.group) if self.group else ():
                if point.name in points:
                    first = _described(points[point.name])
                elif point.name in self._lazy or point.name in self._entries:
                    first = "" if self._is(point) else self._value_of(point.name)
                else:
                    points[point.name] = point
                    continue
                if first:
                    both = f"in {first}, and in {_described(point)}"
                    warnings.warn(
                        f"{self.kind} {point.name!r} is defined twice: {both}; the first is used",
                        PluginWarning,
                        stacklevel=2,
                    )
            self._points = points
        return self._points

    def _is(self, point: Any) -> bool:
        """Return whether an entry point names an entry that an earlier import registered."""
        entry = self._entries.get(point.name)
        return (getattr(entry, "__module__", ""), getattr(entry, "__qualname__", "")) == (point.module, point.attr)

    def _value_of(self, name: str) -> str:
        """Return where an entry is defined, as `module:attribute`."""
        if ":" in self._lazy.get(name, ""):
            return self._lazy[name]
        entry = self[name]
        return f"{getattr(entry, '__module__', '?')}:{getattr(entry, '__qualname__', name)}"

    def _place_of(self, name: str) -> str:
        """Return where an entry is defined."""
        return self._lazy[name] if ":" in self._lazy.get(name, "") else place_of(self[name])

    def _plugin(self, name: str) -> T:
        """Load an entry of another package.

        Raises:
            KeyError: There is none of this name.
            PluginError: It cannot be loaded or used.
        """
        point = self._found()[name]
        if name in self._errors:
            raise self._errors[name]
        try:
            entry = point.load()
            wrong = self._check(name, entry) if self._check else ""
        except Exception as error:  # noqa: BLE001 -- another package's code may raise anything
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            package = _package_of(point)
            message = f"the {self.kind} {name!r} of the package {package} cannot be loaded"
            help = f"repair {package}, install what it needs, or uninstall it"
            self._errors[name] = PluginError(ErrorDetail(message, found=wrong, help=help))
            raise self._errors[name]
        self._entries.setdefault(name, entry)  # importing it may have added it
        return self._entries[name]


def _installed(group: str) -> Iterable[Any]:
    """Return a group's entry points, without those of packages that only lie in the working directory.

    `python -m` has Python look there first, and a pull request may have committed a `*.dist-info` there. Who puts it on
    the path, by `PYTHONPATH` or a `.pth` file, has its packages.
    """
    from importlib.metadata import distributions, entry_points

    with suppress(OSError, ValueError):  # there may be no working directory any more, or no path
        here = os.path.realpath(os.getcwd())  # noqa: PTH109 -- the path holds texts
        first, *rest = map(os.path.realpath, sys.path)
        if first == here and here not in rest:
            found = {package.name: package for package in [*distributions(path=sys.path[1:])][::-1]}  # the first wins
            return [point for package in found.values() for point in package.entry_points.select(group=group)]
    return entry_points(group=group)


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


def _described(point: Any) -> str:
    return f"the package {_package_of(point)}, {point.value}"


def _package_of(point: Any) -> str:
    name = point.dist.name if point.dist is not None else None
    return str(name or point.value)
