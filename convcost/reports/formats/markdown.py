"""Markdown: a heading and a table, for pull requests and READMEs (GitHub's dialect)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from convcost.reports.contents import Page, Report, Table, footer, tables

_SPECIAL = re.compile(r"([\\`*\[\]<>|~&$#]|(?<![^\W_])_|_(?![^\W_]))")
_LINKED = re.compile(  # mentions and addresses, issues, links, emoji; of numbers only these two are one
    r"@(?=\w)|#(?=\d)|\bGH-(?=\d)|www(?=\.)|:(?=//)|:(?=(?:100|1234|[\w+-]*[a-z_+-][\w+-]*):)", re.IGNORECASE
)
_BREAK = "\u200b"
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
    yield from _block(table.code)
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
    yield from _block(table.commands)


def _block(lines: Sequence[str]) -> Iterator[str]:
    """Yield lines that are shown as they are."""
    if lines:
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", "\n".join(lines))), default=0))
        yield from (f"{fence}text", *lines, fence, "")


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
    """Return text that is shown as it is.

    GitHub finds mentions, issues and emoji after Markdown, where backslashes are gone: a space without width breaks
    them. Sources: "GitHub Flavored Markdown Spec", https://github.github.com/gfm/; what backslashes do not do,
    https://github.com/github/markup/issues/1168 and https://github.com/github/markup/issues/1153.
    """
    broken = _LINKED.sub(rf"\g<0>{_BREAK}", text)
    return _SPECIAL.sub(r"\\\1", broken).replace(_BREAK, "&#8203;")


def _paragraph(text: str) -> str:
    return _LEADING.sub(r"\1\\\2", _escape(text.lstrip()))
