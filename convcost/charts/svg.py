"""Charts as SVG: plain shapes, colours as CSS variables, all texts escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING
from zlib import crc32

from convcost.charts.palette import COLORS
from convcost.charts.shapes import Bar, Caption, Marker, Shape, Stroke
from convcost.errors import visible

if TYPE_CHECKING:  # it calls this module
    from convcost.charts.chart import Chart

_FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif'
_DIAMOND = "M0-1.35 1.35 0 0 1.35-1.35 0z"  # of radius 1


def _style() -> str:
    """Return the style sheet: each colour as a variable, and as it is for programs that know no variables."""
    light = "".join(f"--chart-{name}:{color.light};" for name, color in COLORS.items())
    dark = "".join(f"--chart-{name}:{color.dark};" for name, color in COLORS.items())
    rules = [f".convcost-chart{{{light}font-family:{_FONT}}}"]
    rules.append(f"@media screen and (prefers-color-scheme:dark){{.convcost-chart{{{dark}}}}}")
    for name, color in COLORS.items():
        variable = f"var(--chart-{name})"
        rules.append(f".convcost-chart .f-{name}{{fill:{color.light};fill:{variable}}}")
        rules.append(f".convcost-chart .s-{name}{{fill:none;stroke:{color.light};stroke:{variable}}}")
    rules.append(".convcost-chart .edge{stroke:#fff;stroke:var(--chart-paper)}")
    return "\n".join(rules)


STYLE = _style()
"""What a page needs once, in a `style` element, for charts that bring none along."""


def write(chart: Chart, *, prefix: str = "", style: bool = True, paper: bool = True) -> str:
    """Return a chart as SVG; see `Chart.svg`."""
    body = _plots(chart, _Writer(""))
    prefix = _attribute(prefix) or f"{chart.kind}-{crc32(f'{chart.title}{body}'.encode()):08x}"
    writer = _Writer(prefix)
    width, height = _number(chart.width), _number(chart.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="convcost-chart" data-chart="{_attribute(chart.kind)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-labelledby="{prefix}-title {prefix}-desc">\n'
        f'<title id="{prefix}-title">{_text(chart.title)}</title>\n'
        f'<desc id="{prefix}-desc">{_text(chart.description)}</desc>\n'
    )
    sheet = f"<style>{STYLE}</style>\n" if style else ""
    under = f'<rect class="f-paper" width="{width}" height="{height}"/>\n' if paper else ""
    return "".join([head, sheet, *writer.patterns(chart), under, _plots(chart, writer), "</svg>\n"])


def _plots(chart: Chart, writer: _Writer) -> str:
    """Return the shapes of a chart."""
    return "".join(f"<g{_data(plot.data)}>\n{''.join(map(writer.shape, plot.shapes))}</g>\n" for plot in chart.plots)


class _Writer:
    """What writes shapes whose ids begin with a prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def patterns(self, chart: Chart) -> Iterator[str]:
        """Yield the patterns of hatched bars."""
        bars = [shape for plot in chart.plots for shape in plot.shapes if isinstance(shape, Bar) and shape.hatched]
        for color in dict.fromkeys(bar.color for bar in bars):
            yield (
                f'<defs><pattern id="{self.prefix}-{color}" width="5" height="5" patternUnits="userSpaceOnUse" '
                f'patternTransform="rotate(45)"><rect class="f-{color}" width="5" height="5"/>'
                '<path class="s-paper" d="M0 0V5" stroke-width="2.4"/></pattern></defs>\n'
            )

    def shape(self, shape: Shape) -> str:
        """Return a shape's element on a line."""
        if isinstance(shape, Bar):
            return self._bar(shape)
        if isinstance(shape, Stroke):
            return _stroke(shape)
        return _marker(shape) if isinstance(shape, Marker) else _caption(shape)

    def _bar(self, bar: Bar) -> str:
        fill = f'fill="url(#{self.prefix}-{bar.color})"' if bar.hatched else f'class="f-{bar.color}"'
        size = f'x="{_number(bar.x)}" y="{_number(bar.y)}" width="{_number(bar.width)}" height="{_number(bar.height)}"'
        return _element("rect", f"{fill} {size}{_data(bar.data)}", bar.tip)


def _stroke(stroke: Stroke) -> str:
    points = "L".join(f"{_number(x)} {_number(y)}" for x, y in stroke.points)
    width = f' stroke-width="{_number(stroke.width)}"' if stroke.width != 1 else ""
    return _element("path", f'class="s-{stroke.color}" d="M{points}"{width}')


def _marker(marker: Marker) -> str:
    color = f'class="s-{marker.color}" stroke-width="1.6"' if marker.hollow else f'class="f-{marker.color} edge"'
    x, y, radius = _number(marker.x), _number(marker.y), _number(marker.radius)
    if marker.shape == "circle":
        return _element("circle", f'{color} cx="{x}" cy="{y}" r="{radius}"{_data(marker.data)}', marker.tip)
    place = f'transform="translate({x} {y}) scale({radius})" vector-effect="non-scaling-stroke"'
    return _element("path", f'{color} d="{_DIAMOND}" {place}{_data(marker.data)}', marker.tip)


def _caption(caption: Caption) -> str:
    anchor = "" if caption.anchor == "start" else f' text-anchor="{caption.anchor}"'
    bold = ' font-weight="600"' if caption.bold else ""
    x, y = _number(caption.x), _number(caption.y)
    attributes = f'class="f-{caption.color}" x="{x}" y="{y}" font-size="{_number(caption.size)}"{anchor}{bold}'
    return f"<text {attributes}{_data(caption.data)}>{_text(caption.text)}</text>\n"


def _element(name: str, attributes: str, tip: str = "") -> str:
    return f"<{name} {attributes}><title>{_text(tip)}</title></{name}>\n" if tip else f"<{name} {attributes}/>\n"


def _data(data: Mapping[str, str]) -> str:
    return "".join(f' data-{name}="{_attribute(value)}"' for name, value in data.items())


def _text(text: str) -> str:
    return escape(visible(text), quote=False)


def _attribute(text: str) -> str:
    return escape(visible(text))


def _number(value: float) -> str:
    """Return a length in hundredths of a pixel, which nobody sees, without zeros at the end."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
