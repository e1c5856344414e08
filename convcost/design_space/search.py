"""The search for the largest value of a symbol within limits: the candidates, and from where on all are beyond."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from msgspec.structs import replace

from convcost.cost.analysis import Analysis
from convcost.design_space.sweep import run
from convcost.design_space.task import Outcome, SweepAxis, SweepLimit, SweepTask
from convcost.errors import ConvcostError, ErrorDetail, OptionError, SpecError
from convcost.layers.fields import MAX_SIZE
from convcost.metrics import METRICS, PEAK
from convcost.network import Network
from convcost.symbolic import Condition, Formula, NeedsValueError, symbol

_MOST_CLASSES = 256  # remainders that are looked at apart
_MOST_ABOVE = 10_000  # candidates looked at for the next valid one
_SYMBOL = "k"


class Search:
    """The candidates: the multiples of a step, from `first` times it on."""

    first = 1
    step: Fraction

    def __init__(self, task: SweepTask, name: str) -> None:
        self.task = task
        self.build = task.build
        self.name = name
        self.metrics = task.metrics
        self.fixed = task.fixed

    def beyond(self, count: int, limits: Sequence[SweepLimit]) -> bool:
        """Return whether every multiple from this one on is proved to be invalid or to exceed a limit."""
        raise NotImplementedError

    def above(self, count: int, end: int) -> range:
        """Return the multiples among which the next valid one is looked for: not beyond an end of all valid ones."""
        return range(count + 1, end if self.beyond(end, ()) else count + 1 + _MOST_ABOVE)

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
        while not self.beyond(high, limits):
            high *= 2
            if high * self.step > MAX_SIZE:
                raise no_largest_value(self.name, limits)
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            if self.beyond(middle, limits):
                high = middle
            else:
                low = middle
        return high

    def least(self, metric: str, end: int) -> int:
        """Return the least total that any multiple of the step has."""
        place = self.metrics.index(metric)
        end = max(end, 2)
        while True:
            totals = [outcome[place] for _, outcome in self.valid(range(self.first, end))]
            if totals and self.beyond(end, [SweepLimit(metric, "<=", min(totals) - 1)]):
                return min(totals)  # type: ignore[no-any-return]
            end *= 2
            if end > _MOST_ABOVE:
                raise OptionError(ErrorDetail(f"no value of {self.name} gives a valid network"))

    def value(self, count: int) -> Any:
        """Return a multiple of the step."""
        value = count * Fraction(self.step)
        return value.numerator if value.denominator == 1 else value

    def _outcomes(self, counts: Sequence[int]) -> Sequence[Outcome]:
        axis = SweepAxis(self.name, tuple([self.value(count) for count in counts]))
        return run(replace(self.task, axes=(axis,)))


class FormulaSearch(Search):
    """A search whose end is shown by the network's formula."""

    def __init__(self, task: SweepTask, name: str, step: Fraction | None) -> None:
        super().__init__(task, name)
        self.step = self._step(step)

    def _step(self, step: Fraction | None) -> Fraction:
        """Return the number of which all candidates are multiples."""
        network = self.build(self.fixed, [self.name])
        Analysis.of(network)
        assert network.free is not None
        others = [name for name in network.free.symbols if name != self.name]
        if others:
            raise OptionError(ErrorDetail(f"the symbol {others[0]!r} has no value", help=f"--set {others[0]}=…"))
        known = network.free.symbols[self.name].to_dict()["symbols"][self.name]
        least = Fraction(known["multiple_of"]) if "multiple_of" in known else None
        if step is not None:
            check_multiple(self.name, step, least)
            return step
        if least is not None:
            return least
        wholes = [step for each in network.free.conditions if (step := _linear(each))]
        if wholes:
            return Fraction(lcm(*[step.numerator for step in wholes]), gcd(*[step.denominator for step in wholes]))
        steps = list(_width_steps(network, self.name))
        if not steps:
            raise OptionError(
                ErrorDetail(
                    f"{self.name} may be any number, so that there need not be a largest one",
                    help=f"--step 1/32 looks at its multiples; so does multiple_of in the spec's symbols: "
                    f"{self.name}: {{value: 1, multiple_of: 1/32}}",
                )
            )
        default = network.free.witness.get(self.name)
        return _common([min(steps), Fraction(default)] if default else [min(steps)])

    def beyond(self, count: int, limits: Sequence[SweepLimit]) -> bool:
        """Return whether every multiple from this one on is proved to be invalid or to exceed a limit."""
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
        """Return 1 if the multiples with a remainder are surely beyond, 0 if not, else how many classes decide it."""
        least = -((rest - count) // classes)
        counter = symbol(_SYMBOL, whole=True, minimum=least)
        formula = (counter * classes + rest) * Fraction(self.step)
        settings = {**self.fixed, self.name: self.value(least * classes + rest)}
        try:
            network = self.build(settings, {self.name: formula})
            analysis = Analysis.of(network, batch=self.task.batch, fold=self.task.fold)
            exceeds = any(_surely_exceeds(analysis, limit) for limit in limits)  # which may add conditions
        except SpecError as error:
            return _denominators(error.assumed) if error.assumed else 1
        except NeedsValueError:
            return 0
        assert network.free is not None
        conditions = list(network.free.conditions)
        return _denominators(conditions) if conditions else int(exceeds)


def check_multiple(name: str, step: Fraction, least: Fraction | None) -> None:
    """Refuse a step that is not above 0, or not a multiple of what every value of the symbol is a multiple of.

    Raises:
        OptionError: It is so.
    """
    if step <= 0:
        raise OptionError(ErrorDetail("a step is a number above 0", found=f"--step {step}", help="such as 1/32"))
    if least is not None and (step / least).denominator != 1:
        raise OptionError(ErrorDetail(f"the step must be a multiple of {least}, as {name} is", found=f"--step {step}"))


def no_largest_value(name: str, limits: Sequence[SweepLimit]) -> OptionError:
    """Return the error that values of a symbol have no end within limits, as far as can be shown."""
    totals = " and ".join(limit.metric for limit in limits)
    return OptionError(
        ErrorDetail(
            f"{name} has no largest value within the limits",
            found=f"{totals} cannot be shown to exceed them",
            help=f"does {totals} grow with {name}? convcost sweep SPEC --set {name}=… shows it",
        )
    )


def _surely_exceeds(analysis: Analysis, limit: SweepLimit) -> bool:
    """Return whether a formula shows that a total exceeds its limit; of the largest of the layers that of any layer."""
    if METRICS[limit.metric].total is PEAK:
        values = [value for value in analysis.values(limit.metric) if value is not None]
    else:
        values = [analysis.value(limit.metric)]
    return any(_surely_above(value, limit.value) for value in values)


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


def _common(steps: Sequence[Fraction]) -> Fraction:
    """Return the largest number of which all steps are multiples."""
    return Fraction(gcd(*[step.numerator for step in steps]), lcm(*[step.denominator for step in steps]))


def _width_steps(network: Network, name: str) -> Iterator[Fraction]:
    """Yield the distance between the changes of each rounded size: 8/32 for `make_divisible(32 * alpha, 8)`."""
    shapes: list[tuple[Any, ...]] = [layer.output_shape for layer in network.layers]
    sizes = [size for shape in shapes for size in shape if isinstance(size, Formula)]
    for atom in dict.fromkeys([atom for size in sizes for atom in size.atoms() if atom.args]):
        slope = abs(_slope(atom.args[0], name))
        if not slope:
            continue
        if atom.name in ("floor", "round"):
            yield 1 / slope
        elif atom.name == "make_divisible" and set(atom.args[1].terms) == {frozenset()}:
            yield atom.args[1].terms[frozenset()] / slope


def _slope(formula: Any, name: str) -> Fraction:
    """Return c where a formula is c times the symbol and a number, 0 where it is another."""
    found = Fraction(0)
    for monomial, c in formula.terms.items() if formula.under is None else ():
        if not monomial:
            continue
        ((atom, n), *others) = monomial
        if others or n != 1 or atom.args or atom.name != name:
            return Fraction(0)
        found = Fraction(c)
    return found


def _denominators(conditions: Sequence[Condition]) -> int:
    """Return how many classes of remainders decide the conditions, as far as divisions do; 0 where they do not."""
    found = 1
    for condition in conditions:
        formulas = [condition.formula, *[arg for atom in condition.formula.atoms() for arg in atom.args]]
        found = lcm(found, *[Fraction(c).denominator for formula in formulas for c in formula.terms.values()])
    return found if found > 1 else 0
