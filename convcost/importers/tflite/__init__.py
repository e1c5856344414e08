"""TensorFlow Lite files. What reads them is imported where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convcost.importers.graph import Importer, ModelGraph

if TYPE_CHECKING:
    from mmap import mmap

_MARK = b"TFL3"  # at byte 4 of every file


def recognises(head: bytes) -> bool:
    """Return whether bytes are the start of a TensorFlow Lite file.

    Args:
        head: The first bytes of the file, which are no text.
    """
    return head[4:8] == _MARK


def read(data: bytes | mmap, file: str) -> ModelGraph:
    """Return the graph of a TensorFlow Lite file in operators of ONNX.

    Args:
        data: Its bytes.
        file: Its name, for messages.

    Raises:
        OptionError: It has no such signature as is wanted.
        SpecError: It is cut off, or says what cannot be.
    """
    from convcost.importers.tflite import reader

    return reader.read(data, file)


IMPORTER = Importer("TensorFlow Lite", recognises, read)
