"""The document of two networks beside each other."""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument, Told, UnknownDocument
from convcost.documents.footprint import FootprintChange
from convcost.documents.warnings import Warning

Layer = TypeVar("Layer")
Total = TypeVar("Total")


class ChangeDocument(Struct, Generic[Layer], frozen=True, kw_only=True):
    """A layer in both networks, or in one of them.

    Attributes:
        kind: `same`, `changed`, `added` or `removed`.
        what: The fields and shapes that differ.
        moved: Whether it stands elsewhere among those that stayed.
        before: The layer in the first network.
        after: The layer in the second.
    """

    kind: str
    what: list[str]
    moved: bool
    before: Layer | None
    after: Layer | None


class Delta(Struct, frozen=True, kw_only=True):
    """How a total changed; null where one of the networks has no value.

    Attributes:
        delta: By how much.
        percent: The same in percent; null where it begins at 0.
    """

    delta: int | str | None
    percent: float | None


class Totals(Struct, Generic[Total], frozen=True, kw_only=True):
    """What both networks cost in all.

    Attributes:
        before: The first.
        after: The second.
        change: How each metric changed.
    """

    before: Total
    after: Total
    change: dict[str, Delta]


class BaseDocument(Struct, frozen=True, kw_only=True):
    """What is compared with.

    Attributes:
        name: What it is called.
        revision: The revision that was asked for.
        commit: The commit that was read.
        file: The report that was read.
    """

    name: str
    revision: str | None
    commit: str | None
    file: str | UnsetType | None = UNSET


class DifferenceDocument(Struct, Generic[Layer, Total], frozen=True, kw_only=True):
    """What changed between two networks, as `convcost diff` shows it.

    Attributes:
        schema_version: The version of this structure.
        before: The first network; null where there was none.
        after: The second.
        convention: What the numbers count.
        layers: Their layers, in the order in which both run.
        totals: What they cost in all.
        memory: What they take.
        base: Where the first was read, if it is the second at an earlier revision.
        warnings: What is valid in the spec and rarely meant.
        incomplete: True where operations of either are not counted; left out where all are.
        unknown: These operations.
    """

    schema_version: int = VERSION
    before: NetworkDocument | None
    after: NetworkDocument
    convention: Told
    layers: list[ChangeDocument[Layer]]
    totals: Totals[Total]
    memory: FootprintChange
    base: BaseDocument | UnsetType | None = UNSET
    warnings: list[Warning] = []
    incomplete: bool | UnsetType = UNSET
    unknown: list[UnknownDocument] | UnsetType = UNSET
