"""The page: its head with the policy that lets nothing run but its own script, its style, and its sections."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

import msgspec

from convcost.charts.svg import STYLE
from convcost.html.section import Figure, Grid, Section, SectionChart
from convcost.html.table import table_html
from convcost.reports.table import footer

_SCRIPTS = ("rational.js", "program.js", "texts.js", "grid.js", "charts.js", "points.js", "live.js", "start.js")
"""The files of the page's script, each after those that it needs."""


def document(sections: Sequence[Section], title: str = "") -> str:
    """Return a page of sections.

    Args:
        sections: The sections.
        title: What the browser's tab shows; the titles of the sections without.
    """
    charts = any(section.charts for section in sections)
    style, script = _file("page.css") + (STYLE if charts else ""), _script()
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    title = title or " · ".join(dict.fromkeys(section.title for section in sections[:3]))
    body = "".join(_section(section, number) for number, section in enumerate(sections))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="generator" content="convcost">\n'
        f"<title>{escape(title, quote=False)} – convcost</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"<main>\n{body}</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _section(section: Section, number: int) -> str:
    heading = "h1" if number == 0 else "h2"
    level = 2 if number == 0 else 3
    lines = "".join(f'<p class="line">{escape(line, quote=False)}</p>\n' for line in section.lines)
    parts = [
        f'<section class="report" aria-labelledby="s{number}">\n<header>\n',
        f'<{heading} id="s{number}">{escape(section.title, quote=False)}</{heading}>\n',
        "".join(f'<p class="headline">{escape(line, quote=False)}</p>\n' for line in section.headline),
        _figures(section.figures),
        f"{lines}</header>\n",
        '<div class="controls" hidden></div>\n' if section.live is not None else "",
        *_grids(section.grids[:1], section, level),
        *[_chart(chart, level, _fixed(section, chart.key)) for chart in section.charts],
        *_grids(section.grids[1:], section, level),
        _FIXED_NOTE if any(_fixed(section, key) for key in _keys(section)) else "",
        f'<script type="application/json" class="live">{_json(section.live)}</script>\n' if section.live else "",
        "</section>\n",
    ]
    return "".join(parts)


_FIXED_NOTE = '<p class="fixed-note">Other tables and charts are for the values of the spec alone.</p>\n'


def _keys(section: Section) -> list[str]:
    return [grid.key for grid in section.grids] + [chart.key for chart in section.charts]


def _fixed(section: Section, key: str) -> str:
    """Return the class of what is not computed at other values, in a section that is."""
    return " fixed" if section.live is not None and not key else ""


def _figures(figures: Sequence[Figure]) -> str:
    if not figures:
        return ""
    cells = "".join(
        f'<div title="{escape(each.about)}"><dt>{escape(each.name, quote=False)}</dt>'
        f"<dd><strong>{escape(each.short, quote=False)}</strong>"
        f"<small>{escape(each.exact, quote=False)}</small></dd></div>"
        for each in figures
    )
    return f'<dl class="figures">{cells}</dl>\n'


def _chart(chart: SectionChart, level: int, fixed: str) -> str:
    table = ""
    if chart.table is not None:
        grid = table_html(Grid(chart.table, key=chart.key), f"{chart.title}, numbers")
        table = f"<details><summary>The numbers</summary>\n{grid}</details>\n"
    key = f' data-chart="{escape(chart.key)}"' if chart.key else ""
    return (
        f'<figure class="chart{fixed}"{key}>\n<h{level}>{escape(chart.title, quote=False)}</h{level}>\n'
        f'<div class="drawing" tabindex="0" role="region" aria-label="{escape(chart.title)}, chart">\n'
        f"{chart.svg}</div>\n"
        '<p class="stale">The chart has rows and axes for the values of the spec, which have no room for these.</p>\n'
        f"{table}</figure>\n"
    )


def _grids(grids: Sequence[Grid], section: Section, level: int) -> Iterator[str]:
    for grid in grids:
        table = grid.table
        main = grid is section.grids[0]
        yield f'<div class="block{_fixed(section, grid.key)}">\n'
        if not main:
            yield f"<h{level}>{escape(table.title, quote=False)}</h{level}>\n"
            yield "".join(f'<p class="line">{escape(line, quote=False)}</p>\n' for line in table.subtitle)
        if table.code:
            yield _pre(table.code)
        if table.columns:
            yield table_html(grid, f"{section.title}, table" if main else table.title)
        yield _notes(section.notes if main else footer(table, range(len(table.columns))))
        if table.commands:
            yield _pre(table.commands)
        yield "</div>\n"


def _notes(lines: Sequence[str]) -> str:
    items = "".join(f"<p>{escape(line, quote=False)}</p>\n" for line in lines)
    return f'<div class="notes">\n{items}</div>\n' if items else ""


def _pre(lines: Sequence[str]) -> str:
    return f'<pre tabindex="0">{escape(chr(10).join(lines), quote=False)}</pre>\n'


def _json(data: object) -> str:
    """Return data as JSON that ends no script: `<` and the line ends of JavaScript are written as escapes."""
    text = msgspec.json.encode(data).decode()
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _hash(text: str) -> str:
    """Return the hash by which a content security policy names an inline script or style."""
    return f"sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}"


@cache
def _file(name: str) -> str:
    return files("convcost.html").joinpath(name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    parts = "\n".join(map(_file, _SCRIPTS))
    return f'"use strict";\n(() => {{\n{parts}}})();\n'
