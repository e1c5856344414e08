"""ONNX files. What reads them is imported where there is one."""

from __future__ import annotations

from convcost.importers.graph import Importer, ModelGraph
from convcost.importers.onnx.wire import BYTES, Data, Wire, WireError, tag


def recognises(head: bytes) -> bool:
    """Return whether bytes are the start of an ONNX file: the fields of its outermost message, in any order.

    Args:
        head: The first bytes of the file, which are no text.
    """
    if head[8:9] == b"{" and not any(head[4:8]):  # the length of a safetensors file's list, which may look like fields
        return False
    wire, known = Wire(head), {tag(1), *(tag(number, BYTES) for number in (2, 3, 4, 6, 7, 8, 14, 20, 25)), tag(5)}
    if head and head[0] < 0x80 and head[0] not in known:  # a whole tag
        return False
    try:
        for found, (each, _, _) in enumerate(wire.fields(0, len(head))):
            if each not in known:
                return False
            if found == 2:
                return True
    except WireError as error:  # the first field that does not end within the head is the graph, or the file is cut
        first = head[error.offset] if error.offset < len(head) else 0
        return (error.offset > 0 and (first in known or not first)) or first == tag(7, BYTES)
    return bool(head)


def read(data: Data, file: str) -> ModelGraph:
    """Return the graph of an ONNX file.

    Args:
        data: Its bytes.
        file: Its name, for messages.

    Raises:
        SpecError: It is no ONNX file, is cut off, or says what cannot be.
    """
    from convcost.importers.onnx import reader

    return reader.read(data, file)


IMPORTER = Importer("ONNX", recognises, read)
