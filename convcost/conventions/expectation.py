"""Which conventions give a printed number: tools, units and settings that round or cut to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.conventions import CONVENTIONS
from convcost.conventions.analysis import calls_of, count
from convcost.conventions.base import FLOPS, MACS, Call
from convcost.conventions.settings import parts_of, settings_of, text_of
from convcost.errors import ConvcostError, ErrorDetail, OptionError
from convcost.network import Network
from convcost.reports.result import Result

_SCALES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
_NEAREST = 5
_NUMBER = re.compile(
    r"\s*([0-9]{1,3}(?:,[0-9]{3})+|[0-9][0-9_]*)(?:\.([0-9]+))?\s*([kKMGBT]?)\s*"
    r"(?i:(?:macc?|madd|mult|mult-?add|flop|op)s?)?\s*"
)
"""A number, its scale, and a unit: whether it counts macs or flops is what is looked for."""
_RARE = ("and ", "without ", "classes", "num_classes")
"""How settings begin that are published less often than other resolutions and widths."""
_LEAST, _MOST = Fraction(1, 3), 6
"""What a tool counts of a network, in parts of its multiply–accumulates: no settings beyond are looked at closely."""

Build = Callable[[dict[str, Any]], Network]
"""Gives the network with other values of its symbols."""


class Printed(Struct, frozen=True):
    """A number as it was printed.

    Attributes:
        text: The text.
        value: Its value.
        step: What its last digit stands for.
    """

    text: str
    value: Fraction
    step: Fraction

    def fits(self, number: int) -> str:
        """Return how a number becomes this one, `rounded` or `cut`; nothing where it does not."""
        if abs(number - self.value) * 2 <= self.step:
            return "rounded" if number != self.value else "exact"
        return "cut" if 0 <= number - self.value < self.step else ""


class NumberMatch(Struct, frozen=True):
    """A convention that gives a number.

    Attributes:
        tool: The tool; `convcost` for its own metrics.
        unit: `macs` or `flops`: two for each multiply–accumulate.
        settings: What differs from the network as it is.
        count: The number.
        how: `exact`, `rounded` or `cut` to the printed digits; nothing where it is only near.
    """

    tool: str
    unit: str
    settings: tuple[str, ...]
    count: int
    how: str


class Expectation(Result, frozen=True):
    """Which conventions give a printed number, the most plausible first.

    Attributes:
        network: The network.
        printed: The number.
        matches: The conventions that give it.
        nearest: Those that come nearest, where none does.
    """

    shown_by: ClassVar[str] = "convcost.conventions.report:ExpectationReport"

    network: Network
    printed: Printed
    matches: tuple[NumberMatch, ...]
    nearest: tuple[NumberMatch, ...]

    @classmethod
    def of(cls, network: Network, text: str, *, functional: Collection[str] = (), build: Build | None = None) -> Self:
        """Look for the conventions that give a number.

        Args:
            network: The network.
            text: The number as it is printed, such as `4.12G`.
            functional: Patterns of the layers that are called as functions.
            build: Gives the network with other values of symbols; without it only its own are tried.

        Raises:
            OptionError: It is no number.
        """
        printed = read(text)
        found = [*_candidates(network, (), functional)]
        if build is not None:
            found += _elsewhere(network, printed, functional, build)
        matching = [replaced for each in found if (replaced := _judged(each, printed)).how]
        matching.sort(key=_plausibility)
        matching = _without_repeats(matching)
        near = sorted(found, key=lambda each: (abs(each.count - printed.value), _plausibility(each)))
        return cls(network, printed, tuple(matching), () if matching else tuple(_without_repeats(near)[:_NEAREST]))

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles
        from convcost.reports.table import counted

        return f"{titles.title(self.network)}: {counted(len(self.matches), 'convention')} that give {self.printed.text}"


def read(text: str) -> Printed:
    """Return a printed number with the worth of its last digit.

    Raises:
        OptionError: It is no number.

    >>> read("4.12G").step
    Fraction(10000000, 1)
    """
    found = re.fullmatch(_NUMBER, text)
    if found is None:
        help = "such as 4.12G, 569M or 4,089,184,256"
        raise OptionError(ErrorDetail("--expect takes a number as it is printed", found=text, help=help))
    whole, digits, scale = re.sub("[_,]", "", found[1]), found[2] or "", _SCALES[found[3]]
    return Printed(text.strip(), Fraction(f"{whole}.{digits or 0}") * scale, Fraction(scale, 10 ** len(digits)))


def _elsewhere(network: Network, printed: Printed, functional: Collection[str], build: Build) -> Iterator[NumberMatch]:
    """Yield the counts of the network with other values of its symbols, where they may be the printed number."""
    for settings in settings_of(network):
        with suppress(ConvcostError):  # the network cannot have these
            other = build(settings)
            calls = calls_of(other, functional)
            if _LEAST * _macs(calls) <= printed.value <= _MOST * _macs(calls):
                yield from _candidates(other, text_of(settings), functional, calls)


def _macs(calls: Sequence[Call]) -> int:
    return sum(call.macs for call in calls)


def _candidates(
    network: Network, settings: tuple[str, ...], functional: Collection[str], calls: Sequence[Call] = ()
) -> Iterator[NumberMatch]:
    """Yield the counts of a network under all conventions, whole and without some of its parts."""
    for left_out, part in parts_of(network, calls or calls_of(network, functional)):
        said = (*settings, *left_out)
        yield from _own(part, said)
        for name in CONVENTIONS:
            convention = CONVENTIONS[name]
            number = count(part, convention).count
            unit, other = ("macs", FLOPS) if convention.unit == MACS else ("flops", MACS)
            yield NumberMatch(name, unit, said, number, "")
            if other == FLOPS:
                yield NumberMatch(name, "flops", (*said, "its count twice"), 2 * number, "")
            elif number % 2 == 0:
                yield NumberMatch(name, "macs", (*said, "half its count"), number // 2, "")


def _own(calls: Sequence[Call], settings: tuple[str, ...]) -> Iterator[NumberMatch]:
    """Yield convcost's own counts, with biases and norms and without."""
    macs = sum(call.macs for call in calls)
    biases = sum(call.given for call in calls if call.biases and call.macs)
    norms = sum(2 * call.read for call in calls if call.layer.type == "batch_norm")
    yield NumberMatch("convcost", "macs", settings, macs, "")
    yield NumberMatch("convcost", "flops", settings, 2 * macs, "")
    yield NumberMatch("convcost", "macs", (*settings, "and biases"), macs + biases, "")
    yield NumberMatch("convcost", "flops", (*settings, "and biases"), 2 * macs + biases, "")
    yield NumberMatch("convcost", "macs", (*settings, "and batch norms"), macs + norms, "")


def _judged(match: NumberMatch, printed: Printed) -> NumberMatch:
    return NumberMatch(match.tool, match.unit, match.settings, match.count, printed.fits(match.count))


def _plausibility(match: NumberMatch) -> tuple[int, int, int, int, int]:
    """Return how little a convention asks one to believe: few and usual settings, exact digits, convcost's own."""
    how = ("exact", "rounded", "cut", "").index(match.how)
    rare = sum(setting.startswith(_RARE) for setting in match.settings)
    return len(match.settings), how, rare, match.tool != "convcost", match.unit != "macs"


def _without_repeats(matches: Sequence[NumberMatch]) -> list[NumberMatch]:
    """Return matches without those of which a more plausible one has the same tool, unit and number."""
    seen: set[tuple[str, str, int]] = set()
    found = []
    for match in matches:
        key = (match.tool, match.unit, match.count)
        if key not in seen:
            seen.add(key)
            found.append(match)
    return found
