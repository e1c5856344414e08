"""The document of published numbers."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.documents import VERSION
from convcost.documents.conventions import CauseDocument
from convcost.documents.numbers import Count


class PublishedSourceDocument(Struct, frozen=True, kw_only=True):
    """Where published numbers stand.

    Attributes:
        title: What the source is called.
        url: Where it is, at the version that was read.
        version: The commit, release or edition that was read.
        licence: Its licence, where it states one.
        about: How it counts.
    """

    title: str
    url: str
    version: str
    licence: str | None
    about: str


class PublishedNumberDocument(Struct, frozen=True, kw_only=True):
    """A published number.

    Attributes:
        source: The title of its source.
        name: What the source calls the network.
        place: Where in the source it stands, where the name does not say it.
        set: The values of the spec's symbols that describe it.
        quantity: What is counted.
        printed: The number as it is printed.
        exact: The quantity as convcost counts it.
        causes: What the source counts otherwise.
        counted: The number under the source's convention: `exact` and the causes.
        digits: How that became the printed digits: `exact`, `rounded`, `cut`, `rounded twice` or `misprint`.
        right: The digits without the misprint.
        why: What is known of the misprint.
        agrees: Whether the printed number is convcost's own, to the last digit.
    """

    source: str
    name: str
    place: str | None
    set: dict[str, Any]
    quantity: str
    printed: str
    exact: Count
    causes: list[CauseDocument]
    counted: Count
    digits: str | None
    right: str | None
    why: str | None
    agrees: bool


class PublishedDocument(Struct, frozen=True, kw_only=True):
    """The published numbers of a shipped network, as `convcost specs NAME --published` shows them.

    Attributes:
        schema_version: The version of this structure.
        spec: The spec.
        network: What the network is called.
        sources: The sources.
        numbers: The numbers, source by source.
    """

    schema_version: int = VERSION
    spec: str
    network: str | None
    sources: list[PublishedSourceDocument]
    numbers: list[PublishedNumberDocument]
