"""Charts as PNG and PDF, drawn by matplotlib shape by shape, so that they look as their SVG does on light paper."""

from __future__ import annotations

import warnings
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

from convcost.charts.palette import COLORS
from convcost.charts.shapes import Bar, Caption, Marker, Shape, Stroke
from convcost.errors import ErrorDetail, OptionError, visible

if TYPE_CHECKING:  # it calls this module
    from convcost.charts.chart import Chart

_DPI = 200  # dots in 72 pixels: a page of 760 pixels is 2,111 dots wide
_FONTS = ["Helvetica Neue", "Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans CJK JP", "Arial Unicode MS"]
_MARKERS = {"circle": ("o", 2.0), "diamond": ("D", 1.9)}
"""The names that matplotlib has for shapes, and their sizes in radii."""


def draw(chart: Chart, format: str) -> bytes:
    """Return a chart as a file.

    Args:
        chart: The chart.
        format: `png` or `pdf`.

    Raises:
        OptionError: matplotlib is not installed.
    """
    try:
        matplotlib: Any = import_module("matplotlib")
        figures: Any = import_module("matplotlib.figure")
    except ImportError:
        help = "pip install 'convcost[plot]'; an .svg needs nothing"
        message = f"a chart as {format.upper()} needs matplotlib, which is not installed"
        raise OptionError(ErrorDetail(message, help=help)) from None
    settings = {
        "font.family": _known_fonts(),
        "pdf.fonttype": 42,
        "hatch.linewidth": 1.6,
    }
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # a box stands for it
        figure = figures.Figure((chart.width / 72, chart.height / 72), dpi=_DPI, facecolor=_color("paper"))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, chart.width)
        axes.set_ylim(chart.height, 0)
        for order, shape in enumerate(shape for plot in chart.plots for shape in plot.shapes):
            _add(axes, shape, order + 1)
        written = BytesIO()
        dates = {"CreationDate": None} if format == "pdf" else {}
        figure.savefig(
            written, format=format, facecolor=_color("paper"), metadata={"Title": visible(chart.title), **dates}
        )
    return written.getvalue()


def _known_fonts() -> list[str]:
    """Return the fonts that are there, the best first: what one does not have is taken from the next."""
    manager: Any = import_module("matplotlib.font_manager").fontManager
    known = {font.name for font in manager.ttflist}
    return [name for name in _FONTS if name in known] or ["DejaVu Sans"]


def _color(name: str) -> str:
    return COLORS[name].light


def _add(axes: Any, shape: Shape, order: int) -> None:
    """Draw a shape; later ones over earlier ones."""
    if isinstance(shape, Bar):
        hatch = {"hatch": "//////", "edgecolor": _color("paper")} if shape.hatched else {}
        bar = import_module("matplotlib.patches").Rectangle
        axes.add_patch(
            bar(
                (shape.x, shape.y),
                shape.width,
                shape.height,
                facecolor=_color(shape.color),
                linewidth=0,
                zorder=order,
                **hatch,
            )
        )
    elif isinstance(shape, Stroke):
        xs, ys = zip(*shape.points, strict=True)
        ends = {"solid_capstyle": "butt", "solid_joinstyle": "miter"}
        axes.plot(xs, ys, color=_color(shape.color), linewidth=shape.width, zorder=order, **ends)
    elif isinstance(shape, Marker):
        _mark(axes, shape, order)
    else:
        _write(axes, shape, order)


def _mark(axes: Any, marker: Marker, order: int) -> None:
    color = _color(marker.color)
    shape, size = _MARKERS[marker.shape]
    axes.plot(
        [marker.x],
        [marker.y],
        linestyle="none",
        marker=shape,
        markersize=marker.radius * size,
        markerfacecolor="none" if marker.hollow else color,
        markeredgecolor=color if marker.hollow else _color("paper"),
        markeredgewidth=1.6 if marker.hollow else 1.0,
        zorder=order,
    )


def _write(axes: Any, caption: Caption, order: int) -> None:
    axes.text(
        caption.x,
        caption.y,
        visible(caption.text),
        color=_color(caption.color),
        fontsize=caption.size,
        fontweight="bold" if caption.bold else "normal",
        ha={"start": "left", "middle": "center", "end": "right"}[caption.anchor],
        va="baseline",
        zorder=order,
        parse_math=False,
    )
