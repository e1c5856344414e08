"""The formats a report can be written in; a file here or in `ci` is a format, named as it is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module

from convcost.errors import Fault, OptionError, nearest
from convcost.reports.contents import Page, Report


def names(*, ci: bool = False) -> list[str]:
    """Return the names of the formats that every report can be written in.

    Args:
        ci: Whether those for findings belong to them, which tools of continuous integration read.
    """
    here = os.path.dirname(__file__)  # noqa: PTH120 -- pathlib would be slower than the listing
    folders = [here, os.path.join(here, "ci")] if ci else [here]  # noqa: PTH118
    files = [file for folder in folders for file in os.listdir(folder)]  # noqa: PTH208
    return sorted(file[:-3] for file in files if file.endswith(".py") and not file.startswith("_"))


def check(name: str, *, ci: bool = False) -> None:
    """Refuse a name that is no format.

    Args:
        name: The name.
        ci: Whether the reports have findings.

    Raises:
        OptionError: There is no such format, or it is for findings and the reports have none.
    """
    if name in names(ci=ci):
        return
    if name in names(ci=True):
        help = f"convcost check SPEC -o {name}; here the formats are {', '.join(names())}"
        raise OptionError(Fault(f"{name} is a format for findings, which only `convcost check` has", help=help))
    raise OptionError(Fault(f"there is no format {name!r}", help=nearest(name, names(ci=ci))))


def render(name: str, reports: Sequence[Report], page: Page) -> str:
    """Write reports in a format.

    Args:
        name: The format.
        reports: One report for each spec.
        page: What they are written on.
    """
    package = __name__ if name in names() else f"{__name__}.ci"
    text: str = import_module(f"{package}.{name}").render(reports, page)
    return text
