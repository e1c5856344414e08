"""Specs found in folders, and the patterns by which a configuration names them."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from glob import escape
from pathlib import Path

from convcost import files
from convcost.budget import patterns
from convcost.budget.configuration import FILE
from convcost.errors import ErrorDetail, OptionError

SUFFIXES = (".yaml", ".yml")

_KEYS = [re.compile(rf"""(^|[{{,])\s*["']?{key}["']?\s*:""", re.M) for key in ("input", "layers")]


def specs_in(folder: str) -> list[str]:
    """Return the specs in a folder and below, the model files where there is none, as paths from the current folder.

    Args:
        folder: The folder.

    Raises:
        OptionError: There is none.
    """
    walked = list(_walked(folder))
    found = [path for here, names in walked for path in _specs_among(here, names)]
    found = found or [path for here, names in walked for path in _models_among(here, names)]
    if not found:
        help = "a spec is a YAML file with `input` and `layers`, or a model file such as net.onnx"
        raise OptionError(ErrorDetail("there is no spec to write budgets for", found=f"the folder {folder}", help=help))
    return sorted(found)


def _walked(folder: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a folder and those below, hidden ones apart, each with the names of its files."""
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield here, names


def looks_like_spec(path: str | Path) -> bool:
    """Return whether a file has the keys that each spec has; one with errors may look like a spec, too."""
    if Path(path).name == FILE:
        return False
    try:
        text = files.read(path, files.SPEC_BYTES, pipes=False).decode("utf-8-sig", "replace")
    except (files.RefusedFile, OSError):
        return False
    return all(key.search(text) for key in _KEYS)


def patterns_for(specs: Sequence[str]) -> list[str]:
    """Return patterns that name just these specs of the current folder and below, one for each folder where it can.

    So a file that is put into the folder later is one of the models, too.
    """
    named: dict[str, None] = {}
    for spec in specs:
        path = Path(os.path.relpath(spec))
        pattern = (Path(escape(str(path.parent))) / f"*{path.suffix}").as_posix()
        if {Path(each) for each in _named_by(pattern)} <= {Path(os.path.relpath(each)) for each in specs}:
            named[pattern] = None
        else:
            named[escape(path.as_posix())] = None
    return [*named]


def _named_by(pattern: str) -> Iterator[str]:
    """Yield the files that a pattern in a configuration of the current folder names."""
    try:
        yield from (path for path in patterns.matched(Path(), pattern) if Path(path).name != FILE)
    except patterns.Outside:
        return


def unlisted(models: Iterable[str], top: Path) -> list[str]:
    """Return the specs beside some models that are none of them, as paths from the current folder.

    Folders below that of a model are searched, too; not those below `top`, which hold anything.

    Args:
        models: The models.
        top: The folder of the configuration.
    """
    known = {patterns.identity(model) for model in models}
    found: dict[str, None] = {}
    for folder in dict.fromkeys(str(Path(model).parent) for model in models if os.path.lexists(model)):
        for here, below, names in os.walk(folder):
            found |= dict.fromkeys(_specs_among(here, names, known))
            deeper = not Path(folder).samefile(top)
            below[:] = [name for name in below if deeper and not name.startswith(".")]
    return sorted(found)


def _specs_among(folder: str, names: Iterable[str], known: Container[str] = ()) -> Iterator[str]:
    """Yield the specs of a folder that are not known, by names that may stand for some."""
    for name in names:
        path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118
        may_be = name.endswith(SUFFIXES) and not name.startswith(".") and patterns.identity(path) not in known
        if may_be and looks_like_spec(path):
            yield path


def _models_among(folder: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the model files of a folder, by their suffixes and their first bytes."""
    from convcost.spec.source import MODELS, is_model  # where there is no spec only

    for name in names:
        path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118
        if Path(name).suffix.lower() in MODELS and not name.startswith("."):
            with suppress(files.RefusedFile, OSError):
                if is_model(files.read_part(path, 0, files.HEAD)):
                    yield path
