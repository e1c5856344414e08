"""Leave out rows and tables until the rest fits a page of so many bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from msgspec import Struct, field

from convcost.reports.table import Row, counted

_NOTICE = 120  # bytes, enough for a line that says what is left out


class FittedPart(Struct, eq=False):
    """A table as lines of text.

    Attributes:
        report: Which report it belongs to.
        folded: Whether it is folded away.
        head: The lines above its rows.
        rows: A line for each of its rows.
        worth: How much each row would be missed: quiet ones the least, then those of the least size.
        total: The last row.
        tail: The lines below.
        left_out: The indices of the rows that are left out.
        dropped: Whether all of it is left out.
    """

    report: int
    folded: bool
    head: Sequence[str]
    rows: Sequence[str]
    worth: Sequence[tuple[bool, float]]
    total: str
    tail: Sequence[str]
    left_out: set[int] = field(default_factory=set)
    dropped: bool = False

    def lines(self) -> Iterator[str]:
        """Yield the remaining lines."""
        if self.dropped:
            return
        yield from self.head
        yield from [row for index, row in enumerate(self.rows) if index not in self.left_out]
        yield self.total
        if self.left_out:
            count = f"{len(self.left_out):,} of {len(self.rows):,} rows"
            yield from ("", f"Left out to fit a comment: {count}, those that tell least.")
        yield from self.tail


def worth(row: Row) -> tuple[bool, float]:
    """Return how much a row would be missed."""
    return row.weight != "quiet", row.size


def size(lines: Iterable[str]) -> int:
    """Return how many bytes lines take, with their ends."""
    return sum([len(line.encode()) + 1 for line in lines])


def fit(parts: Sequence[FittedPart], room: int) -> str:
    """Leave out what is missed least until the rest has room, and return how many whole tables and specs are left out.

    First go reports without a change, then rows of tables that are folded away, then these tables,
    then other reports, and at last rows of any table.
    """
    folded = [part for part in parts if part.folded]
    steps = chain(_reports(parts, same=True), _rows(folded), _tables(folded), _reports(parts), _rows(parts))
    needed = sum([size(part.lines()) for part in parts]) + _NOTICE
    while needed > room and (saved := next(steps, None)) is not None:
        needed -= saved
    whole = {part.report for part in parts} - {part.report for part in parts if not part.dropped}
    tables = sum(part.dropped and part.report not in whole for part in parts)
    return " and ".join(counted(count, thing) for count, thing in ((tables, "table"), (len(whole), "spec")) if count)


def _rows(parts: Sequence[FittedPart]) -> Iterator[int]:
    """Leave out rows, those that are missed least first and of equal ones the last; yield what each saves.

    Few rows stay: to say that they are left out would take their room.
    """
    long = [(place, part) for place, part in enumerate(parts) if size(part.rows) > 2 * _NOTICE]
    rows = sorted((worth, -place, -row) for place, part in long for row, worth in enumerate(part.worth))
    for _, place, row in rows:
        part, row = parts[-place], -row
        if not part.dropped and row not in part.left_out:
            notice = 0 if part.left_out else _NOTICE
            part.left_out.add(row)
            yield size([part.rows[row]]) - notice


def _tables(parts: Sequence[FittedPart]) -> Iterator[int]:
    for part in reversed(parts):
        yield _drop([part])


def _reports(parts: Sequence[FittedPart], *, same: bool = False) -> Iterator[int]:
    """Leave out all reports but one, those first whose rows are missed least; or only those without a change."""
    best = {part.report: (False, 0.0) for part in parts}
    for part in parts:
        best[part.report] = max([best[part.report], *part.worth])
    for report in sorted(best, key=lambda report: (best[report], -report))[:-1]:
        mine = [part for part in parts if part.report == report and not part.dropped]
        if mine and not (same and best[report][1]):
            yield _drop(mine)


def _drop(parts: Iterable[FittedPart]) -> int:
    saved = sum([size(part.lines()) for part in parts])
    for part in parts:
        part.dropped = True
    return saved
