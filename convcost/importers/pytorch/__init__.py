"""PyTorch: exported programs, of `.pt2` files and of modules in memory; and files that hold weights alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from convcost.importers.archives import first_member
from convcost.importers.graph import Importer, ModelGraph

if TYPE_CHECKING:
    from convcost.importers.onnx.wire import Data

_FIRST = (
    r"(?:[^/]+/)?(?:data/(?:weights|constants|sample_inputs|aotinductor|\d+$)|models/|archive_|\.data/|byteorder|version$"
    r"|serialized_|data\.pkl|constants\.pkl|code/|\.format_version|\.storage_alignment)"
)
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


def recognises(head: bytes) -> bool:
    """Return whether bytes are the start of a file that PyTorch writes, or of a safetensors file.

    Args:
        head: The first bytes of the file, which are no text.
    """
    return head.startswith(_PICKLES) or bool(re.match(_FIRST, first_member(head))) or is_safetensors(head)


def is_safetensors(head: bytes) -> bool:
    """Return whether bytes are the start of a safetensors file: the length of a JSON text, and its first character."""
    return 2 <= int.from_bytes(head[:8], "little") <= MOST_HEADER and head[8:9] == b"{"


MOST_HEADER = 100_000_000
"""How many bytes the list of tensors in a safetensors file may have: the format's own bound."""


def read(data: Data, file: str) -> ModelGraph:
    """Return the graph of a `.pt2` file.

    Args:
        data: Its bytes.
        file: Its name, for messages.

    Raises:
        SpecError: It is damaged, holds weights and no program, or says what cannot be.
    """
    from convcost.importers.pytorch import archive  # where there is such a file only

    return archive.read(data, file)


IMPORTER = Importer("PyTorch", recognises, read)
