"""Acceptance of exceeded limits and growths: the new ones are written into their files, nothing else changes.

An exceeded `max` is raised to what the networks cost now, a `min` lowered. A limit on growth stays: beside it stands
what was accepted, which counts as long as the baseline is what the network has grown from.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

from msgspec import Struct

from convcost.budget import patterns
from convcost.budget.budgets import AcceptedGrowth, Budget, in_file, quoted
from convcost.budget.verdicts import EXCEEDED, GROWTH, MIN, SKIPPED, Check, Value, Verdict
from convcost.errors import ConfigError, ErrorDetail, Place
from convcost.files import SPEC_BYTES, RefusedFile, read
from convcost.reports.table import figure
from convcost.spec.amounts import UNITS
from convcost.spec.collector import line_ends

_RATIO_DECIMALS = 6  # of the limit of a ratio, which is rounded away from what is exceeded
_MOST_DECIMALS = 12  # a unit is kept as long as that many tell the number exactly


class NewLimits(Struct, frozen=True):
    """New limits.

    Attributes:
        files: The new text of each file.
        notes: What was changed, in words.
        old: What each file held.
    """

    files: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    old: tuple[bytes, ...] = ()


class _Edit(Struct, frozen=True):
    """A change of a file's text.

    Attributes:
        place: Where.
        source: The line that must be there.
        old: The text that is replaced; empty where something is put in.
        new: The text that takes its place.
        offset: By how many characters behind the place it is put in; None for the end of the line.
    """

    place: Place
    source: str
    old: str
    new: str
    offset: int | None = 0


def accept(check: Check) -> NewLimits:
    """Return the files with each exceeded limit changed to just what it takes, and each exceeded growth accepted.

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
        return NewLimits((), ("Nothing is exceeded: no limit was changed.",))
    edits: dict[str, list[_Edit]] = {}
    notes = []
    for place, verdicts in exceeded.items():
        of_file = edits.setdefault(place.file, [])
        if verdicts[0].kind == GROWTH:
            grown = [verdict for verdict in verdicts if verdict.status == EXCEEDED]
            of_file += _accepting(grown)
            notes += [_accepted_note(verdict) for verdict in grown]
            continue
        first = verdicts[0]
        new = _limit_for(verdicts)
        of_file.append(_Edit(place, first.bound.source, first.bound.text, new))
        notes.append(f"Accepted: {first.budget.metric} {first.kind}: {first.bound.text} is now {new}, in {place}.")
    old = {file: _contents(file) for file in edits}
    files = tuple((file, _edited(old[file].decode("utf-8"), changes)) for file, changes in edits.items())
    return NewLimits(files, tuple(notes), tuple(old.values()))


def _place(verdict: Verdict) -> Place:
    place = verdict.bound.place
    if place is None or not in_file(place):
        where = place.file if place else "a limit that is in no file"
        raise ConfigError(ErrorDetail("--accept changes limits in files", found=where, help="change it by hand"))
    return place


def _limit_for(verdicts: Sequence[Verdict]) -> str:
    """Return the text of the nearest limit within which all of some verdicts would be."""
    like = verdicts[0].bound.text
    values = [verdict.actual or 0 for verdict in verdicts]
    return written(min(values), like, down=True) if verdicts[0].kind == MIN else written(max(values), like)


def _accepted_note(verdict: Verdict) -> str:
    whose = f"{verdict.spec}, {verdict.layer.name}" if verdict.layer is not None else verdict.spec
    return (
        f"Accepted: {verdict.budget.metric} of {whose}, {figure(verdict.base)} to {figure(verdict.actual)}; "
        f"growth: {verdict.bound.text} stays, in {verdict.bound.place}."
    )


def _accepting(verdicts: Sequence[Verdict]) -> list[_Edit]:
    """Return the edits that write growths beside the limit of a budget that they exceed."""
    budget = verdicts[0].budget
    added = []
    edits: list[_Edit] = []
    for verdict in verdicts:
        known = _known(budget, verdict)
        if known is None:
            added.append(_entry(verdict))
            continue
        for bound, value in (known.before, verdict.base), (known.now, verdict.actual):
            assert bound.place is not None
            edits.append(_Edit(bound.place, bound.source, bound.text, _exact(value or 0)))
    return edits + ([_added(budget, added)] if added else [])


def _known(budget: Budget, verdict: Verdict) -> AcceptedGrowth | None:
    """Return the growth accepted earlier for the same network or layer, at this baseline or at another."""
    layer = verdict.layer.name if verdict.layer is not None else ""
    spec = patterns.identity(verdict.spec)
    return next((each for each in budget.accepted if each.is_for(spec, verdict.symbols, layer)), None)


def _entry(verdict: Verdict) -> str:
    """Return the text of an accepted growth in a configuration."""
    place = _place(verdict)
    spec = verdict.spec
    if os.path.lexists(spec):
        folder = os.path.realpath(Path(place.file).parent)
        with suppress(ValueError):  # on another drive of Windows
            spec = os.path.relpath(os.path.realpath(spec), folder)
        spec = Path(spec).as_posix()
    parts = [f"model: {quoted(spec)}"]
    if verdict.symbols:
        parts.append(f"set: {{{', '.join(f'{name}: {quoted(text)}' for name, text in verdict.spelled.items())}}}")
    if verdict.layer is not None:
        parts.append(f"layer: {quoted(verdict.layer.name)}")
    return f"{{{', '.join([*parts, f'from: {_exact(verdict.base or 0)}', f'to: {_exact(verdict.actual or 0)}'])}}}"


def _exact(value: Value) -> str:
    """Return a number as a configuration writes it, a ratio as a quotient."""
    return f"{value:_}" if isinstance(value, int) else str(value)


def _added(budget: Budget, entries: Sequence[str]) -> _Edit:
    """Return the edit that puts growths beside the others that were accepted, or behind the limit."""
    first = budget.marks.get("accepted[0]")
    if first is not None:
        before = first.source[: first.place.column - 1]
        if before.strip() == "-":  # a line for each
            place = Place(first.place.file, first.place.line, 1)
            return _Edit(place, first.source, "", "".join(f"{before}{entry}\n" for entry in entries))
        return _Edit(first.place, first.source, "", "".join(f"{entry}, " for entry in entries))
    limit, mark, key = budget.growth, budget.marks[""], budget.marks["growth"]
    assert limit is not None
    assert limit.place is not None
    if mark.source[mark.place.column - 1 :].startswith("{"):
        quotes = 2 if limit.source[limit.place.column - 1 : limit.place.column] in ("'", '"') else 0
        new = f", accepted: [{', '.join(entries)}]"
        return _Edit(limit.place, limit.source, "", new, len(limit.text) + quotes)
    indent = " " * (key.place.column - 1)
    lines = ["accepted:", *(f"  - {entry}" for entry in entries)]
    return _Edit(limit.place, limit.source, "", "".join(f"\n{indent}{line}" for line in lines), None)


def written(number: int | Fraction, like: str, *, down: bool = False) -> str:
    """Return a number as an amount in the unit of another, where that can tell it exactly; a ratio in decimals.

    Args:
        number: The number.
        like: The amount whose unit is kept.
        down: Whether a ratio is rounded down.

    >>> written(325_400_448, "300M"), written(540_672, "512Ki"), written(1_234_567, "1_000_000"), written(12_345, "1e4")
    ('325.400448M', '528Ki', '1_234_567', '12_345')
    >>> written(Fraction(2, 3), "0.5"), written(Fraction(3, 1), "2")
    ('0.666667', '3')
    """
    if number.denominator != 1:
        rounded = floor if down else ceil
        return _decimal(Fraction(rounded(number * 10**_RATIO_DECIMALS), 10**_RATIO_DECIMALS)) or "0"
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


def _edited(text: str, edits: Sequence[_Edit]) -> str:
    """Return the text of a file with edits made.

    Raises:
        ConfigError: It says something else where one is to be made.
    """
    mark = text[:1] if text.startswith("\ufeff") else ""  # that a text is UTF-8, which no column counts
    text = text.removeprefix(mark)
    ends = [match.span() for match in line_ends(text)]
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    newline = text[slice(*ends[0])] if ends else "\n"
    changes = []
    for edit in edits:
        line = edit.place.line - 1
        same = line < len(starts) and text[starts[line] : stops[line]] == edit.source
        start = starts[line] + edit.place.column - 1 if same else len(text)
        if edit.old:
            start += text[start : start + 1] in ("'", '"')
        elif same:
            start = stops[line] if edit.offset is None else start + edit.offset
        if not same or not text.startswith(edit.old, start):
            raise ConfigError(_moved(edit))
        changes.append((start, start + len(edit.old), edit.new.replace("\n", newline)))
    for start, end, new in sorted(changes, reverse=True):
        text = text[:start] + new + text[end:]
    return mark + text


def _moved(edit: _Edit) -> ErrorDetail:
    """Return the error of an edit whose place in the file holds something else."""
    what = f"the limit {edit.old}" if edit.old else "the limit on growth"
    return ErrorDetail(
        f"{what} cannot be changed where it stands",
        edit.place,
        found="the text is not found",
        help="write it on one line; if something else has changed the file meanwhile, run this again",
        source=edit.source,
    )
