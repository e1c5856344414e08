"""The document of an analysis."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.numbers import Count, Size

Row = TypeVar("Row")
Total = TypeVar("Total")


class Versioned(Struct, frozen=True, kw_only=True):
    """A report.

    Attributes:
        schema_version: The version of this structure.
    """

    schema_version: int = VERSION


class Network(Struct, frozen=True, kw_only=True):
    """Which network a report tells of.

    Attributes:
        name: Its name.
        file: The file it was read from.
        source: Where the architecture comes from.
        symbols: The values of its symbols.
        input_shape: What it takes, channels first.
    """

    name: str | None
    file: str | None
    source: str | None = None
    symbols: dict[str, Any]
    input_shape: list[Size] = []

    @property
    def is_file(self) -> bool:
        """Whether it was read from a file, not from `<stdin>` or a mapping."""
        return bool(self.file) and not str(self.file).startswith("<")


class Convention(Struct, frozen=True, kw_only=True):
    """What the numbers count.

    Attributes:
        batch: How many inputs.
        fold: Whether batch norms fold into the layer before them.
    """

    batch: Count
    fold: bool


class Entry(Struct, Generic[Row, Total], frozen=True, kw_only=True):
    """A network and what it costs.

    Attributes:
        schema_version: The version of this structure; a report of several networks says it once.
        network: The network.
        convention: What the numbers count.
        layers: Its layers, or the rows that were asked for.
        total: What it costs in all.
        left_out: How many rows are not told.
    """

    schema_version: int | UnsetType = UNSET
    network: Network
    convention: Convention
    layers: list[Row]
    total: Total
    left_out: Count | UnsetType = UNSET


class Analysis(Entry[Row, Total], Generic[Row, Total], frozen=True, kw_only=True):
    """What a network costs, as `convcost analyze` tells it."""

    schema_version: int = VERSION
