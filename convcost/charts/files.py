"""Charts written to files: SVG by `svg`, PNG and PDF by matplotlib."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from convcost.errors import ErrorDetail, OptionError, OutputError
from convcost.files import RefusedFile, check_link

if TYPE_CHECKING:  # it calls this module
    from convcost.charts.chart import Chart

SUFFIXES = ("svg", "png", "pdf")
"""What a file of a chart can be, by its suffix."""


def suffix(path: str | PathLike[str], option: str = "") -> str:
    """Return the format of a chart's file, by its suffix.

    Args:
        path: The file.
        option: The option that names it, such as `-o`.

    Raises:
        OptionError: It is none of `SUFFIXES`.
    """
    found = Path(path).suffix.removeprefix(".").lower()
    if found in SUFFIXES:
        return found
    help = "a path that ends in .svg, .png or .pdf"
    raise OptionError(ErrorDetail("nothing says what the chart is to be", found=f"{option} {path}".strip(), help=help))


def rendered(chart: Chart, format: str) -> bytes:
    """Return a chart as the bytes of a file.

    Args:
        chart: The chart.
        format: One of `SUFFIXES`.

    Raises:
        OptionError: matplotlib is missing for a PNG or a PDF.
    """
    if format == "svg":
        return chart.svg().encode()
    from convcost.charts.drawing import draw

    return draw(chart, format)


def save(chart: Chart, path: Path) -> None:
    """Write a chart to a file; see `Chart.save`."""
    data = rendered(chart, suffix(path))
    try:
        check_link(path)
        path.write_bytes(data)
    except RefusedFile as refused:
        message = f"a chart cannot be written: {refused.reason}"
        raise OutputError(ErrorDetail(message, found=str(path), help=refused.help)) from None
    except OSError as error:
        raise OutputError(ErrorDetail(f"a chart cannot be written: {error.strerror}", found=str(path))) from None
