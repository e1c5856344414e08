"""Where a spec's text comes from: a file, standard input, the shipped networks, or a mapping."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from convcost.errors import Fault, Place, SpecError, encodable, nearest

_PACKAGE = Path(__file__).resolve().parent.parent


class Source(Struct, frozen=True):
    """The text of a spec and the name of the file it is shown under."""

    file: str
    text: str


def read(spec: str | Path) -> Source:
    """Read the text of a spec.

    Args:
        spec: A path, `-` for standard input, or the name of a shipped spec.

    Raises:
        SpecError: There is no such spec, or it cannot be read or is not UTF-8.
    """
    if not isinstance(spec, (str, os.PathLike)):
        found = f"found {type(spec).__name__}"
        raise SpecError(Fault("a spec is a path, the name of a shipped spec, or a mapping", found=found))
    if spec == "-":
        return Source("<stdin>", _decode(sys.stdin.buffer.read(), "<stdin>"))
    path = Path(spec)
    shown = encodable(str(spec))
    try:
        if not path.is_file() and shown in (names := shipped()):
            path = names[shown]
            shown = str(path)
        return Source(shown, _decode(_bytes(path), shown))
    except FileNotFoundError:
        raise SpecError(_missing(shown)) from None
    except IsADirectoryError:
        raise SpecError(_unreadable(shown, "it is a directory", "name a file in it")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(_unreadable(shown, reason or "unknown reason", "")) from None


def from_mapping(mapping: Mapping[str, Any]) -> Source:
    """Write a mapping as the spec it stands for, so that its faults can be shown in place.

    Raises:
        SpecError: The mapping holds something that no spec can.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    try:
        text = yaml.dump(dict(mapping), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000)
        text.encode()
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, RecursionError):
            found = "it holds itself, or nests too deep"
        elif isinstance(error, UnicodeError):
            found = "a text that is not Unicode"
        elif isinstance(error, ValueError):
            found = "an astronomically large number"
        else:
            found = type(error.args[1]).__name__ if len(error.args) > 1 else str(error)
        raise SpecError(
            Fault(
                "the mapping is not a spec", found=found, help="it may hold dicts, lists, strings, numbers, bools, None"
            )
        ) from None
    return Source("<mapping>", text)


def shipped() -> dict[str, Path]:
    """Return the specs that convcost ships, the examples last: their names and where they are.

    Where the package runs from a zip file they are in it: `read` reads them all the same.
    """
    for folder in (_PACKAGE / "specs", _PACKAGE.parent / "specs"):  # installed, or a checkout installed in place
        paths = sorted(folder.glob("*.yaml")) + sorted(folder.glob("*/*.yaml"))
        if paths:
            return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}
    return {name: _PACKAGE / "specs" / f"{name}.yaml" for name in _packed()}


def _packed() -> list[str]:
    """Return the names of the specs in the zip file that the package runs from, the examples last."""
    from importlib.resources import files  # slow to import

    folder = files("convcost") / "specs"
    if not folder.is_dir():
        return []
    found = [(each.name, "") for each in folder.iterdir() if each.is_file()]
    found += [(each.name, f"{inner.name}/") for inner in folder.iterdir() if inner.is_dir() for each in inner.iterdir()]
    names = [(place, file.removesuffix(".yaml")) for file, place in found if file.endswith(".yaml")]
    return [place + name for place, name in sorted(names)]


def _bytes(path: Path) -> bytes:
    """Return what a file holds; one in the zip file that the package runs from too.

    Raises:
        OSError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except NotADirectoryError:
        if not path.is_relative_to(_PACKAGE):
            raise
        from pkgutil import get_data

        return get_data("convcost", path.relative_to(_PACKAGE).as_posix()) or b""


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise SpecError(
            Fault(
                "the file is not UTF-8",
                Place(file, line, column),
                found=f"byte 0x{data[error.start]:02x}",
                help="save it as UTF-8",
            )
        ) from None


def _missing(shown: str) -> Fault:
    names = shipped()
    help = nearest(shown, names) if "/" not in shown or shown.split("/")[0] == "examples" else ""
    return Fault(
        f"there is no file and no shipped spec {shown!r}",
        help=help or "`convcost specs` lists the shipped ones",
    )


def _unreadable(shown: str, reason: str, help: str) -> Fault:
    return Fault(f"{shown!r} cannot be read: {reason}", help=help)
