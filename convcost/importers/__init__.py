"""Model files: a file to a graph, a graph to the text of a spec.

A format is one module that fills a `ModelGraph`; everything behind that is the same for all. Another package adds a
format by an entry point of the group `convcost.importers` whose object is an `Importer`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from convcost.errors import ErrorDetail, OptionError, SpecError
from convcost.importers.graph import Importer, ModelGraph
from convcost.importers.inputs import with_sizes
from convcost.importers.items import Mapped, MappedItem
from convcost.importers.mapper import Mapper
from convcost.importers.normalise import normalise
from convcost.importers.writing import difference, write
from convcost.model_options import current
from convcost.registry import Registry

__all__ = [
    "IMPORTERS",
    "Imported",
    "Importer",
    "ModelGraph",
    "import_graph",
    "import_model",
    "import_module",
    "importer_of",
]


def _check(name: str, entry: Any) -> str:
    """Return why an entry of another package is no importer; nothing where it is one."""
    return "" if isinstance(entry, Importer) else "it is no convcost.importers.Importer"


IMPORTERS: Registry[Importer] = Registry(
    "importer",
    "convcost.importers",
    {
        "tflite": "convcost.importers.tflite:IMPORTER",  # first: it has a plain mark
        "onnx": "convcost.importers.onnx:IMPORTER",
        "keras": "convcost.importers.keras.reader:IMPORTER",
        "pytorch": "convcost.importers.pytorch:IMPORTER",
    },
    _check,
)


class Imported(Struct, frozen=True):
    """A model file as a spec.

    Attributes:
        text: The text of the spec.
        layers: The items in the order of the network's layers.
        model: What the text was written from.
        sizes: The sizes of open axes at which the model was read: values for the spec's symbols.
        containers: The modules in which what runs is called as a function.
    """

    text: str
    layers: tuple[MappedItem, ...]
    model: Mapped
    sizes: dict[str, int]
    containers: frozenset[str] = frozenset()

    def has_sizes_of(self, network: Any) -> bool:
        """Return whether a network has the sizes that the model was read with."""
        shapes = [tensor.shape for tensor in self.model.inputs.values()]
        return [tensor.shape for tensor in network.inputs] == shapes

    def difference(self, network: Any) -> str:
        """Return how the network that the text gives differs from the model; nothing where it does not."""
        return difference(self.layers, self.model, network)


_LIKELY = {b"P": "pytorch", b"{": "keras", b"\x89": "keras"}
"""The format that files with a first byte most often have: it is asked first, so that no other is imported in vain."""


def importer_of(head: bytes) -> Importer | None:
    """Return the importer of a file; None where no format is known by its first bytes."""
    for name in sorted(IMPORTERS.built_in(), key=lambda name: _LIKELY.get(bytes(head[:1])) != name):
        if IMPORTERS[name].recognises(head):
            return IMPORTERS[name]
    return next((IMPORTERS[name] for name in IMPORTERS if IMPORTERS[name].recognises(head)), None)


def import_model(importer: Importer, data: Any, file: str, *, flat: bool = False) -> Imported:
    """Return a model file as a spec.

    Args:
        importer: The file's format.
        data: The bytes of the file.
        file: Its name.
        flat: Whether every layer is an item of its own; else norms and activations are written with their layer.

    Raises:
        SpecError: The file cannot be read, contradicts itself, or has operators without a layer type.
    """
    if current().signature and importer is not IMPORTERS["tflite"]:
        message = f"--signature is for TensorFlow Lite files, and {file!r} is {importer.name}"
        raise OptionError(ErrorDetail(message))
    return import_graph(importer.read(data, file), file, flat=flat)


def import_module(
    module: Any, inputs: Any, kwargs: Mapping[str, Any] | None, dynamic_shapes: Any
) -> tuple[str, Imported]:
    """Return a module of PyTorch in memory as a spec, and the name that stands for its file.

    Args:
        module: The module.
        inputs: What it is called with.
        kwargs: What it is called with by name.
        dynamic_shapes: The axes that stay open.

    Raises:
        OptionError: There is no torch that can export it, or these are no module and inputs.
        SpecError: It cannot be exported, or has operators without a layer type.
    """
    from convcost.importers.pytorch.live import program_of  # where there is a module only
    from convcost.importers.pytorch.translation import translate

    program = program_of(module, inputs, kwargs=kwargs, dynamic_shapes=dynamic_shapes)
    file = f"<{program.name}>"
    return file, import_graph(translate(program), file)


def import_graph(graph: ModelGraph, file: str, *, flat: bool = False) -> Imported:
    """Return a graph as a spec.

    Args:
        graph: The graph, as a format fills it.
        file: The name of the model, for messages and for the spec.
        flat: Whether every layer is an item of its own.

    Raises:
        SpecError: It contradicts itself, or has operators without a layer type.
    """
    graph, given, contradicted = with_sizes(normalise(graph, file), file)
    batches = dict.fromkeys([shape[0] for shape in graph.inputs.values() if shape and isinstance(shape[0], str)], 1)
    given = batches | given  # of an input that has it elsewhere, such as the states of recurrent layers, it is 1 too
    axes = [size for shape in graph.inputs.values() for size in shape[1:] if isinstance(size, str)]
    axes = [size for size in dict.fromkeys(axes) if size not in batches]
    expressions: Mapping[int, Mapping[str, Any]] = {}
    words: Mapping[str, str] = {}
    values: dict[str, int] = {}

    def mapped_at(sizes: dict[str, int]) -> Mapped:
        return Mapper(graph, file, given | sizes).map()

    try:
        if axes:
            from convcost.importers.open_sizes import map_open_sizes  # where a size is open only

            mapped, expressions, words, values = map_open_sizes(graph, file, axes, mapped_at)
        else:
            mapped = mapped_at({})
    except SpecError as error:
        from convcost.importers.unknown import only_lacks_types  # on the way to an error only

        if contradicted is None or only_lacks_types(error.details):
            raise
        raise SpecError([contradicted, *error.details], more=error.more) from None
    symbols = {
        name: {axis: words[size] for axis, size in enumerate(shape[1:]) if isinstance(size, str) and size in words}
        for name, shape in graph.inputs.items()
    }
    base, name = _titles(file)
    comments = [f"Imported from {base} ({graph.format}).", *graph.notes, *_unused(graph)]
    written = write(mapped, name, comments, symbols, expressions, flat=flat)
    return Imported(written.text, written.items, mapped, values, graph.containers)


def _unused(graph: ModelGraph) -> list[str]:
    """Return the warning about parameters that nothing reads."""
    read = {graph.constants[name].name for node in graph.nodes for name in node.inputs if name in graph.constants}
    unused = [each for each in graph.constants.values() if each.trainable and each.name not in read]
    count = sum(prod(each.shape) for each in unused)
    first = ", ".join(each.name for each in unused[:2]) + (", …" if len(unused) > 2 else "")
    return [f"{count:,} parameters are not used, and not counted: {first}."] if unused else []


def _titles(file: str) -> tuple[str, str]:
    """Return what a model is imported from, and its name.

    >>> _titles("nets/small.onnx"), _titles("HEAD:small.onnx"), _titles("<stdin>"), _titles("<ResNet>")
    (('small.onnx', 'small'), ('small.onnx', 'small'), ('<stdin>', 'model'), ('ResNet', 'ResNet'))
    >>> _titles("/dev/fd/63")  # as a shell names what comes through a pipe
    ('<pipe>', 'model')
    """
    base = PurePath(file).name.rpartition(":")[2]  # without the revision that it is of
    if file.startswith("/dev/fd/"):
        return "<pipe>", "model"
    if file.startswith("<"):
        return (base, "model") if base == "<stdin>" else (base.strip("<>"), base.strip("<>"))
    return base, base.rpartition(".")[0] or base
