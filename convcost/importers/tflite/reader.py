"""A TensorFlow Lite file to a graph, without its weights and without a runtime."""

from __future__ import annotations

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.graph import ModelGraph
from convcost.importers.tflite import (
    operators,  # noqa: F401 -- adds the translations
    rules,  # noqa: F401 -- adds what the mapper does with them
)
from convcost.importers.tflite.flatbuffer import Data, FlatBuffer, FlatBufferError
from convcost.importers.tflite.model import has_open_batch, read_subgraph
from convcost.importers.tflite.translator import Translator
from convcost.model_options import current

_OF_SIZES = frozenset(("SHAPE", "FILL", "RANGE"))
"""What makes numbers of the program of others."""


def read(data: Data, file: str) -> ModelGraph:
    """Return the graph of a TensorFlow Lite file in operators of ONNX.

    Args:
        data: Its bytes.
        file: Its name, for messages.

    Raises:
        OptionError: It has no such signature as is wanted.
        SpecError: It is cut off, or says what cannot be.
    """
    try:
        graph = read_subgraph(FlatBuffer(data), current().signature, file)
        if has_open_batch(graph) or any(each.name in _OF_SIZES for each in graph.operators):
            from convcost.importers.tflite.program_numbers import with_known_numbers  # where a file works out sizes

            graph = with_known_numbers(graph)
        if any(each.name == "WHILE" for each in graph.operators):
            from convcost.importers.tflite.loops import with_recurrent_layers  # where there are loops

            graph = with_recurrent_layers(graph)
        notes: list[str] = []
        if any(each.name == "ASSIGN_VARIABLE" for each in graph.operators):
            from convcost.importers.tflite.states import with_states  # where there are states

            graph, notes = with_states(graph)
        translator = Translator(graph, file)
        translator.notes |= dict.fromkeys(notes)
        return translator.translate()
    except FlatBufferError as error:
        help = "is the file complete? convert or download it again"
        found = f"at byte {error.offset:,} of {len(data):,}"
        raise SpecError(
            ErrorDetail(f"the TensorFlow Lite file is damaged: {error.message}", Place(file), found=found, help=help)
        ) from None
