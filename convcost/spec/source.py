"""Where a spec's text comes from: a file, standard input, or the shipped networks."""

from __future__ import annotations

import codecs
import os
import re
from contextlib import suppress
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost import files, model_options
from convcost.errors import ErrorDetail, OptionError, Place, SpecError, encodable, nearest
from convcost.spec import limits

if TYPE_CHECKING:
    from mmap import mmap

    from convcost.importers import Imported

_NO_CONTROLS = bytes([*b"\t\n\f\r\x1b", *range(32, 256)])
_PACKAGE = Path(__file__).resolve().parent.parent
_EXAMPLES = "examples"
_SPECS = frozenset(("", ".yaml", ".yml"))
"""Suffixes of texts that are specs; other texts may be models of a format that another package adds."""

SPEC_FORM = "a spec is a text that lists the layers; `convcost specs` lists the shipped ones"
"""What a file should be that is none."""
CONVERT = "ONNX, .pt2, Keras and TensorFlow Lite files are read: export or convert it to one of these"
"""How to go on with a model of another format."""
_UNREAD = {
    ".pb": "a TensorFlow graph",
    ".ckpt": "a checkpoint",
    ".pdmodel": "a Paddle program",
    ".mlmodel": "a Core ML model",
    ".caffemodel": "a Caffe model",
    ".engine": "a TensorRT engine",
    ".gguf": "a GGUF file",
}
"""Models of formats that are not read, by their suffix."""
_FOREIGN = _UNREAD | {
    ".pt": "a model saved by PyTorch",
    ".pth": "a model saved by PyTorch",
    ".pkl": "a pickle of Python",
    ".safetensors": "weights in the format safetensors",
    ".npz": "arrays of NumPy",
    ".npy": "an array of NumPy",
    ".png": "an image",
    ".jpg": "an image",
    ".jpeg": "an image",
    ".gif": "an image",
    ".webp": "an image",
    ".pdf": "a PDF document",
    ".py": "a Python program",
}
"""Files of other programs by their suffix."""
MODELS = {
    ".onnx": "an ONNX file",
    ".tflite": "a TensorFlow Lite file",
    ".keras": "a Keras file",
    ".h5": "a Keras file",
    ".hdf5": "a Keras file",
    ".pt2": "a file of torch.export",
}
"""Model files by their suffix."""
_STARTS = {
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"RIFF": "an image",
    b"\x89HDF": "a model saved by Keras (HDF5)",
    b"PK\x03\x04": "a zip file",
    b"\x93NUMPY": "an array of NumPy",
    b"%PDF": "a PDF document",
    b"\x80\x02": "a pickle of Python",
    b"\x80\x04": "a pickle of Python",
    b"\x1f\x8b": "a compressed file",
    b"<?xml": "an XML file",
}
"""What files of other programs begin with."""
_GIVE = "give a spec, which is a text, or a model file of ONNX, PyTorch (.pt2), Keras or TensorFlow Lite"
_UNPACK = "unpack it, and give the model file or the spec in it"
_INSTEAD = {
    "a zip file": _UNPACK,
    "a compressed file": _UNPACK,
    "a model saved by PyTorch": "give the module to convcost.from_torch(module, inputs), or torch.export.save it",
    "a Python program": "in Python convcost.from_torch(module, inputs) reads modules of PyTorch; Keras saves models",
}
"""What to give instead of files of other programs."""
POINTER = b"version https://git-lfs.github.com/spec/"
"""What a file begins with whose contents Git LFS keeps elsewhere."""
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")


class Source(Struct, frozen=True):
    """The text of a spec and the name of the file it is shown under.

    Attributes:
        file: The name.
        text: The text.
        tree: What the text says, where it was not parsed but laid out.
        origins: The paths of the layers' modules, where the text was made of a model file.
        functional: Whether each of those layers is called as a function.
        imported: What the text was made of, with which the network that it gives is compared.
        declared: The operators whose costs were declared when it was read, which a spec does not have.
    """

    file: str
    text: str
    tree: Any = None
    origins: tuple[str, ...] = ()
    functional: tuple[bool, ...] = ()
    imported: Any = None
    declared: tuple[str, ...] = ()


def read(spec: str | Path) -> Source:
    """Read the text of a spec, or a model file as one.

    Args:
        spec: A path, `-` for standard input, or the name of a shipped spec.

    Raises:
        SpecError: There is no such spec, it cannot be read, or it is neither UTF-8 nor a model file.
    """
    data, shown = _read(spec)
    if (model := model_source(data, shown)) is not None:
        return model
    if bytes(data[: len(POINTER)]) == POINTER:
        raise SpecError(_unreadable(shown, "it is a pointer of Git LFS", "git lfs pull brings the file itself"))
    if (damaged := _no_model(shown, data)) is not None:
        raise SpecError(damaged)
    named = shown if spec == "-" else encodable(str(spec))
    options = model_options.current()
    if options.inputs and not options.mixed:
        help = "--set gives the symbols of a spec their values"
        raise OptionError(ErrorDetail(f"--input is for model files, and {named!r} is a spec", help=help))
    if options.signature and not options.mixed:
        raise OptionError(ErrorDetail(f"--signature is for TensorFlow Lite files, and {named!r} is a spec"))
    if spec != "-" and (what := _foreign(Path(spec).suffix, bytes(data))):
        raise SpecError(_unreadable(shown, f"it is {what}", _instead(Path(spec), what)))
    return Source(shown, _decode(bytes(data), shown), declared=tuple(options.declare))


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
        if (damaged := _no_model(shown, data)) is not None:
            raise SpecError(damaged)
        formats = ", ".join(IMPORTERS[name].name for name in IMPORTERS)
        message = (
            f"{shown!r} is {'a text' if is_text(data[: files.HEAD]) else 'of an unknown format'}, not a model file"
        )
        raise SpecError(ErrorDetail(message, help=f"formats: {formats}; a spec needs no import"))
    return import_model(importer, data, shown, flat=flat)


def _read(spec: str | Path) -> tuple[bytes | mmap, str]:
    """Return the bytes of a file, and the name it is shown under."""
    if not isinstance(spec, (str, os.PathLike)):
        message, found = "a spec is a path, the name of a shipped spec, or a mapping", f"found {type(spec).__name__}"
        raise SpecError(ErrorDetail(message, found=found, help=_of_framework(spec)))
    path = Path(spec)
    shown = encodable(str(spec))
    try:
        if spec == "-":
            shown = "<stdin>"
            return files.read_standard_input(limits.max_bytes(), is_model), shown
        if not path.is_file() and shown in (names := shipped()):
            path = names[shown]
            shown = str(path)
            return _bytes(path), shown
        if path.is_relative_to(_PACKAGE):  # the same file again, by its path
            return _bytes(path), shown
        return files.read_or_map(path, limits.max_bytes(), is_model), shown
    except files.RefusedFile as refused:
        if refused.too_large and (damaged := _no_model(shown, b"\0")) is not None:
            raise SpecError(damaged) from None
        if refused.too_large and (what := _foreign(path.suffix)):
            raise SpecError(_unreadable(shown, f"it is {what}", _instead(path, what))) from None
        help = refused.help or (limits.HELP_BYTES if refused.too_large else "")
        raise SpecError(_unreadable(shown, refused.reason, help, refused.found)) from None
    except FileNotFoundError:
        raise SpecError(_missing(shown)) from None
    except IsADirectoryError:
        if (path / "saved_model.pb").exists() or path.suffix == ".mlpackage":
            what = "a Core ML model" if path.suffix == ".mlpackage" else "a SavedModel of TensorFlow"
            raise SpecError(_unreadable(shown, f"it is {what}", CONVERT)) from None
        raise SpecError(_unreadable(shown, "it is a directory", "name a file in it")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SpecError(_unreadable(shown, reason or "unknown reason", "")) from None


def _of_framework(given: Any) -> str:
    """Return what to do with a model of a framework; nothing where it is none, by its methods."""
    if hasattr(given, "state_dict") and hasattr(given, "forward"):
        return "convcost.from_torch(module, inputs) reads a module of PyTorch"
    if hasattr(given, "count_params") and hasattr(given, "save"):
        return "save a model of Keras, model.save('net.keras'), and give the path"
    if hasattr(given, "SerializeToString"):
        return "save a model of ONNX, onnx.save(model, 'net.onnx'), and give the path"
    return ""


def shipped() -> dict[str, Path]:
    """Return the specs that convcost ships, folder by folder and the examples last: their names and where they are.

    A network is called as its file, whatever folder it is in; an example has its folder in its name. Where the package
    runs from a zip file they are in it: `read` reads them all the same.
    """
    for folder in (_PACKAGE / "specs", _PACKAGE.parent / "specs"):  # installed, or a checkout installed in place
        paths = list(folder.glob("*/*.yaml"))
        if paths:
            return _named(paths)
    return _named([_PACKAGE / "specs" / path for path in _packed()])


def _named(paths: list[Path]) -> dict[str, Path]:
    paths.sort(key=lambda path: (path.parent.name == _EXAMPLES, path.parent.name, path.stem))
    return {f"{_EXAMPLES}/{path.stem}" if path.parent.name == _EXAMPLES else path.stem: path for path in paths}


def _packed() -> list[str]:
    """Return the paths, within their folder, of the specs in the zip file that the package runs from."""
    from importlib import resources  # slow to import

    folder = resources.files("convcost") / "specs"
    if not folder.is_dir():
        return []
    paths = [f"{inner.name}/{each.name}" for inner in folder.iterdir() if inner.is_dir() for each in inner.iterdir()]
    return [path for path in paths if path.endswith(".yaml")]


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
    if not _may_be_model(head) and PurePath(file).suffix.lower() in _SPECS:
        return None
    from convcost.importers import import_model, importer_of  # where a file may be a model only

    importer = importer_of(head)
    if importer is None:
        return None
    imported = import_model(importer, data, file)
    return Source(file, imported.text, origins=_origins(imported), functional=_functional(imported), imported=imported)


def _origins(imported: Imported) -> tuple[str, ...]:
    """Return the paths of the modules of a model's layers."""
    return tuple([item.name for item in imported.layers])


def _functional(imported: Imported) -> tuple[bool, ...]:
    """Return whether a model's layers are called as functions."""
    return tuple([item.name in imported.containers for item in imported.layers])


def of_module(module: Any, *inputs: Any) -> tuple[Source, dict[str, int]]:
    """Return a module of PyTorch as the text of a spec, and the values that its symbols have in the example.

    Args:
        module: The module.
        inputs: What it is called with, what by name, and the axes that stay open.

    Raises:
        OptionError: There is no torch that can export it, or these are no module and inputs.
        SpecError: It cannot be exported, or has operators without a layer type.
    """
    from convcost.importers import import_module  # where there is a module only

    file, imported = import_module(module, *inputs)
    return Source(
        file, imported.text, origins=_origins(imported), functional=_functional(imported), imported=imported
    ), imported.sizes


def is_model_file(path: str) -> bool:
    """Return whether a file is a model, or has the name of one."""
    if PurePath(path).suffix.lower() in MODELS:
        return True
    with suppress(OSError, files.RefusedFile):
        return is_model(files.read_part(path, 0, files.HEAD))
    return False


def is_model(head: bytes) -> bool:
    """Return whether a file is a model by its first bytes."""
    if not _may_be_model(head):
        return False
    from convcost.importers import importer_of

    return importer_of(head) is not None


def _may_be_model(head: bytes) -> bool:
    """Return whether bytes may be the start of a model: they are no text, or that of JSON."""
    return not is_text(head) or head.removeprefix(codecs.BOM_UTF8).lstrip()[:1] == b"{"


def is_text(head: bytes) -> bool:
    """Return whether bytes may be the start of a text: they have no control characters but white space."""
    return not head.translate(None, _NO_CONTROLS)


def _foreign(suffix: str, data: bytes = b"") -> str:
    """Return what a file of another program is, by its first bytes and its suffix; nothing for a text."""
    named = _FOREIGN.get(suffix.lower(), "")
    for start, what in _STARTS.items():
        if data.startswith(start):
            return named or what
    return named if not data or suffix.lower() == ".py" or _BINARY.search(data) else ""


def _instead(path: Path, what: str) -> str:
    """Return what to give instead of a file of another program."""
    return CONVERT if path.suffix.lower() in _UNREAD else _INSTEAD.get(what, _GIVE)


def _no_model(file: str, data: bytes | mmap) -> ErrorDetail | None:
    """Return the error of a file that has the name of a model and is none; None where it may be a spec all the same."""
    format = MODELS.get(PurePath(file).suffix.lower())
    head = bytes(data[: files.HEAD])
    if format is None or (is_text(head) and re.search(rb"\blayers\b", data)):
        return None
    found = "it is empty" if not head else "it is a text" if is_text(head) else "its first bytes are those of no format"
    return ErrorDetail(
        f"{file!r} cannot be read: it is not {format}",
        found=found,
        help="is the file complete? export or download it again",
    )


def _decode(data: bytes, file: str) -> str:
    data = data.removeprefix(b"\xef\xbb\xbf")  # the mark of the byte order, which Windows writes
    try:
        return data.decode()
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
    named = shown.removesuffix(".yaml").rpartition("/")[2]
    if named in names:  # `specs/resnet50.yaml`, or its folder and its name: the folders are not part of the name
        help = f"convcost ships it as {named!r}"
    else:
        help = nearest(shown, names) if "/" not in shown or shown.split("/")[0] == _EXAMPLES else ""
    if PurePath(shown).suffix.lower() in MODELS:
        return ErrorDetail(f"there is no file {shown!r}")
    return ErrorDetail(
        f"there is no file and no shipped spec {shown!r}",
        help=help or "`convcost specs` lists the shipped ones",
    )


def _unreadable(shown: str, reason: str, help: str, found: str = "") -> ErrorDetail:
    return ErrorDetail(f"{shown!r} cannot be read: {reason}", found=found, help=help)
