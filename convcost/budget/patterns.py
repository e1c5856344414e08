"""Which specs a configuration means by a path or a pattern such as `nets/*.yaml`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from glob import glob
from pathlib import Path

from convcost.spec.source import shipped


def matched(folder: Path, pattern: str) -> tuple[str, ...]:
    """Return the specs that a pattern means: files as paths from the current folder, or the name of a shipped one.

    `*` stands for any part of a name, `**` for any folders; neither for names that begin with a dot.

    Args:
        folder: The folder that the pattern starts from.
        pattern: The pattern.
    """
    names: list[str] = []
    with suppress(ValueError):  # no path has such characters
        names = sorted(glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207 -- pathlib would enter .venv
    files = tuple([os.path.normpath(folder / name) for name in names if (folder / name).is_file()])
    return files or ((pattern,) if pattern in shipped() else ())


def outside(folder: Path, pattern: str, files: Iterable[str]) -> str:
    """Return what leads out of a folder: a pattern, or a link among the files that it matches; nothing if none does."""
    path = Path(os.path.normpath(pattern))
    if path.is_absolute() or path.parts[:1] == ("..",):
        return pattern
    top = folder.resolve()
    links = (file for file in files if Path(file).is_file() and not Path(file).resolve().is_relative_to(top))
    return next(links, "")


def near(folder: Path, path: str) -> list[str]:
    """Return the specs beside a path that is not there, and the shipped ones."""
    files: list[str] = []
    with suppress(OSError, ValueError):  # a folder that cannot be
        files = [each.relative_to(folder).as_posix() for each in (folder / path).parent.glob("*.y*ml")]
    return [*files, *shipped()]


def identity(spec: str) -> str:
    """Return what two names of one spec have in common: the file's real path, or the name of a shipped spec."""
    return os.path.realpath(spec) if os.path.lexists(spec) else spec
