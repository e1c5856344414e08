"""Markdown: a heading and a table, for pull requests and READMEs (GitHub's dialect)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convcost.reports.contents import Page, Report, Table, footer, tables

_SPECIAL = re.compile(r"([\\`*\[\]<>|~&$]|(?<!\w)_|_(?!\w))")
_LEADING = re.compile(r"^(\s*\d*)([-+=#.)])")  # what would begin a list, a heading or a rule


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' tables as Markdown."""
    return "\n".join("\n".join(_lines(table)) for table in tables(reports))


def _lines(table: Table) -> Iterator[str]:
    kept = [index for index, column in enumerate(table.columns) if column.role != "bar"]
    columns = [table.columns[index] for index in kept]
    yield f"### {_escape(table.title)}"
    yield ""
    for line in table.subtitle:
        yield _paragraph(line) + "  "
    yield ""
    yield _line([column.title for column in columns])
    yield _line(["---:" if column.right else "---" for column in columns])
    for row in table.rows:
        cells = [row.cells[index] for index in kept]
        yield _line([_name(cells[0]), *map(_escape, cells[1:])])
    yield _line([f"**{_escape(cell)}**" if cell else "" for cell in (table.total[index] for index in kept)])
    for line in footer(table, kept):
        yield ""
        yield _paragraph(line)
    yield ""


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _name(text: str) -> str:
    """Return a name as code, its indentation kept."""
    label = text.lstrip(" ")
    indent = "&emsp;" * ((len(text) - len(label)) // 2)
    if "`" in label or not label.strip() or label.startswith("…"):
        return indent + _escape(label)
    return f"{indent}`{label.replace('|', chr(92) + '|')}`"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _paragraph(text: str) -> str:
    return _LEADING.sub(r"\1\\\2", _escape(text))
