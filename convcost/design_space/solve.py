"""The largest value of a symbol at which a network stays within limits, and the proof that none beyond does.

The candidates are the multiples of a step: of `multiple_of`, of 1 where only whole numbers serve, or of what the sizes
that depend on the symbol allow. Beyond some candidate every cost exceeds a limit; that is shown by the network's
formula for all values from there on (each remainder apart where floors and divisions depend on it), never assumed.
Below it the candidates are analysed from the largest down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, ClassVar

from msgspec import Struct

from convcost.design_space.repetitions import RepetitionSearch
from convcost.design_space.search import FormulaSearch, Search
from convcost.design_space.task import Build, SweepLimit, SweepTask
from convcost.errors import ConvcostError, ErrorDetail, OptionError, SpecError, WarningDetail
from convcost.metrics import METRICS, PEAK, SUM, Total
from convcost.network import Network
from convcost.network.dtypes import types_of
from convcost.reports.result import Result


class SolvedValue(Struct, frozen=True):
    """A value at which the network is valid, and its totals by name."""

    value: Any
    totals: Mapping[str, int]


class Solution(Result, frozen=True):
    """The largest value within the limits.

    Attributes:
        name: The network's name.
        symbol: The symbol.
        limits: The limits.
        step: The candidates are its multiples.
        best: The largest candidate within the limits; None where there is none.
        next: The next larger candidate at which the network is valid, which is not within them.
        least: The least total that each limited one can have.
        types: The types of its numbers by what has them.
        warnings: What is valid in the spec and rarely meant.
    """

    shown_by: ClassVar[str] = "convcost.design_space.solve_report:SolutionReport"

    name: str
    symbol: str
    limits: tuple[SweepLimit, ...]
    step: Any
    best: SolvedValue | None
    next: SolvedValue | None
    least: Mapping[str, int]
    types: Mapping[str, Sequence[str]] = {}
    warnings: tuple[WarningDetail, ...] = ()

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports.table import grouped, safe

        limits = " and ".join(f"{limit.metric} ≤ {grouped(limit.value)}" for limit in self.limits)
        found = f"{self.symbol} = {self.best.value}" if self.best else f"no {self.symbol}"
        return f"{safe(self.name or 'network')}: {found} with {limits}"

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import types_document
        from convcost.documents import design_space as documents
        from convcost.documents.warnings import warning_documents

        return documents.SolutionDocument(
            network=self.name or None,
            symbol=self.symbol,
            limits={limit.metric: limit.value for limit in self.limits},
            step=str(self.step),
            best=_as_data(self.best),
            next=_as_data(self.next),
            least=dict(self.least),
            dtype=types_document(self.types),
            warnings=warning_documents(self.warnings),
        )


def solve(
    build: Build,
    title: str,
    name: str,
    limits: Sequence[SweepLimit],
    fixed: Mapping[str, Any],
    *,
    batch: int = 1,
    fold: bool = True,
    step: Fraction | None = None,
    repetition_step: Callable[[], Fraction | None] | None = None,
) -> Solution:
    """Return the largest value of a symbol within limits.

    Args:
        build: Gives the network.
        title: The network's name.
        name: The symbol.
        limits: The largest totals allowed.
        fixed: The values of other symbols.
        batch: How many inputs the operations are counted for.
        fold: Whether batch norms fold.
        step: The values that are tried are its multiples; without, those that the symbol's facts and sizes suggest.
        repetition_step: Returns the step of a symbol that is nothing but a number of repetitions, which no formula
            holds, None for one that is none; raises `OptionError` where it is more than that.

    Raises:
        SpecError: The spec has errors.
        OptionError: There is no largest value, or no step from one value to the next; or a metric is neither a sum nor
            the largest of the layers, or that while the symbol is a number of repetitions.
    """
    for limit in limits:
        _check_total(limit.metric, name, [SUM, PEAK])
    metrics = tuple(dict.fromkeys(["params", "mults", *(limit.metric for limit in limits)]))
    task = SweepTask(build, (), fixed, metrics, batch, fold)
    try:
        search: Search = FormulaSearch(task, name, step)
    except SpecError:
        for limit in limits:
            _check_total(limit.metric, name, [SUM])
        search = RepetitionSearch(task, name, step, limits, repetition_step)
    end = search.end(limits)
    places = [(metrics.index(limit.metric), limit) for limit in limits]
    best = None
    for count, outcome in search.valid(range(end - 1, search.first - 1, -1)):
        if all(limit.holds(outcome[place]) for place, limit in places):
            best = count, outcome
            break
    after = next(search.valid(search.above(best[0], end)), None) if best else None
    least = (
        {} if best else {metric: search.least(metric, end) for metric in dict.fromkeys(each.metric for each in limits)}
    )
    candidates = _solved(search, best), _solved(search, after)
    network = _network(build, {**fixed, name: candidates[0].value} if candidates[0] else fixed, name)
    types, warnings = (types_of(network), network.warnings) if network is not None else ({}, ())
    return Solution(title, name, tuple(limits), search.step, *candidates, least, types, warnings)


def _network(build: Build, settings: Mapping[str, Any], name: str) -> Network | None:
    """Return the network at the value that was found, or at any value where there is none."""
    if name in settings:
        return build(settings, None)
    for free in ([name], None):  # a number of repetitions cannot stay free, and may have a default
        with suppress(ConvcostError):
            return build(settings, free)
    return None


def _check_total(metric: str, symbol: str, kinds: Sequence[Total]) -> None:
    """Refuse a metric whose total is of another kind: that it exceeds a limit for all larger values cannot be shown.

    Raises:
        OptionError: It is so.
    """
    if METRICS[metric].total not in kinds:
        found = f"{metric} is {METRICS[metric].kind}, of which no formula shows that it goes on growing"
        help = f"convcost sweep SPEC --set {symbol}=… --where '{metric} <= …' tries values"
        raise OptionError(ErrorDetail(f"solve cannot limit {metric}", found=found, help=help))


def _solved(search: Search, found: tuple[int, Any] | None) -> SolvedValue | None:
    if found is None:
        return None
    return SolvedValue(search.value(found[0]), dict(zip(search.metrics, found[1], strict=True)))


def _as_data(candidate: SolvedValue | None) -> dict[str, Any] | None:
    return None if candidate is None else {"value": str(candidate.value), **candidate.totals}
