"""Which specs a configuration means by a path or a pattern such as `nets/*.yaml`."""

from __future__ import annotations

import os
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
    names = sorted(glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207 -- pathlib would enter .venv
    files = tuple([os.path.normpath(folder / name) for name in names if (folder / name).is_file()])
    return files or ((pattern,) if pattern in shipped() else ())


def leads_outside(folder: Path, pattern: str) -> bool:
    """Return whether a pattern, or a link that it matches, leads out of a folder."""
    path = Path(os.path.normpath(pattern))
    if path.is_absolute() or path.parts[:1] == ("..",):
        return True
    top = folder.resolve()
    files = [each for name in matched(folder, pattern) if (each := Path(name)).is_file()]
    return not all(file.resolve().is_relative_to(top) for file in files)


def near(folder: Path, path: str) -> list[str]:
    """Return the specs beside a path that is not there, and the shipped ones."""
    beside = (folder / path).parent
    files = [each.relative_to(folder).as_posix() for each in beside.glob("*.y*ml")] if beside.is_dir() else []
    return [*files, *shipped()]


def identity(spec: str) -> str:
    """Return what two names of one spec have in common: the file's real path, or the name of a shipped spec."""
    return os.path.realpath(spec) if os.path.lexists(spec) else spec
