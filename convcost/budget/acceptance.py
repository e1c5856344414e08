"""Limits that are exceeded, raised in their files to what the networks cost now; nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

from msgspec import Struct

from convcost.budget.budgets import Bound, in_file
from convcost.budget.verdicts import EXCEEDED, MAX, SKIPPED, Check, Verdict
from convcost.errors import ConfigError, ErrorDetail, Place
from convcost.files import SPEC_BYTES, RefusedFile, read
from convcost.spec.collector import LINE_END
from convcost.spec.reading import UNITS

_RATIO_DECIMALS = 6  # of the limit of a ratio, which is rounded up
_MOST_DECIMALS = 12  # a unit is kept as long as that many tell the number exactly


class Accepted(Struct, frozen=True):
    """New limits.

    Attributes:
        files: The new text of each file.
        notes: What was changed, in words.
        old: What each file held.
    """

    files: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    old: tuple[bytes, ...] = ()


def accepted(check: Check) -> Accepted:
    """Return the files with each exceeded limit raised to just what it takes.

    Args:
        check: What was found.

    Raises:
        ConfigError: A limit does not stand in a file, or the file says something else by now.
    """
    exceeded: dict[Place, list[Verdict]] = {
        _place(verdict): [] for verdict in check.verdicts if verdict.status == EXCEEDED
    }
    for verdict in check.verdicts:  # what keeps the limit must keep the new one, too
        if verdict.status != SKIPPED and (place := verdict.bound.place) and place in exceeded:
            exceeded[place].append(verdict)
    if not exceeded:
        return Accepted((), ("Nothing is exceeded: no limit was changed.",))
    edits: dict[str, list[tuple[Bound, str]]] = {}
    notes = []
    for place, verdicts in exceeded.items():
        first = verdicts[0]
        new = _raised(verdicts)
        edits.setdefault(place.file, []).append((first.bound, new))
        notes.append(f"Accepted: {first.budget.metric} {first.kind}: {first.bound.text} is now {new}, in {place}.")
    old = {file: _contents(file) for file in edits}
    files = tuple((file, _edited(old[file].decode("utf-8"), changes)) for file, changes in edits.items())
    return Accepted(files, tuple(notes), tuple(old.values()))


def _place(verdict: Verdict) -> Place:
    place = verdict.bound.place
    if place is None or not in_file(place):
        where = place.file if place else "the limit was given by a program"
        raise ConfigError(ErrorDetail("--accept changes limits in files", found=where, help="change it by hand"))
    return place


def _raised(verdicts: Sequence[Verdict]) -> str:
    """Return the text of the smallest limit within which all of some verdicts would be."""
    bound = verdicts[0].bound
    if verdicts[0].kind == MAX:
        return written(max(verdict.actual or 0 for verdict in verdicts), bound.text)
    growths = [((verdict.actual or 0) - (verdict.base or 0), verdict.base or 0) for verdict in verdicts]
    grown = [(more, base) for more, base in growths if more > 0]
    if bound.share and all(base for _, base in grown):
        return f"{_decimal(Fraction(ceil(max(Fraction(more, base) for more, base in grown) * 10_000), 100))}%"
    return written(max(more for more, _ in growths), bound.text)


def written(number: int | Fraction, like: str) -> str:
    """Return a number as an amount in the unit of another, where that can tell it exactly; a ratio in decimals.

    >>> written(325_400_448, "300M"), written(540_672, "512Ki"), written(1_234_567, "1_000_000"), written(12_345, "1e4")
    ('325.400448M', '528Ki', '1_234_567', '12_345')
    >>> written(Fraction(2, 3), "0.5"), written(Fraction(3, 1), "2")
    ('0.666667', '3')
    """
    if number.denominator != 1:
        return _decimal(Fraction(ceil(number * 10**_RATIO_DECIMALS), 10**_RATIO_DECIMALS))
    number = int(number)
    unit = next((unit for unit in UNITS if like.endswith(unit)), "")
    if unit and (text := _decimal(Fraction(number, UNITS[unit]))):
        return text + unit
    return str(number) if like.isdecimal() else f"{number:_}"


def _decimal(number: Fraction) -> str:
    """Return a number in decimals, or nothing where that takes too many."""
    shifted = number * 10**_MOST_DECIMALS
    if shifted.denominator != 1:
        return ""
    whole, rest = divmod(int(shifted), 10**_MOST_DECIMALS)
    return f"{whole}.{rest:0{_MOST_DECIMALS}d}".rstrip("0").rstrip(".")


def _contents(file: str) -> bytes:
    """Return the bytes of a file.

    Raises:
        ConfigError: It cannot be read any more.
    """
    try:
        return read(file, SPEC_BYTES)
    except (RefusedFile, OSError) as error:
        reason = error.reason if isinstance(error, RefusedFile) else error.strerror
        raise ConfigError(ErrorDetail(f"{file!r} cannot be read: {reason}", help="run this again")) from None


def _edited(text: str, changes: Sequence[tuple[Bound, str]]) -> str:
    """Return the text of a file with other limits."""
    mark = text[:1] if text.startswith("\ufeff") else ""  # that a text is UTF-8, which no column counts
    text = text.removeprefix(mark)
    starts = [0, *(match.end() for match in LINE_END.finditer(text))]
    lines = LINE_END.split(text)
    places = []
    for bound, new in changes:
        place = bound.place
        assert place is not None
        same = lines[place.line - 1 : place.line] == [bound.source]
        start = starts[place.line - 1] + place.column - 1 if same else len(text)
        start += text[start : start + 1] in ("'", '"')
        if not text.startswith(bound.text, start):
            message = f"the limit {bound.text} cannot be changed where it stands"
            help = "write it on one line; if something else has changed the file meanwhile, run this again"
            raise ConfigError(
                ErrorDetail(message, place, found="the text is not found", help=help, source=bound.source)
            )
        places.append((start, start + len(bound.text), new))
    for start, end, new in sorted(places, reverse=True):
        text = text[:start] + new + text[end:]
    return mark + text
