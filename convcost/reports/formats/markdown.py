"""Markdown: a heading and a table, for pull requests and READMEs (GitHub's dialect)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from convcost.reports.formats._fitting import FittedPart, fit, size, worth
from convcost.reports.table import Column, Page, Report, Table, footer, tables

MOST_BYTES = 64_000
"""What a comment may take in UTF-8; never more characters than that."""

_LONGEST = 300  # characters of a text in a comment
_MOST_LINES = 20  # below a table in a comment

_SPECIAL = re.compile(r"([\\`*\[\]<>|~&$#]|(?<![^\W_])_|_(?![^\W_]))")
_LINKED = re.compile(  # mentions and addresses, issues, links, emoji; of numbers only these two are one
    r"@(?=\w)|#(?=\d)|\bGH-(?=\d)|www(?=\.)|:(?=//)|:(?=(?:100|1234|[\w+-]*[a-z_+-][\w+-]*):)", re.IGNORECASE
)
_BREAK = "\u200b"
_LEADING = re.compile(r"^(\s*\d*)([-+=#.)])")  # what would begin a list, a heading or a rule


def render(reports: Sequence[Report], page: Page) -> str:
    """Return the reports' tables as Markdown; what has a marker fits a comment, and begins with it.

    A marker is a line that is not shown, by which a program finds the comment that it wrote earlier. GitHub refuses a
    comment of more than 65,536 characters, "Body is too long": https://github.com/google/go-github/pull/440.
    """
    markers = [f"<!-- {marker} -->" for marker in dict.fromkeys(map(_marker, reports)) if marker]
    parts = [
        _part(table if not markers else _shortened(table), number)
        for number, report in enumerate(reports)
        for table in tables([report])
    ]
    if not markers:
        return "\n".join("\n".join(part.lines()) for part in parts)
    whole = fit(parts, MOST_BYTES - size(markers))
    left = [f"Left out to fit a comment: {whole}.", ""] if whole else []
    return "\n".join([*markers, *("\n".join(part.lines()) for part in parts if not part.dropped), *left])


def _marker(report: Report) -> str:
    marker: str = getattr(report, "marker", "")
    return marker


def _shortened(table: Table) -> Table:
    """Return a table without what is endless, which no comment could hold."""

    def short(texts: Iterable[str]) -> tuple[str, ...]:
        return tuple([text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…" for text in texts])

    below = short(table.footer)
    if len(below) > _MOST_LINES:
        below = *below[: _MOST_LINES - 1], f"… and {len(below) - _MOST_LINES + 1:,} more"
    return replace(
        table,
        title=short([table.title])[0],
        subtitle=short(table.subtitle),
        rows=[replace(row, cells=short(row.cells)) for row in table.rows],
        total=short(table.total),
        footer=below,
    )


def _part(table: Table, report: int) -> FittedPart:
    kept = [index for index, column in enumerate(table.columns) if column.role != "bar"]
    rows = [[row.cells[index] for index in kept] for row in table.rows]
    return FittedPart(
        report,
        bool(table.fold),
        head=[*_head(table), *_columns([table.columns[index] for index in kept])],
        rows=[_line([_name(cells[0]), *map(_escape, cells[1:])]) for cells in rows],
        worth=list(map(worth, table.rows)),
        total=_line([f"**{_escape(cell)}**" if cell else "" for cell in (table.total[index] for index in kept)]),
        tail=list(_tail(table, footer(table, kept))),
    )


def _head(table: Table) -> Iterator[str]:
    """Yield the lines above the columns; a table that is folded away keeps its title, unless they say the same.

    GitHub takes as Markdown what an empty line sets apart in `<details>`: "Organizing information with collapsed
    sections", in "Working with advanced formatting", https://docs.github.com/en/get-started/writing-on-github.
    """
    if not table.fold or table.title != table.fold:
        yield f"### {_escape(table.title)}"
        yield ""
        for line in (*table.headline, *table.subtitle):
            yield _paragraph(line) + "  "
        yield ""
    if table.fold:
        yield f"<details><summary>{_html(table.fold)}</summary>"
        yield ""
    yield from _block(table.code)


def _columns(columns: Sequence[Column]) -> Iterator[str]:
    yield _line([column.title for column in columns])
    yield _line(["---:" if column.right else "---" for column in columns])


def _tail(table: Table, below: Iterable[str]) -> Iterator[str]:
    for line in below:
        yield ""
        yield _paragraph(line)
    yield ""
    yield from _block(table.commands)
    if table.fold:
        yield "</details>"
        yield ""


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
