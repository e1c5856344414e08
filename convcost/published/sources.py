"""The published tables: what each source printed, of which network, and how it counts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct, json

TABLES = (
    "krizhevsky_2012",
    "szegedy_2015",
    "iandola_2016",
    "tan_2019",
    "howard_2017",
    "he_2015",
    "simonyan_2014",
    "chollet_2016",
    "zhang_2017",
    "han_2019",
    "liu_2022",
    "cicek_2016",
    "slim_mobilenet_v1",
    "slim_mobilenet",
    "keras",
    "keras_rounded",
    "torchvision",
    "pycls",
    "pycls_zoo",
    "ultralytics",
    "convnext",
    "convnextv2",
    "swin",
    "shufflenet_v1",
    "shufflenet_v2",
    "convnet_burden",
)
"""The tables of published numbers, each a file in `data`; the networks' authors first."""


class PublishedPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a source counts and the spec does not have.

    Attributes:
        text: What it is.
        amount: How much it adds.
    """

    text: str
    amount: int


class PublishedColumn(Struct, frozen=True, forbid_unknown_fields=True):
    """What a column of a table counts.

    Attributes:
        counts: The quantity: a name in `convcost.published.quantities.QUANTITIES`.
        adds: What the source counts otherwise: names in `convcost.published.quantities.DIFFERENCES`.
        parts: What it counts that the spec does not have.
    """

    counts: str
    adds: tuple[str, ...] = ()
    parts: tuple[PublishedPart, ...] = ()


class PublishedNote(Struct, frozen=True, forbid_unknown_fields=True):
    """Why the digits of a number are not the rounded ones.

    Attributes:
        digits: `cut`, `rounded twice` or `misprint`.
        right: What a misprint should be.
        why: What is known of it.
    """

    digits: str
    right: str = ""
    why: str = ""


class PublishedRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A row of a table.

    Attributes:
        name: What the source calls it.
        spec: The spec that describes it.
        printed: The numbers by their columns, as they are printed.
        set: The values of the spec's symbols.
        columns: What single numbers count otherwise than their columns.
        notes: Why the digits of single numbers are not the rounded ones.
        place: Where in the source it stands.
    """

    name: str
    spec: str
    printed: dict[str, str]
    set: dict[str, Any] = {}
    columns: dict[str, PublishedColumn] = {}
    notes: dict[str, PublishedNote] = {}
    place: str = ""


class PublishedTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The numbers of a source.

    Attributes:
        title: What it is called.
        url: Where it is, at the version that was read.
        version: The commit, release or edition that was read.
        licence: Its licence; the numbers are facts. Empty where it states none.
        about: How it counts.
        columns: What its columns count.
        rows: Its rows.
    """

    title: str
    url: str
    version: str
    licence: str
    about: str
    columns: dict[str, PublishedColumn]
    rows: list[PublishedRow]


@cache
def table(name: str) -> PublishedTable:
    """Return a table of the package."""
    return read((files("convcost.published") / "data" / f"{name}.json").read_bytes())


def read(text: bytes) -> PublishedTable:
    """Return a table from its JSON."""
    return json.decode(text, type=PublishedTable)


def rows_of(spec: str) -> Iterator[tuple[PublishedTable, list[PublishedRow]]]:
    """Yield the tables with rows of a spec, each with these."""
    for name in TABLES:
        found = table(name)
        rows = [row for row in found.rows if row.spec == spec]
        if rows:
            yield found, rows


def row_named(name: str) -> PublishedRow | None:
    """Return the row of a network as a source calls it, or with other case and signs; None where there is none.

    >>> row_named("efficientnet_v2_m").spec, row_named("ResNet-101").set
    ('efficientnet_v2_s', {'n4': 23})
    """
    plain = _letters(name)
    rows = [row for each in TABLES for row in table(each).rows if _letters(row.name) == plain]
    return min(rows, key=lambda row: row.name != name, default=None)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name)).lower()


def published_specs() -> list[str]:
    """Return the specs of which there are published numbers, in the order of their names."""
    return sorted({row.spec for name in TABLES for row in table(name).rows})
