"""Where a spec's text comes from: a file, standard input, or the shipped networks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost import files
from convcost.errors import ErrorDetail, Place, SpecError, encodable, nearest
from convcost.spec import limits

if TYPE_CHECKING:
    from mmap import mmap

    from convcost.importers import Imported

_NO_CONTROLS = bytes([*b"\t\n\f\r\x1b", *range(32, 256)])
_PACKAGE = Path(__file__).resolve().parent.parent


class Source(Struct, frozen=True):
    """The text of a spec and the name of the file it is shown under.

    Attributes:
        file: The name.
        text: The text.
        tree: What the text says, where it was not parsed but laid out.
    """

    file: str
    text: str
    tree: Any = None


def read(spec: str | Path) -> Source:
    """Read the text of a spec, or a model file as one.

    Args:
        spec: A path, `-` for standard input, or the name of a shipped spec.

    Raises:
        SpecError: There is no such spec, it cannot be read, or it is neither UTF-8 nor a model file.
    """
    return _source(*_read(spec))


def read_model(spec: str | Path, *, flat: bool = False) -> Imported:
    """Read a model file.

    Args:
        spec: Its path, or `-` for standard input.
        flat: Whether every layer becomes an item of its own.

    Raises:
        SpecError: There is no such file, or it is no model that can be read.
    """
    data, shown = _read(spec)
    from convcost.importers import IMPORTERS, import_model, importer_of

    importer = importer_of(data[: files.HEAD])
    if importer is None:
        formats = ", ".join(IMPORTERS[name].name for name in IMPORTERS)
        message = (
            f"{shown!r} is {'a text' if is_text(data[: files.HEAD]) else 'of an unknown format'}, not a model file"
        )
        raise SpecError(ErrorDetail(message, help=f"formats: {formats}; a spec needs no import"))
    return import_model(importer, data, shown, flat=flat)


def _read(spec: str | Path) -> tuple[bytes | mmap, str]:
    """Return the bytes of a file, and the name it is shown under."""
    if not isinstance(spec, (str, os.PathLike)):
        found = f"found {type(spec).__name__}"
        raise SpecError(ErrorDetail("a spec is a path, the name of a shipped spec, or a mapping", found=found))
    path = Path(spec)
    shown = encodable(str(spec))
    try:
        if spec == "-":
            shown = "<stdin>"
            return files.read_standard_input(limits.max_bytes()), shown
        if not path.is_file() and shown in (names := shipped()):
            path = names[shown]
            shown = str(path)
            return _bytes(path), shown
        if path.is_relative_to(_PACKAGE):  # the same file again, by its path
            return _bytes(path), shown
        return files.read_or_map(path, limits.max_bytes(), _is_model), shown
    except files.RefusedFile as refused:
        help = refused.help or (limits.HELP_BYTES if refused.too_large else "")
        raise SpecError(_unreadable(shown, refused.reason, help, refused.found)) from None
    except FileNotFoundError:
        raise SpecError(_missing(shown)) from None
    except IsADirectoryError:
        raise SpecError(_unreadable(shown, "it is a directory", "name a file in it")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(_unreadable(shown, reason or "unknown reason", "")) from None


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
    from importlib import resources  # slow to import

    folder = resources.files("convcost") / "specs"
    if not folder.is_dir():
        return []
    found = [(each.name, "") for each in folder.iterdir() if each.is_file()]
    found += [(each.name, f"{inner.name}/") for inner in folder.iterdir() if inner.is_dir() for each in inner.iterdir()]
    names = [(place, file.removesuffix(".yaml")) for file, place in found if file.endswith(".yaml")]
    return [place + name for place, name in sorted(names)]


def _bytes(path: Path) -> bytes:
    """Return the bytes of a file; one in the zip file that the package runs from too.

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


def model_source(data: bytes | mmap, file: str) -> Source | None:
    """Return a model file as the text of a spec; None where the bytes are none of a model.

    Args:
        data: The bytes.
        file: The name of the file.

    Raises:
        SpecError: It is a model that cannot be read.
    """
    head = data[: files.HEAD]
    if is_text(head):
        return None
    from convcost.importers import import_model, importer_of  # where a file is no text only

    importer = importer_of(head)
    return Source(file, import_model(importer, data, file).text) if importer is not None else None


def _source(data: bytes | mmap, file: str) -> Source:
    return model_source(data, file) or Source(file, _decode(bytes(data), file))


def _is_model(head: bytes) -> bool:
    """Return whether a file is a model by its first bytes."""
    if is_text(head):
        return False
    from convcost.importers import importer_of

    return importer_of(head) is not None


def is_text(head: bytes) -> bool:
    """Return whether bytes may be the start of a text: they have no control characters but white space."""
    return not head.translate(None, _NO_CONTROLS)


def _decode(data: bytes, file: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise SpecError(
            ErrorDetail(
                "the file is not UTF-8",
                Place(file, line, column),
                found=f"byte 0x{data[error.start]:02x}",
                help="save it as UTF-8",
            )
        ) from None


def _missing(shown: str) -> ErrorDetail:
    names = shipped()
    help = nearest(shown, names) if "/" not in shown or shown.split("/")[0] == "examples" else ""
    return ErrorDetail(
        f"there is no file and no shipped spec {shown!r}",
        help=help or "`convcost specs` lists the shipped ones",
    )


def _unreadable(shown: str, reason: str, help: str, found: str = "") -> ErrorDetail:
    return ErrorDetail(f"{shown!r} cannot be read: {reason}", found=found, help=help)
