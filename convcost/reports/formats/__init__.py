"""The formats a report can be written in; a file here is a format, named as it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

from convcost.errors import Fault, OptionError, nearest
from convcost.reports.contents import Page, Report


def names() -> list[str]:
    """Return the names of all formats."""
    files = os.listdir(os.path.dirname(__file__))  # noqa: PTH208, PTH120 -- pathlib would be slower than the listing
    return sorted(file[:-3] for file in files if file.endswith(".py") and not file.startswith("_"))


def check(name: str) -> None:
    """Refuse a name that is no format.

    Raises:
        OptionError: There is no such format.
    """
    if name not in names():
        raise OptionError(Fault(f"there is no format {name!r}", help=nearest(name, names())))


def render(name: str, reports: Sequence[Report], page: Page) -> str:
    """Write reports in a format.

    Args:
        name: The format.
        reports: One report for each spec.
        page: What they are written on.
    """
    text: str = import_module(f"{__name__}.{name}").render(reports, page)
    return text
