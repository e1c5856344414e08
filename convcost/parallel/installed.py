"""What is installed where a part is worked on: numbers of another version are not the numbers of this one."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from functools import cache
from importlib import import_module, resources
from importlib.resources.abc import Traversable

from msgspec import Struct


class Installed(Struct, frozen=True):
    """What is installed in one process.

    Attributes:
        convcost: The version of convcost.
        python: The version of Python, without its patch level, which changes no number.
        source: A digest of convcost's source: of two that call themselves the same version, one may be edited.
        plugins: The packages that add to convcost, with their versions.
    """

    convcost: str
    python: str
    source: str
    plugins: tuple[str, ...]

    def differences(self, other: Installed) -> str:
        """Describe how another process's installation differs from this one; an empty text where it does not."""
        if self.convcost != other.convcost:
            return f"convcost {other.convcost}, here {self.convcost}"
        if self.python != other.python:
            return f"Python {other.python}, here {self.python}"
        if self.plugins != other.plugins:
            return f"{_listed(other.plugins)}, here {_listed(self.plugins)}"
        return f"another source of convcost {other.convcost}" if self.source != other.source else ""


@cache
def installed() -> Installed:
    """Return the versions that are installed here."""
    from importlib.metadata import distributions

    plugins = sorted(
        {
            f"{package.name} {package.version}"
            for package in distributions()
            if any(point.group.startswith("convcost.") for point in package.entry_points)
        }
    )
    digest = hashlib.sha256()
    for name, text in _modules(resources.files("convcost"), ""):
        digest.update(f"{name} {len(text)}\n".encode() + text)
    # an import at the top would draw in what this may not see
    version = import_module("convcost").__version__
    python = ".".join(platform.python_version_tuple()[:2])
    return Installed(version, python, digest.hexdigest(), tuple(plugins))


def _modules(folder: Traversable, path: str) -> Iterator[tuple[str, bytes]]:
    """Yield the modules of a folder in the order of their names; the package may be a zip file."""
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        name = f"{path}/{each.name}"
        if each.name.endswith(".py"):
            yield name, each.read_bytes()
        elif each.name != "specs" and each.is_dir():
            yield from _modules(each, name)


def _listed(plugins: tuple[str, ...]) -> str:
    return " and ".join(plugins) or "no package that adds to convcost"
