"""A Keras model to a graph, without Keras and without its weights.

What a file says of its layers is data: names of classes and numbers. No class is imported and no function is called;
what is none of Keras' own is an operator without a layer type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import Importer, ModelGraph
from convcost.model_options import current

if TYPE_CHECKING:
    from convcost.importers.keras.network import ModelTranslator
    from convcost.importers.onnx.wire import Data

MOST_BYTES = 64 * 2**20
"""How many bytes the configuration of a model may have; that of 1,000 layers has one million."""

_FIRST = ("metadata.json", "config.json", "model.weights.h5", "assets/")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_JSON = rb'(?s)\s*\{.*?"(?:class_name"\s*:\s*"[^"]*"|modelTopology"\s*:|keras_version"\s*:)'
_BOM = b"\xef\xbb\xbf"
_MODEL = "save the whole model, with model.save('model.keras') or model.to_json()"


def recognises(head: bytes) -> bool:
    """Return whether bytes are the start of a Keras model.

    Args:
        head: The first bytes of the file.
    """
    if head.startswith(_ZIP):
        from convcost.importers.archives import first_member  # where it is one only

        return first_member(head).startswith(_FIRST)
    return head.startswith(_HDF5) or recognises_text(head)


def recognises_text(head: bytes) -> bool:
    """Return whether a text is the start of a model as JSON.

    Args:
        head: The first bytes of the file.
    """
    return re.match(_JSON, head.removeprefix(_BOM)) is not None


def read(data: Data, file: str) -> ModelGraph:
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


def _configuration(data: Data, file: str) -> Mapping[str, Any]:
    """Return the class and the configuration of the model in a file."""
    if data[: len(_ZIP)] == _ZIP:
        return _parsed(_archived(data, file), file)
    if data[: len(_HDF5)] == _HDF5:
        from convcost.importers.keras.hdf5 import model_config

        return _parsed(model_config(data, file, MOST_BYTES), file)
    if len(data) > MOST_BYTES:
        raise _error(file, f"the model's configuration is larger than {MOST_BYTES // 2**20} MiB")
    return _topology(_parsed(bytes(data), file), file)


def _archived(data: Data, file: str) -> bytes:
    """Return the configuration in an archive; no other file of it is read."""
    from convcost.importers.archives import Archive  # where it is one only

    archive = Archive(data, file)
    if "config.json" not in archive.names:
        raise _error(file, "the archive has no config.json: it holds no network", help=_MODEL)
    return archive.read("config.json", MOST_BYTES)


def _parsed(text: bytes, file: str) -> Mapping[str, Any]:
    try:
        found = _decoded(text)
    except UnicodeDecodeError:
        raise _error(file, "the model's configuration is not UTF-8") from None
    except ValueError as error:
        line, column = getattr(error, "lineno", 0), getattr(error, "colno", 0)
        message = "the model's configuration is no JSON"
        note = f"a parser of JSON says: {getattr(error, 'msg', error)}".removesuffix(" starting at")
        help = "is the file complete? save or download it again"
        raise SpecError(ErrorDetail(message, Place(file, line, column), help=help, note=note)) from None
    if not isinstance(found, dict):
        raise _error(file, "the model's configuration is no mapping", help=_MODEL)
    return found


def _decoded(text: bytes) -> Any:
    """Decode a JSON text.

    Raises:
        ValueError: It is none.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        import json  # slow to import; takes what only Python writes, such as NaN, and says where an error is

        return json.loads(text)


def _topology(found: Mapping[str, Any], file: str) -> Mapping[str, Any]:
    """Return the class and the configuration of a model as JSON, which TensorFlow.js has within its own."""
    topology = found.get("modelTopology", found)
    if isinstance(topology, dict) and ("node" in topology or found.get("format") == "graph-model"):
        help = "convert the Keras model to a layers model, or to ONNX"
        raise _error(file, "it is a TensorFlow graph, which has no layers", help=help)
    inner = topology.get("model_config", topology) if isinstance(topology, dict) else None
    if not isinstance(inner, dict):
        raise _error(file, "the file holds no network", help=_MODEL)
    return inner


# the graph


def _graph(model: Mapping[str, Any], file: str) -> ModelGraph:
    from convcost.importers.keras.network import ModelTranslator, is_model

    kind = model.get("class_name")
    if not isinstance(kind, str) or model.get("config") is None:
        raise _error(file, "the model's configuration names no class and no layers", help=_MODEL)
    if not is_model(model):
        help = "save keras.Model(model.inputs, model.outputs), which lists its layers, where it is made of them"
        what = f"the model is of a class of its own, {kind!r}: the file has no layers of it"
        raise _error(file, what, help=help)
    network = ModelTranslator(file)
    outputs = network.outputs(model)
    if network.builder.needs_sizes and current().inputs:
        network = ModelTranslator(file, sized=True)
        outputs = network.outputs(model)
    builder = network.builder
    if not outputs:
        raise _error(file, "the model gives nothing", help=_MODEL)
    version = _version(model)
    names = [value.name for value in outputs]
    return ModelGraph(
        f"Keras{version}",
        builder.inputs,
        (*names, *_worked_out(network, names)),
        tuple(builder.nodes),
        builder.constants,
        builder.shapes,
        tokens=tuple(network.tokens),
        turned=tuple(network.turned),
    )


def _worked_out(network: ModelTranslator, outputs: Sequence[str]) -> list[str]:
    """Return the inputs and outputs of nested models that nothing else reads: Keras computes them all the same."""
    if not network.called:
        return []
    builder = network.builder
    givers = {name: node for node in builder.nodes for name in node.outputs}
    needed: set[str] = set(builder.inputs)

    def need(names: Iterable[str]) -> None:
        pending = list(names)
        while pending:
            name = pending.pop()
            if name not in needed:
                needed.add(name)
                pending += givers[name].inputs if name in givers else ()

    need(outputs)
    found: list[str] = []
    for given, gives in reversed(network.called):  # what a later one reads says which earlier ones run
        if any(value.name in needed for value in gives):
            more = list(dict.fromkeys(value.name for value in (*given, *gives) if value.name not in needed))
            found[:0] = more
            need(more)
    return found


def _version(model: Mapping[str, Any]) -> str:
    """Return which Keras wrote a model, as far as its configuration says so."""
    given = model.get("keras_version")
    if isinstance(given, str) and re.fullmatch(r"[\w.+-]{1,30}", given):
        return f" {given.removesuffix('-tf')}"
    return " 3" if "module" in model else ""


def _error(file: str, message: str, found: str = "", help: str = "") -> SpecError:
    return SpecError(ErrorDetail(message, Place(file), found=found, help=help))


IMPORTER = Importer("Keras", recognises, read)
