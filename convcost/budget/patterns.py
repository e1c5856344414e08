"""Which specs a configuration means by a path or a pattern such as `nets/*.yaml`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fnmatch import translate
from pathlib import Path

from convcost.files import is_gits
from convcost.spec.source import shipped

_WILD = frozenset("*?[")
_FOLDERS = "**"


def matched(folder: Path, pattern: str) -> tuple[str, ...]:
    """Return the specs that a pattern means: files as paths from the current folder, or the name of a shipped one.

    `*` stands for any part of a name, `**` for any folders; neither for names that begin with a dot, and neither enters
    a folder that is a link: two links to `.` would lead to it by endlessly many paths.

    Args:
        folder: The folder that the pattern starts from.
        pattern: The pattern.

    Raises:
        Outside: It leads out of the folder, or a link on its way does.
    """
    path = Path(os.path.normpath(pattern))
    if path.is_absolute() or path.parts[:1] == (os.pardir,) or is_gits(path):
        raise Outside(pattern)
    top = Path(os.path.realpath(folder))  # `resolve` fails for a link to itself, until Python 3.13
    found: dict[str, None] = {"": None}  # paths, each once, however many ways lead to it
    for index, part in enumerate(path.parts, 1):
        found = dict.fromkeys(_step(folder, found, part, last=index == len(path.parts)))
        for name in found:
            _check_inside(top, folder, name)
    names = sorted(name for name in found if name and (folder / name).is_file())
    files = tuple([os.path.normpath(folder / name) for name in names])
    return files or ((pattern,) if pattern in shipped() else ())


class Outside(Exception):
    """A pattern leads out of the folder; the argument is what does."""


def _step(folder: Path, starts: Iterable[str], part: str, *, last: bool) -> Iterator[str]:
    """Yield the paths that a part of a pattern leads to from others."""
    if part == _FOLDERS:
        yield from _below(folder, starts, files=last)
        return
    matches = None if _WILD.isdisjoint(part) else re.compile(translate(part)).match
    for start in starts:
        if matches is None:
            name = os.path.join(start, part)  # noqa: PTH118 -- `start` may be empty
            with suppress(ValueError):  # no path has such characters
                if os.path.lexists(folder / name):
                    yield name
            continue
        for entry in _entries(folder, start, hidden=part.startswith(".")):
            if matches(os.path.normcase(entry.name)) and (last or entry.is_dir(follow_symlinks=False)):
                yield os.path.join(start, entry.name)  # noqa: PTH118


def _below(folder: Path, starts: Iterable[str], *, files: bool) -> Iterator[str]:
    """Yield folders and all that are in them, each once, and on demand their files."""
    waiting, seen = [*starts], set[str]()
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        yield here
        for entry in _entries(folder, here):
            name = os.path.join(here, entry.name)  # noqa: PTH118
            if entry.is_dir(follow_symlinks=False):
                waiting.append(name)
            elif files:
                yield name


def _entries(folder: Path, name: str, *, hidden: bool = False) -> list[os.DirEntry[str]]:
    """Return the entries of a folder; none where it cannot be read."""
    with suppress(OSError), os.scandir(folder / name) as entries:
        return [entry for entry in entries if hidden or not entry.name.startswith(".")]
    return []


def _check_inside(top: Path, folder: Path, name: str) -> None:
    """Check that a path does not lead out of a folder, nor into the folder `.git`.

    Raises:
        Outside: It does.
    """
    path = folder / name
    if is_gits(name) or (path.is_symlink() and _is_outside(top, Path(os.path.realpath(path)))):
        raise Outside(os.path.normpath(path))


def _is_outside(top: Path, target: Path) -> bool:
    return not target.is_relative_to(top) or is_gits(target.relative_to(top))


def near(folder: Path, path: str) -> list[str]:
    """Return the specs beside a path that is not there, and the shipped ones."""
    files: list[str] = []
    with suppress(OSError, ValueError):  # a folder that cannot be
        files = [each.relative_to(folder).as_posix() for each in (folder / path).parent.glob("*.y*ml")]
    return [*files, *shipped()]


def identity(spec: str) -> str:
    """Return the identity of a spec: the file's real path, or the name of a shipped spec."""
    return os.path.realpath(spec) if os.path.lexists(spec) else spec


def identity_in(folder: Path, spec: str) -> str:
    """Return the identity of a spec that is named by its path from a folder, or by its name."""
    path = os.path.normpath(folder / spec)
    return os.path.realpath(path) if os.path.lexists(path) else spec
