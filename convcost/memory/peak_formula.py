"""The peak of activations over a range of values of a symbol: a formula where one layer stays the peak, else pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost.errors import WarningDetail
from convcost.memory.analysis import MemorySettings, activations
from convcost.network import Network
from convcost.reports.result import Result
from convcost.symbolic import Condition, evaluator

Build = Callable[[Any], Network]
"""Gives the network at a value of the symbol, in which that stays a symbol."""


class PeakPiece(Struct, frozen=True):
    """Values of the symbol at which one layer is the peak, by one formula.

    Attributes:
        first: The least value.
        last: The largest value.
        layer: The layer that runs at the peak.
        formula: What lives then, as a formula in the symbol; a number where it does not depend on it.
        peak_first: The bytes at the least value.
        peak_last: The bytes at the largest value.
    """

    first: Any
    last: Any
    layer: str
    formula: Any
    peak_first: int
    peak_last: int


class PeakFormula(Result, frozen=True):
    """The peak of activations at all values of a range.

    Attributes:
        network: The network at the least value.
        settings: How memory is counted.
        symbol: The symbol.
        step: The values are its multiples.
        values: All values.
        pieces: The pieces of the range, in order.
    """

    shown_by: ClassVar[str] = "convcost.memory.peak_formula_report:PeakFormulaReport"

    network: Network
    settings: MemorySettings
    symbol: str
    step: Fraction
    values: tuple[Any, ...]
    pieces: tuple[PeakPiece, ...]

    @classmethod
    def of(
        cls,
        build: Build,
        symbol: str,
        values: Sequence[Any],
        step: Fraction,
        settings: MemorySettings = MemorySettings(),  # noqa: B008 -- it is frozen
    ) -> Self:
        """Work out which layer is the peak at each value, by formulas where their conditions hold.

        Args:
            build: Gives the network at a value.
            symbol: The symbol.
            values: Its values, in order; at least one.
            step: What they are multiples of.
            settings: How memory is counted.

        Raises:
            SpecError: The network is not valid at a value.
        """
        regions: list[_Region] = []
        pieces: list[PeakPiece] = []
        network: Network | None = None
        for value in values:
            region = next((each for each in regions if each.holds(value)), None)
            if region is None:
                found = build(value)
                network = network or found
                region = _Region.of(found, symbol, settings)
                regions.append(region)
            alive = [each([value]) for each in region.evaluators]
            pieces = _extended(pieces, region, value, alive)
        assert network is not None
        return cls(network, settings, symbol, step, tuple(values), tuple(pieces))

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.network.warnings

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles

        found = ", ".join(f"{piece.formula} from {self.symbol} = {piece.first}" for piece in self.pieces)
        return f"{titles.title(self.network)}: peak {found}"


class _Region(Struct, frozen=True):
    """Formulas of what lives while each layer runs, and where they hold."""

    names: Sequence[str]
    formulas: Sequence[Any]
    evaluators: Sequence[Callable[[Sequence[Any]], Any]]
    tests: Sequence[Callable[[Sequence[Any]], bool]]

    @classmethod
    def of(cls, network: Network, symbol: str, settings: MemorySettings) -> _Region:
        """Return the formulas of a network."""
        assert network.free is not None
        with network.free.conditions:
            _, alive = activations(network, settings)
        facts: list[Condition] = [fact for each in network.free.symbols.values() for fact in each.facts]
        conditions = dict.fromkeys([*facts, *network.free.conditions])
        return cls(
            [layer.name for layer in network.layers],
            alive,
            [evaluator(formula, [symbol]) for formula in alive],
            [condition.tester([symbol]) for condition in conditions],
        )

    def holds(self, value: Any) -> bool:
        """Return whether the formulas hold at a value."""
        return all(test([value]) for test in self.tests)


def _extended(pieces: list[PeakPiece], region: _Region, value: Any, alive: Sequence[int]) -> list[PeakPiece]:
    """Return the pieces with one more value: of the last one where its formula still gives the peak."""
    peak = max(alive)
    if pieces:
        last = pieces[-1]
        places = [at for at, name in enumerate(region.names) if name == last.layer]
        if any(alive[at] == peak and _same(region.formulas[at], last.formula) for at in places):
            longer = PeakPiece(last.first, value, last.layer, last.formula, last.peak_first, peak)
            return [*pieces[:-1], longer]
    at = alive.index(peak)
    return [*pieces, PeakPiece(value, value, region.names[at], region.formulas[at], peak, peak)]


def _same(one: Any, other: Any) -> bool:
    return str(one) == str(other)


def condition(formula: PeakFormula, piece: PeakPiece) -> str:
    """Return at which values a piece holds, such as `1/4 ≤ alpha ≤ 1, multiples of 1/32`."""
    if piece.first == piece.last:
        return f"{formula.symbol} = {piece.first}"
    return f"{piece.first} ≤ {formula.symbol} ≤ {piece.last}, multiples of {formula.step}"
