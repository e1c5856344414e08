"""A Keras model to a graph, without Keras and without its weights.

What a file says of its layers is data: names of classes and numbers. No class is imported and no function is called;
what is none of Keras' own is an operator without a layer type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from io import RawIOBase
from typing import TYPE_CHECKING, Any

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import ModelGraph

if TYPE_CHECKING:
    from mmap import mmap

MOST_BYTES = 64 * 2**20
"""How many bytes the configuration of a model may have; that of 1,000 layers has one million."""

_ZIP = b"PK\x03\x04"
_FIRST = (b"metadata.json", b"config.json", b"model.weights.h5", b"assets/")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_JSON = re.compile(rb'\s*\{.*?"(?:class_name"\s*:\s*"[^"]*"|modelTopology"\s*:|keras_version"\s*:)', re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_MODEL = "save the whole model, with model.save('model.keras') or model.to_json()"


def recognises(head: bytes) -> bool:
    """Return whether bytes are the start of a Keras model.

    Args:
        head: The first bytes of the file.
    """
    if head.startswith(_ZIP):
        size = int.from_bytes(head[26:28], "little")
        return head[30 : 30 + size].startswith(_FIRST)
    return head.startswith(_HDF5) or recognises_text(head)


def recognises_text(head: bytes) -> bool:
    """Return whether a text is the start of a model as JSON.

    Args:
        head: The first bytes of the file.
    """
    return _JSON.match(head.removeprefix(_BOM)) is not None


def read(data: bytes | mmap, file: str) -> ModelGraph:
    """Return the graph of a Keras model.

    Args:
        data: The bytes of the file.
        file: Its name, for messages.

    Raises:
        SpecError: It is none, is damaged, or holds weights and no network.
    """
    try:
        return _graph(_configuration(data, file), file)
    except RecursionError:
        raise SpecError(ErrorDetail("the model's configuration is nested too deep", Place(file))) from None


# what a file says


def _configuration(data: bytes | mmap, file: str) -> Mapping[str, Any]:
    """Return the class and the configuration of the model in a file."""
    if data[: len(_ZIP)] == _ZIP:
        return _parsed(_archived(data, file), file)
    if data[: len(_HDF5)] == _HDF5:
        from convcost.importers.keras.hdf5 import model_config

        return _parsed(model_config(data, file, MOST_BYTES), file)
    if len(data) > MOST_BYTES:
        raise _error(file, f"the model's configuration is larger than {MOST_BYTES // 2**20} MiB")
    return _topology(_parsed(bytes(data), file), file)


def _archived(data: bytes | mmap, file: str) -> bytes:
    """Return the configuration in an archive; nothing is unpacked, and no other file of it is read."""
    from zipfile import ZipFile

    try:
        with ZipFile(_View(data)) as archive:
            entry = next((each for each in archive.infolist() if each.filename == "config.json"), None)
            size = entry.file_size if entry is not None else 0
            found = b""
            if entry is not None and size <= MOST_BYTES:
                with archive.open(entry) as inner:
                    found = inner.read(MOST_BYTES + 1)
    except Exception as error:  # zipfile passes on whatever its decompressors raise
        if isinstance(error, MemoryError):
            raise
        help = "is the file complete? save or download it again"
        raise _error(file, f"the archive is damaged: {error or type(error).__name__}", help=help) from None
    if entry is None:
        raise _error(file, "the archive has no config.json: it holds no network", help=_MODEL)
    if max(size, len(found)) > MOST_BYTES:
        raise _error(file, f"config.json is larger than {MOST_BYTES // 2**20} MiB", f"{size:,} bytes")
    return found


class _View(RawIOBase):
    """Bytes as a file, of which only what is read is copied.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes | mmap) -> None:
        self._data = data
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        at = offset + (0, self._at, len(self._data))[whence]
        if at < 0:
            raise ValueError("a place before the start")
        self._at = at
        return at

    def readinto(self, buffer: Any) -> int:
        found = self._data[self._at : self._at + len(buffer)]
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def _parsed(text: bytes, file: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except UnicodeDecodeError:
        raise _error(file, "the model's configuration is not UTF-8") from None
    except ValueError as error:
        line, column = getattr(error, "lineno", 0), getattr(error, "colno", 0)
        message = f"the model's configuration is no JSON: {getattr(error, 'msg', error)}"
        help = "is the file complete? save or download it again"
        raise SpecError(ErrorDetail(message, Place(file, line, column), help=help)) from None
    if not isinstance(found, Mapping):
        raise _error(file, "the model's configuration is no mapping", help=_MODEL)
    return found


def _topology(found: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """Return the class and the configuration of a model as JSON, which TensorFlow.js has within its own."""
    topology = found.get("modelTopology", found)
    if isinstance(topology, Mapping) and ("node" in topology or found.get("format") == "graph-model"):
        help = "convert the Keras model to a layers model, or to ONNX"
        raise _error(file, "it is a TensorFlow graph, which has no layers", help=help)
    inner = topology.get("model_config", topology) if isinstance(topology, Mapping) else None
    if not isinstance(inner, Mapping):
        raise _error(file, "the file holds no network", help=_MODEL)
    return inner


# the graph


def _graph(model: Mapping[str, Any], file: str) -> ModelGraph:
    from convcost.importers.keras.network import Network, is_model

    kind = model.get("class_name")
    if not isinstance(kind, str) or model.get("config") is None:
        raise _error(file, "the model's configuration names no class and no layers", help=_MODEL)
    if not is_model(model):
        help = "build it from layers, as a functional model"
        what = f"the model is of a class of its own, {kind!r}: the file has no layers of it"
        raise _error(file, what, help=help)
    network = Network(file)
    outputs = network.outputs(model)
    builder = network.builder
    if not outputs:
        raise _error(file, "the model gives nothing", help=_MODEL)
    version = _version(model)
    return ModelGraph(
        f"Keras{version}",
        builder.inputs,
        tuple([value.name for value in outputs]),
        tuple(builder.nodes),
        builder.constants,
        builder.shapes,
        tokens=tuple(network.tokens),
    )


def _version(model: Mapping[str, Any]) -> str:
    """Return which Keras wrote a model, as far as its configuration says so."""
    given = model.get("keras_version")
    if isinstance(given, str) and re.fullmatch(r"[\w.+-]{1,30}", given):
        return f" {given.removesuffix('-tf')}"
    return " 3" if "module" in model else ""


def _error(file: str, message: str, found: str = "", help: str = "") -> SpecError:
    return SpecError(ErrorDetail(message, Place(file), found=found, help=help))
