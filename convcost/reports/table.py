"""Tables and findings, which reports make and formats write; numbers and names as tables show them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from msgspec import Struct

from convcost.errors import Place, visible

MARK = "▏▎▍▌▋▊▉█"  # eighths of a cell
BAR_CELLS = 10
AT_LEAST = "≥ "
"""What stands before a number that is a lower bound."""
GAP = 2  # spaces between columns
REDIRECT = 120  # columns of a page that is no terminal
_DEEPER = r"\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*\)"  # parentheses, up to four within each other
_LONG = rf"\w{_DEEPER}|(?<![\w.])[0-9]{{4,}}"  # a number in a formula, or the arguments of a function


class Column(Struct, frozen=True):
    """A column of a table.

    Attributes:
        title: What stands above it.
        right: Whether its cells are aligned to the right, as numbers are.
        drop: When it is left out of a page that is too narrow: the highest first, equals together; 0 never.
        role: `name`, `number`, `bar` or `text`.
        footnote: A line below the table that explains it.
        least: To how many cells its texts may be cut before it is left out, an … for the rest; 0 where they are whole.
        wraps: Whether its texts are broken at spaces where they are wider than the page, before names are cut.
        key: What the option is given that shows it on a page that is too narrow for it.
    """

    title: str
    right: bool = False
    drop: int = 0
    role: str = "text"
    footnote: str = ""
    least: int = 0
    key: str = ""
    wraps: bool = False


class Row(Struct, frozen=True):
    """A row of a table.

    Attributes:
        cells: A cell for each column.
        weight: Whether it is a heading, ordinary, quiet, warned or wrong.
        size: How much it matters: what is too long for a page loses its quiet rows first, then those with the least.
    """

    cells: tuple[str, ...]
    weight: str = "ordinary"
    size: float = 0.0


class Table(Struct, frozen=True):
    """A table as people read it.

    Attributes:
        title: The first line.
        subtitle: What belongs to the title.
        columns: Its columns.
        rows: Its rows.
        total: The last row, set apart.
        footer: Lines below.
        more: Tables that follow it.
        code: Lines of a file above the columns, shown as they are.
        commands: Command lines below all, never broken.
        fold: The line under which a page that can folds it away; empty for a table that is always seen.
        headline: Lines between title and subtitle that are read first.
        wider: The option that shows columns for which a page is too narrow; empty where only a wider page does.
        last: The line that ends a page without folds, so that a long one ends with what it says.
    """

    title: str
    subtitle: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: Sequence[Row]
    total: tuple[str, ...]
    footer: tuple[str, ...]
    more: tuple[Table, ...] = ()
    code: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    fold: str = ""
    headline: tuple[str, ...] = ()
    wider: str = ""
    last: str = ""


def footer(table: Table, kept: Iterable[int]) -> tuple[str, ...]:
    """Return the lines below a table of which the columns `kept` are shown."""
    shown = [index for index in kept if any(row.cells[index] for row in table.rows)]
    return (*table.footer, *(note for index in shown if (note := table.columns[index].footnote)))


class Finding(Struct, frozen=True):
    """One verdict, as the tools of continuous integration take it.

    Attributes:
        level: `error`, `warning`, `pass` or `skipped`.
        rule: A short name of what was asked, such as `mults-max`.
        about: What the rule asks, in a sentence.
        subject: What was held to it: a network, with values and layers where it is for some only.
        title: What was found, in a few words.
        message: What was found, in one paragraph of plain text.
        place: Where to look: the layer that costs or grew most; None where nothing was read from a file.
        related: Other places, such as that of the limit, each with what stands there.
        fingerprint: Hexadecimal digits that stay the same from run to run while the limit and its subject do.
        weight: How bad it is: the share of the limit that is used.
    """

    level: str
    rule: str
    about: str
    subject: str
    title: str
    message: str
    place: Place | None
    related: tuple[tuple[Place, str], ...]
    fingerprint: str
    weight: Fraction


class Report(Protocol):
    """What every format can ask of a result."""

    def data(self) -> Struct:
        """Return the result as a document: what JSON writes."""

    def records(self) -> Sequence[Mapping[str, Any]]:
        """Return a flat mapping for each row, with the same keys: what CSV writes."""

    def table(self) -> Table:
        """Return the result as people read it."""


class Findings(Report, Protocol):
    """What a format for continuous integration can ask of a result."""

    def findings(self) -> Sequence[Finding]:
        """Return its verdicts, in their order."""


def tables(reports: Iterable[Report]) -> Iterator[Table]:
    """Yield the tables of reports, one after the other."""
    for report in reports:
        table = report.table()
        yield table
        yield from table.more


def screens(reports: Sequence[Report]) -> Iterator[Table]:
    """Yield the tables of reports as a screen shows them.

    A report whose table can be long has a method `screen`, which returns one that fits; reports that are best read side
    by side have a method `side_by_side`, which returns the one table of them.
    """
    if len(reports) > 1 and (together := getattr(reports[0], "side_by_side", None)):
        yield from together(reports)
        return
    for report in reports:
        table = getattr(report, "screen", report.table)()
        yield table
        yield from table.more


class NamedRow(Protocol):
    """What has a name in parts, outermost first."""

    @property
    def path(self) -> tuple[str, ...]:
        """The parts."""


_Named = TypeVar("_Named", bound=NamedRow)


class Page(Struct, frozen=True):
    """What a report is written on.

    Attributes:
        width: The columns of the terminal; None where the width is free.
        color: Whether it shows colours.
        python: Whether a program prints it, which has no options of the command line.
    """

    width: int | None = None
    color: bool = False
    python: bool = False


def grouped(number: Any) -> str:
    """Return a number with all of its digits, in groups of three; those between a function's commas stay together.

    >>> grouped(4231976), grouped("1000·make_divisible(1280·alpha, 8)")
    ('4,231,976', '1,000·make_divisible(1280·alpha, 8)')
    """
    if isinstance(number, int):
        return f"{number:,}"
    return re.sub(_LONG, lambda found: f"{int(found[0]):,}" if found[0].isdecimal() else found[0], str(number))


def figure(value: Any) -> str:
    """Return a metric's value: a ratio exactly where six decimals can hold it, marked as rounded where they cannot.

    >>> figure(4231976), figure(Fraction(9, 8)), figure(Fraction(2_000, 3)), figure(None)
    ('4,231,976', '1.125', '≈666.666667', '')
    """
    if value is None:
        return ""
    if value.__class__ is not Fraction:
        return grouped(value)
    millionths = value * 10**6
    sign = "−" if value < 0 else ""
    whole, rest = divmod(abs(round(millionths)), 10**6)
    digits = f"{whole:,}.{rest:06d}".rstrip("0").rstrip(".")
    return f"{'' if millionths.denominator == 1 else '≈'}{sign}{digits}"


def short(number: int) -> str:
    """Return a number with four digits and the letter of its thousands.

    >>> short(4231976), short(568740352), short(19200), short(843), short(999_960)
    ('4.232 M', '568.7 M', '19.2 k', '843', '1 M')
    """
    return _scaled(number, 1000, ["", "k", "M", "G", "T", "P", "E"], 4)


def bytes_text(number: int) -> str:
    """Return a number of bytes with three digits and its unit of 1,024s.

    >>> bytes_text(102121888), bytes_text(3372), bytes_text(100)
    ('97.4 MiB', '3.29 KiB', '100 bytes')
    """
    return _scaled(number, 1024, ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], 3)


def _scaled(number: int, step: int, units: Sequence[str], digits: int) -> str:
    """Return a number in the largest unit of which it has one, rounded to so many digits."""
    scaled, unit = Fraction(number), 0
    while scaled >= step and unit < len(units) - 1:
        scaled /= step
        unit += 1
    text = _rounded(scaled, digits)
    if text == str(step) and unit < len(units) - 1:  # by rounding
        text, unit = "1", unit + 1
    return f"{text} {units[unit]}".rstrip()


def _rounded(number: Fraction, digits: int) -> str:
    """Return a number of at least 0 rounded to so many digits, without zeros at the end; whole ones keep all digits."""
    decimals = max(0, digits - len(str(int(number))))
    rounded = round(number * 10**decimals)
    whole, rest = divmod(rounded, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)


def counted(number: int, thing: str) -> str:
    """Return how many things there are.

    >>> counted(1, "layer"), counted(1000, "layer")
    ('1 layer', '1,000 layers')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def sized(shape: Sequence[Any]) -> str:
    """Return a shape as tables show it: `?` where it is not known, which is written as no value.

    >>> sized((256, 8, 8)), sized((0,))
    ('256×8×8', '?')
    """
    if len(shape) == 1 and shape[0].__class__ is int and not shape[0]:
        return "?"
    return "×".join(map(str, shape))


def percent(share: Fraction) -> str:
    """Return a share in percent: exactly where six decimals can hold it, marked as rounded where they cannot.

    >>> percent(Fraction(281, 6400)), percent(Fraction(73, 576))
    ('4.390625 %', '≈12.673611 %')
    """
    millionths = share * 10**8
    digits = f"{round(millionths):09d}"
    text = f"{digits[:-6]}.{digits[-6:]}".lstrip("0").rstrip("0").rstrip(".")
    text = f"0{text}" if text.startswith(".") or not text else text
    return f"{'' if millionths.denominator == 1 else '≈'}{text} %"


def signed(number: int | Fraction) -> str:
    """Return a number with its sign, nothing for zero.

    >>> signed(1000), signed(-5), signed(0), signed(Fraction(-1, 3))
    ('+1,000', '−5', '', '≈−0.333333')
    """
    if not number:
        return ""
    text = figure(abs(number))
    rounded = "≈" if text.startswith("≈") else ""
    return f"{rounded}{'+' if number > 0 else '−'}{text.removeprefix(rounded)}"


def bar(share: float) -> str:
    """Return a bar whose length is the share of ten cells, in eighths.

    >>> bar(0.25)
    '██▌'
    """
    eighths = round(share * BAR_CELLS * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (MARK[rest - 1] if rest else "")


def safe(text: str) -> str:
    """Return text that a terminal shows as it is, on one line."""
    return visible(text)


def tree(layers: Sequence[_Named]) -> Iterator[tuple[str, _Named | None]]:
    """Yield each layer with its label; a group whose layers come before its own gets a heading.

    A layer that has the name of such a group, as the merge at the end of a named one, stands in it under its type.
    """
    open_path: tuple[str, ...] = ()
    for layer in layers:
        path = layer.path
        common = 0
        for mine, theirs in zip(path[:-1], open_path, strict=False):
            if mine != theirs:
                break
            common += 1
        for level in range(common, len(path) - 1):
            yield "  " * level + safe(path[level]), None
        inside = len(open_path) > len(path) == common + 1 and open_path[common] == path[-1]
        label = "  " + getattr(layer, "type", "") if inside else safe(path[-1])
        yield "  " * (len(path) - 1) + label, layer
        open_path = path
