"""Warnings in documents."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from convcost.errors import WarningDetail


class Warning(Struct, frozen=True, kw_only=True):
    """What is valid in a spec and is rarely meant.

    Attributes:
        message: What looks wrong, in one line.
        file: The file where it stands.
        line: The line there, from 1.
        column: The column there, from 1.
        path: The construct at that place, such as a layer's name.
        found: What stands there.
        help: The remedy.
        note: Where else it is.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    path: str | None = None
    found: str | None = None
    help: str | None = None
    note: str | None = None


def warning_documents(*warnings: Iterable[WarningDetail]) -> list[Warning]:
    """Return warnings as documents have them, each once."""
    return [
        Warning(
            message=each.message,
            file=each.place.file if each.place else None,
            line=each.place.line or None if each.place else None,
            column=each.place.column or None if each.place else None,
            path=each.path or None,
            found=each.found or None,
            help=each.help or None,
            note=each.note or None,
        )
        for each in dict.fromkeys(each for some in warnings for each in some)
    ]
