"""A spec that is held to budgets: its networks at the values that budgets set, and what they cost at the baseline."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.budget.budgets import Bound, Budget, spelled
from convcost.comparison.matching import match
from convcost.cost.analysis import Analysis
from convcost.errors import BaselineError, ConfigError, ConvcostError, ErrorDetail, OptionError, Place, nearest
from convcost.network import Network, dtypes
from convcost.network.completeness import incomplete
from convcost.network.dtypes import Dtype
from convcost.network.dtypes import Given as Dtypes
from convcost.network.graph import Limit
from convcost.spec.arithmetic import shown
from convcost.spec.collector import ErrorCollector
from convcost.spec.origin import Origin, SpecLike
from convcost.spec.reading import VERSIONS
from convcost.spec.source import Source

if TYPE_CHECKING:  # read where growth is measured
    from convcost.budget.baselines import Baseline, Lacking, Past

BUILT = "<network>"
"""The name of a network that no spec describes."""
MOST_POINTS = 1_000  # of a network, at the values that budgets set
MOST_LAYERS = 100_000  # of the networks at all these points

Checked = SpecLike | Origin | Network
"""What is held to budgets: a spec, one that was read with values for its symbols, or a network that was built."""


_PointKey = tuple[tuple[tuple[str, str], ...], str]
"""The values of symbols and the types of numbers that budgets set."""


class Point(Struct, frozen=True):
    """A spec's network at some values of its symbols.

    Attributes:
        set: The values that a budget sets.
        settings: These, and the others that are given.
        analysis: What the network costs.
        past: What it cost at the baseline, or why that is not known; None without a baseline that can be used.
        refused: Why the baseline cannot be used for it.
        partners: For each layer the index of the one that it was at the baseline; None for one that is new.
        known: What `values` has worked out.
        dtype: The types of numbers that are given to it.
    """

    set: Mapping[str, Any]
    settings: Mapping[str, Any]
    analysis: Analysis
    past: Past | Lacking | None
    refused: BaselineError | None
    partners: Sequence[int | None]
    known: dict[str, Sequence[Any]]
    dtype: tuple[Dtype, ...] = ()

    def values(self, metric: str) -> Sequence[Any]:
        """Return each layer's value of a metric, computed once."""
        if metric not in self.known:
            self.known[metric] = self.analysis.values(metric)
        return self.known[metric]


class Target:
    """A spec, read once, and its networks, each analysed once.

    Args:
        spec: The spec; or a network, which has no symbols and no file.
        settings: Values for its symbols; those that a budget sets go before.
        baseline: What growth is measured against.
        dtype: The types of its numbers; those that a budget says go before.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.

    Raises:
        SpecError: There is no such spec, or it has errors.
        OptionError: Values are given to the symbols of a network that has none.
    """

    def __init__(
        self,
        spec: Checked,
        settings: Mapping[str, Any],
        baseline: Baseline | None,
        *,
        dtype: Dtypes = (),
        batch: int = 1,
        fold: bool = True,
    ) -> None:
        self._dtype = tuple(dtypes.read(dtype))
        self._convention: dict[str, Any] = {"batch": batch, "fold": fold}
        self._baseline = baseline
        self._network: Network | None = None
        self.source: Source | None = None
        self._limits: Sequence[Limit]
        if isinstance(spec, Network):
            if settings:
                found = f"{' and '.join(settings)} of a network that was built or rewritten, not read"
                raise OptionError(ErrorDetail("only the symbols of a spec can be set", found=found))
            self.name, self._settings = BUILT, settings
            self._network, self._limits, self._version = spec, spec.limits, VERSIONS[-1]
            self._symbols: Collection[str] = ()
        else:
            origin = (spec if isinstance(spec, Origin) else Origin.of(spec)).at(settings)
            self.name, self.source, self._settings = origin.name, origin.reader.source, origin.settings
            self._spec = origin.reader
            document = self._spec.check((), "")
            self._limits, self._version, self._symbols = document.limits, document.version, document.symbols
        self._points: dict[_PointKey, Point] = {}
        self._layers = 0  # of all points

    def budgets(self) -> list[Budget]:
        """Return the limits in the spec itself."""
        lines = ErrorCollector(self.source or Source(self._network.file if self._network else "", ""))
        return [
            Budget(
                limit.metric,
                max=Bound(
                    limit.max,
                    share=False,
                    text=limit.text,
                    place=Place(lines.source.file, limit.line, limit.column),
                    source=lines.line(limit.line - 1),
                ),
                path="budget",
                version=self._version,
            )
            for limit in self._limits
        ]

    def points(self, budget: Budget) -> Iterator[Point]:
        """Yield the spec's network at each combination of the values that a budget sets.

        Raises:
            ConvcostError: The spec has no such symbol, or no network at these values, or there are too many.
        """
        self._check_symbols(budget)
        self._check_points(budget, prod(map(len, budget.set.values())))
        combinations = {(_key(values), budget.dtype_text): values for values in _combinations(budget.set)}
        left = len(combinations.keys() - self._points.keys())
        self._check_points(budget, len(self._points) + left)
        for key, values in combinations.items():
            if key not in self._points:
                try:
                    point = self._points[key] = self._point(values, (*self._dtype, *budget.dtype))
                except ConvcostError as error:
                    raise _at_point(error, budget, values) from None
                left -= 1
                self._layers += len(point.analysis.layers)
                self._check_layers(budget, left, len(point.analysis.layers))
            yield self._points[key]

    def _check_points(self, budget: Budget, points: int) -> None:
        if points > MOST_POINTS:
            message = f"budgets set at most {MOST_POINTS:,} combinations of values of a network's symbols"
            raise ConfigError(_too_many(budget, message, f"{points:,} for {self.name}"))

    def _check_layers(self, budget: Budget, left: int, layers: int) -> None:
        """Refuse the points that are left where the networks at all of them would have too many layers."""
        expected = self._layers + left * layers
        if left and expected > MOST_LAYERS:
            message = f"the networks at the values that budgets set have at most {MOST_LAYERS:,} layers together"
            raise ConfigError(_too_many(budget, message, f"about {expected:,} of {self.name}"))

    def _point(self, values: Mapping[str, Any], dtype: tuple[Dtype, ...]) -> Point:
        settings = {**self._settings, **values}
        network = self._network if self._network is not None else self._spec.network(settings)
        network = dtypes.with_dtypes(network, dtype)
        if network.unknown:
            raise OptionError(incomplete(network))
        analysis = Analysis.of(network, **self._convention)
        past: Past | Lacking | None = None
        refused: BaselineError | None = None
        try:
            past = self._baseline.past(self.name, network, settings, self._typed(dtype)) if self._baseline else None
        except BaselineError as error:  # which matters to limits of growth only
            refused = error
        partners: list[int | None] = [None] * len(analysis.layers)
        layers = getattr(past, "layers", ())
        for pair in match(layers, analysis.layers) if layers else ():
            if pair.before is not None and pair.after is not None:
                partners[pair.after] = pair.before
        return Point(values, settings, analysis, past, refused, partners, {}, self._typed(dtype))

    def _typed(self, dtype: tuple[Dtype, ...]) -> tuple[Dtype, ...]:
        """Return types with those that the spec was read with."""
        return dtype if self._network is not None else (*self._spec.dtype, *dtype)

    def _check_symbols(self, budget: Budget) -> None:
        known = self._symbols
        unknown = [name for name in budget.set if name not in known]
        none = "it declares no symbols; `models` says who a budget is for"
        errors = [
            budget.detail(f"set.{name}", f"{self.name} has no symbol {name!r}", nearest(name, known) if known else none)
            for name in unknown
        ]
        if errors:
            raise ConfigError(errors)


def name_of(spec: Checked) -> str:
    """Return a spec as it was named; nothing where it has no name."""
    if isinstance(spec, Mapping | Network):
        return ""
    return spec.name if isinstance(spec, Origin) else str(spec)


def _key(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, spelled(value)) for name, value in values.items()))


def _too_many(budget: Budget, message: str, found: str) -> ErrorDetail:
    return budget.detail(f"set.{next(iter(budget.set))}", message, "set fewer values of a symbol", found)


def _combinations(choices: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Yield every combination of one value for each name; one without names where there is none."""
    combined: list[dict[str, Any]] = [{}]
    for name, values in choices.items():
        combined = [{**each, name: value} for each in combined for value in values]
    yield from combined


def _at_point(error: ConvcostError, budget: Budget, values: Mapping[str, Any]) -> ConvcostError:
    """Return an error that says which values, set by which budget, it comes from."""
    if not values:
        return error
    note = "at " + ", ".join(f"{name} = {shown(value)}" for name, value in values.items())
    set_in = next((f", set in {mark.place}" for name in values if (mark := budget.marks.get(f"set.{name}"))), "")
    errors = []
    for detail in error.details:
        found = detail.found.removeprefix("--set ")
        name = found.partition("=")[0]
        if detail.place is not None:
            errors.append(replace(detail, note=detail.note or f"{note}{set_in}"))
        elif name not in values:  # of what is given for all budgets
            errors.append(detail)
        else:  # a value that the symbol cannot have
            errors.append(budget.detail(f"set.{name}", detail.message, detail.help, found, note))
    return error.__class__(errors, more=error.more)
