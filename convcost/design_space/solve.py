"""The largest value of a symbol at which a network stays within limits, and the proof that none beyond does.

The candidates are the multiples of a step: of `multiple_of`, of 1 where only whole numbers serve, or of what the sizes
that depend on the symbol allow. Beyond some candidate every cost exceeds a limit; that is shown by the network's
formula for all values from there on (each remainder apart where floors and divisions depend on it), never assumed.
Below it the candidates are analysed from the largest down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from convcost.cost.analysis import Analysis
from convcost.design_space.sweep import Build, Outcome, SweepAxis, SweepLimit, SweepTask, run
from convcost.errors import ConvcostError, ErrorDetail, OptionError, SpecError
from convcost.layers.fields import MAX_SIZE
from convcost.metrics import METRICS
from convcost.reports.result import Result
from convcost.symbolic import Condition, Formula, NeedsValueError, symbol

_MOST_CLASSES = 256  # remainders that are looked at apart
_MOST_ABOVE = 10_000  # candidates looked at for the next valid one
_LETTER = "k"


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
    """

    shown_by: ClassVar[str] = "convcost.design_space.solve_report:SolutionReport"

    name: str
    symbol: str
    limits: tuple[SweepLimit, ...]
    step: Any
    best: SolvedValue | None
    next: SolvedValue | None
    least: Mapping[str, int]

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports.contents import grouped, safe

        limits = " and ".join(f"{limit.metric} ≤ {grouped(limit.value)}" for limit in self.limits)
        found = f"{self.symbol} = {self.best.value}" if self.best else f"no {self.symbol}"
        return f"{safe(self.name or 'network')}: {found} with {limits}"

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.documents import design_space as documents

        return documents.SolutionDocument(
            network=self.name or None,
            symbol=self.symbol,
            limits={limit.metric: limit.value for limit in self.limits},
            step=str(self.step),
            best=_told(self.best),
            next=_told(self.next),
            least=dict(self.least),
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

    Raises:
        SpecError: The spec has errors.
        OptionError: There is no largest value, or no step from one value to the next; or a metric is no sum.
    """
    for limit in limits:
        _check_sum(limit.metric, name)
    metrics = tuple(dict.fromkeys(["params", "mults", *(limit.metric for limit in limits)]))
    search = _Search(SweepTask(build, (), fixed, metrics, batch, fold), name)
    end = search.end(limits)
    places = [(metrics.index(limit.metric), limit) for limit in limits]
    best = None
    for count, outcome in search.valid(range(end - 1, 0, -1)):
        if all(limit.holds(outcome[place]) for place, limit in places):
            best = count, outcome
            break
    after = next(search.valid(range(best[0] + 1, best[0] + 1 + _MOST_ABOVE)), None) if best else None
    least = (
        {} if best else {metric: search.least(metric, end) for metric in dict.fromkeys(each.metric for each in limits)}
    )
    return Solution(title, name, tuple(limits), search.step, search.candidate(best), search.candidate(after), least)


def _check_sum(metric: str, symbol: str) -> None:
    """Refuse a metric whose total is no sum: that it exceeds a limit for all larger values cannot be shown.

    Raises:
        OptionError: It is none.
    """
    if not METRICS[metric].adds_up:
        found = f"{metric} is {METRICS[metric].kind}, of which no formula shows that it goes on growing"
        help = f"convcost sweep SPEC --set {symbol}=… --where '{metric} <= …' tries values"
        raise OptionError(ErrorDetail(f"solve cannot limit {metric}", found=found, help=help))


class _Search:
    def __init__(self, task: SweepTask, name: str) -> None:
        self.task = task
        self.build = task.build
        self.name = name
        self.metrics = task.metrics
        self.fixed = task.fixed
        self.step = self._step()

    def candidate(self, found: tuple[int, Any] | None) -> SolvedValue | None:
        """Return the multiple of the step with its totals."""
        if found is None:
            return None
        return SolvedValue(self._value(found[0]), dict(zip(self.metrics, found[1], strict=True)))

    def valid(self, counts: range) -> Iterator[tuple[int, Any]]:
        """Yield the multiples of the step at which the network is valid, with their totals."""
        size, at = 1, 0
        while at < len(counts):
            part = counts[at : at + size]
            for count, outcome in zip(part, self._outcomes(part), strict=True):
                if not isinstance(outcome, ConvcostError):
                    yield count, outcome
            at += size
            size = min(size * 4, 4096)

    def end(self, limits: Sequence[SweepLimit]) -> int:
        """Return the least multiple from which on all are beyond a limit.

        Raises:
            OptionError: There is none.
        """
        high = 1
        while not self._beyond(high, limits):
            high *= 2
            if high * self.step > MAX_SIZE:
                told = " and ".join(limit.metric for limit in limits)
                raise OptionError(
                    ErrorDetail(
                        f"{self.name} has no largest value within the limits",
                        found=f"{told} cannot be shown to exceed them",
                        help=f"does {told} grow with {self.name}? convcost analyze --free {self.name} tells",
                    )
                )
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            if self._beyond(middle, limits):
                high = middle
            else:
                low = middle
        return high

    def least(self, metric: str, end: int) -> int:
        """Return the least total that any multiple of the step has."""
        place = self.metrics.index(metric)
        end = max(end, 2)
        while True:
            totals = [outcome[place] for _, outcome in self.valid(range(1, end))]
            if totals and self._beyond(end, [SweepLimit(metric, "<=", min(totals) - 1)]):
                return min(totals)  # type: ignore[no-any-return]
            end *= 2
            if end > _MOST_ABOVE:
                raise OptionError(ErrorDetail(f"no value of {self.name} gives a valid network"))

    def _value(self, count: int) -> Any:
        value = count * Fraction(self.step)
        return value.numerator if value.denominator == 1 else value

    def _outcomes(self, counts: Sequence[int]) -> Sequence[Outcome]:
        axis = SweepAxis(self.name, tuple([self._value(count) for count in counts]))
        return run(replace(self.task, axes=(axis,)))

    def _step(self) -> Any:
        """Return the number of which all candidates are multiples."""
        network = self.build(self.fixed, [self.name])
        Analysis.of(network)
        assert network.free is not None
        others = [name for name in network.free.symbols if name != self.name]
        if others:
            raise OptionError(ErrorDetail(f"the symbol {others[0]!r} has no value", help=f"--set {others[0]}=…"))
        known = network.free.symbols[self.name].to_dict()["symbols"][self.name]
        if "multiple_of" in known:
            return Fraction(known["multiple_of"])
        steps = [step for each in network.free.conditions if (step := _linear(each))]
        if not steps:
            raise OptionError(
                ErrorDetail(
                    f"{self.name} may be any number, so that there need not be a largest one",
                    help=f"say under symbols what it is a multiple of: {self.name}: {{value: 1, multiple_of: 1/32}}",
                )
            )
        return Fraction(lcm(*[step.numerator for step in steps]), gcd(*[step.denominator for step in steps]))

    def _beyond(self, count: int, limits: Sequence[SweepLimit]) -> bool:
        """Return whether it is sure that every multiple from this one on is invalid or exceeds a limit."""
        classes = 1
        while True:
            wanted = 1
            for rest in range(classes):
                need = self._class_beyond(count, classes, rest, limits)
                if need == 0:
                    return False
                wanted = lcm(wanted, need)
            if classes % wanted == 0:
                return True
            classes = lcm(classes, wanted)
            if classes > _MOST_CLASSES:
                return False

    def _class_beyond(self, count: int, classes: int, rest: int, limits: Sequence[SweepLimit]) -> int:
        """Return 1 if the multiples with a remainder are surely beyond, 0 if not, else how many classes may tell."""
        least = -((rest - count) // classes)
        letter = symbol(_LETTER, whole=True, minimum=least)
        formula = (letter * classes + rest) * Fraction(self.step)
        settings = {**self.fixed, self.name: self._value(least * classes + rest)}
        try:
            network = self.build(settings, {self.name: formula})
            analysis = Analysis.of(network, batch=self.task.batch, fold=self.task.fold)
        except SpecError as error:
            return _denominators(error.assumed) if error.assumed else 1
        except NeedsValueError:
            return 0
        assert network.free is not None
        conditions = list(network.free.conditions)
        if conditions:
            return _denominators(conditions)
        return int(any(_surely_above(analysis.value(limit.metric), limit.value) for limit in limits))


def _surely_above(number: Any, value: int) -> bool:
    if not isinstance(number, Formula):
        return bool(number > value)
    try:
        return number > value
    except NeedsValueError:
        return False


def _linear(condition: Condition) -> Fraction | None:
    """Return 1/c where the condition is that c times the symbol is whole."""
    formula = condition.formula
    if condition.relation != "whole" or formula.under is not None or len(formula.terms) != 1 or formula.degree() != 1:
        return None
    (coefficient,) = formula.terms.values()
    return abs(1 / Fraction(coefficient))


def _denominators(conditions: Sequence[Condition]) -> int:
    """Return how many classes of remainders decide the conditions, as far as divisions do; 0 where they do not."""
    found = 1
    for condition in conditions:
        formulas = [condition.formula, *[arg for atom in condition.formula.atoms() for arg in atom.args]]
        found = lcm(found, *[Fraction(c).denominator for formula in formulas for c in formula.terms.values()])
    return found if found > 1 else 0


def _told(candidate: SolvedValue | None) -> dict[str, Any] | None:
    return None if candidate is None else {"value": str(candidate.value), **candidate.totals}
