"""Networks held to their budgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import floor
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost import metrics
from convcost.budget import patterns
from convcost.budget.budgets import EACH, Budget
from convcost.budget.subjects import Checked, Point, Subject, name_of
from convcost.budget.verdicts import (
    EXCEEDED,
    GROWTH,
    MAX,
    SKIPPED,
    WARNING,
    WITHIN,
    Cause,
    Check,
    Remedy,
    Value,
    Verdict,
)
from convcost.cost.analysis import Analysis, LayerCost
from convcost.errors import (
    BaselineError,
    ConfigError,
    ConvcostError,
    ErrorDetail,
    OptionError,
    Place,
    encodable,
    nearest,
)
from convcost.metrics import METRICS, Metric
from convcost.rewriting.selection import matches
from convcost.spec.limits import allowed

if TYPE_CHECKING:  # read where they are needed
    from convcost.budget.baselines import Baseline, Past
    from convcost.budget.configuration import Configuration

MOST_CAUSES = 5
_REMEDIES = 20
"""For how many exceeded limits of a check a remedy is looked for."""
_LAYERS_SEARCHED = 5_000
"""How many layers their networks have together: looking for a remedy takes a hundred times as long as counting."""


MOST_HELD = 10_000_000
"""How many layers a check holds to limits: the sum over all budgets of the layers of each network that they are for."""


class _Search:
    """What a check may still do, so that thousands of limits do not take minutes."""

    def __init__(self) -> None:
        more = allowed() or 0  # layers that somebody has allowed
        self.most = self.held = max(MOST_HELD, 100 * more)
        self.layers = max(_LAYERS_SEARCHED, more)
        self.remedies = max(_REMEDIES, more // 100)

    def hold(self, point: Point) -> None:
        """Count a network that is held to a budget.

        Raises:
            OptionError: There are too many.
        """
        self.held -= len(point.analysis.layers)
        if self.held < 0:
            message = "there are too many budgets for so many layers"
            found = f"more than {self.most:,} layers in the networks of all budgets together"
            help = "fewer budgets, fewer specs at a time, or --max-layers N for a hundred times as many"
            raise OptionError(ErrorDetail(message, found=found, help=help))

    def takes(self, held: _Held) -> bool:
        """Return whether a remedy is to be looked for, and count it."""
        layers = len(held.point.analysis.layers)
        if not self.remedies or layers > self.layers:
            return False
        self.remedies -= 1
        self.layers -= layers
        return True


def check(
    specs: Sequence[Checked],
    configuration: Configuration | None = None,
    *,
    budgets: Sequence[Budget] = (),
    settings: Mapping[str, Any] | None = None,
    baseline: Baseline | None = None,
) -> tuple[Verdict, ...]:
    """Return the verdict on each limit of each network.

    Args:
        specs: The specs, instead of those that the configuration names.
        configuration: What holds them to something, beside the budgets in the specs.
        budgets: More budgets, for all of them.
        settings: Values for their symbols; those that a budget sets go before.
        baseline: What growth is measured against.

    Raises:
        ConvcostError: A spec is wrong, or a budget does not fit the specs; everything that is wrong is told.
    """
    named: Sequence[Checked] = specs or (configuration.models if configuration else ())
    verdicts: list[Verdict] = []
    errors: list[ConvcostError] = []
    search = _Search()
    for spec in named:
        try:
            subject = Subject(spec, settings or {}, baseline)
            held = [*subject.budgets(), *(configuration.budgets_for(subject.name) if configuration else ()), *budgets]
        except ConvcostError as error:
            errors.append(error)
            continue
        for budget in held:
            try:
                verdicts += _verdicts(subject, budget, search)
            except ConvcostError as error:  # all that is wrong at once
                errors.append(error)
    if configuration and not errors:
        errors += _unmatched(configuration, verdicts, named)
    if errors:
        raise together(errors)
    if not verdicts:
        raise ConfigError(_nothing(named, configuration))
    return tuple(verdicts)


def found(
    specs: Sequence[Checked],
    configuration: Configuration | None,
    baseline: Baseline | None,
    *,
    budgets: Sequence[Budget] = (),
    settings: Mapping[str, Any] | None = None,
    strict: bool = False,
    notes: Sequence[str] = (),
) -> Check:
    """Return the check of specs: the verdicts and the notes.

    Args:
        specs: The specs.
        configuration: What holds them to something, beside the budgets in the specs.
        baseline: What growth is measured against.
        budgets: More budgets, for all of them.
        settings: Values for their symbols; those that a budget sets go before.
        strict: Whether a warning fails, too.
        notes: More notes of the check.

    Raises:
        ConvcostError: A spec is wrong, or a budget does not fit the specs.
    """
    verdicts = check(specs, configuration, budgets=budgets, settings=settings, baseline=baseline)
    told = (*unheld(specs, verdicts), *notes, *renamed(verdicts))
    file = configuration.file if configuration else ""
    return Check(verdicts, file, baseline.base if baseline else None, strict, told)


def unheld(specs: Sequence[Checked], verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return a note on each spec that no budget is for.

    Args:
        specs: The specs that were checked.
        verdicts: The verdicts on them.
    """
    held = {verdict.spec for verdict in verdicts}
    names = [encodable(name) for spec in specs if (name := name_of(spec))]
    return tuple(f"No budget is for {name}." for name in names if name not in held)


def renamed(verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return a warning on each limit whose metric means something else than in the version that it is written in.

    Args:
        verdicts: The verdicts on the limits.
    """
    worst: dict[tuple[Any, ...], Verdict] = {}
    for verdict in verdicts:
        if verdict.budget.renamed:
            key = verdict.budget.path, verdict.bound.place, id(verdict.analysis)
            if key not in worst or (verdict.actual or 0) > (worst[key].actual or 0):
                worst[key] = verdict
    return tuple(map(_renamed, worst.values()))


def _renamed(verdict: Verdict) -> str:
    """Return the value that a limit on activations is held to, and the one of earlier versions."""
    budget, analysis = verdict.budget, verdict.analysis
    index = next((index for index, layer in enumerate(analysis.layers) if layer is verdict.layer), None)
    part = _chosen(budget, analysis) if index is None else [index]
    before = metrics.combined(METRICS["output_values"], analysis.values, part)
    where = f", {verdict.layer.name}" if verdict.layer is not None else f", {budget.layers}" if budget.layers else ""
    place = f"{verdict.bound.place}: " if verdict.bound.place else ""
    return (
        f"{place}activations of {verdict.spec}{where} are {verdict.actual:,} now: the values that convolutions, linear "
        f"layers and matrix products put out; they were {before:,}, the values that all layers put out. "
        "`convcost: 2` at the top of the file says that this is meant; `output_values` limits what was limited."
    )


def against(base: str | None, baseline: str | None, specs: Sequence[str]) -> Baseline | None:
    """Return the baseline for growth: a revision, a report, or None.

    Args:
        base: The revision.
        baseline: The path of the report.
        specs: The specs that are to be checked.

    Raises:
        OptionError: Both are given.
        BaselineError: It cannot be used.
    """
    if base is not None and baseline is not None:
        raise OptionError(
            ErrorDetail("growth has one baseline", found="a revision and a report", help="give one of them")
        )
    if base is None and baseline is None:
        return None
    from convcost.budget import baselines  # git is not asked where growth is not

    return baselines.from_revision(base, specs) if base is not None else baselines.from_report(baseline or "")


def _verdicts(subject: Subject, budget: Budget, search: _Search) -> Iterator[Verdict]:
    """Yield the verdicts on a budget of a spec."""
    kinds = [kind for kind in (MAX, GROWTH) if getattr(budget, kind) is not None]
    for point in subject.points(budget):
        search.hold(point)
        if budget.growth is not None and point.past is None:
            raise point.refused or BaselineError(_no_baseline(budget))
        chosen = _chosen(budget, point.analysis)
        parts = list(_parts(budget, point, chosen))
        for kind in kinds:
            if budget.layers and not chosen:
                nothing = _Held(subject, budget, point, kind, ())
                yield nothing.verdict(SKIPPED, None, None, reason=f"no layer matches {budget.layers!r}")
                continue
            held = [_Held(subject, budget, point, kind, part) for part in parts]
            found = [each.judged() for each in held]
            worst = max(range(len(found)), key=lambda index: found[index].delta or 0)
            if found[worst].status == EXCEEDED and search.takes(held[worst]):
                found[worst] = replace(found[worst], remedy=held[worst].remedy(found[worst].limit or 0))
            yield from found


class _Held(Struct, frozen=True):
    """Some layers of a network, held to one limit of a budget.

    Attributes:
        subject: The spec.
        budget: The budget.
        point: The network.
        kind: Which of the budget's limits it is.
        part: The indices of the layers.
    """

    subject: Subject
    budget: Budget
    point: Point
    kind: str
    part: tuple[int, ...]

    def judged(self) -> Verdict:
        """Return the verdict, without a remedy."""
        budget = self.budget
        if self.actual is None:
            return self.verdict(SKIPPED, None, None, reason=self._without_value())
        base, lacking = self._base()
        warn: Value | None = None
        if self.kind == MAX:
            assert budget.max is not None
            limit = budget.max.value
            warn = None if budget.warn is None else budget.warn.of(limit)
        elif base is None:
            return self.verdict(SKIPPED, None, None, reason=lacking)
        else:
            assert budget.growth is not None
            limit = base + budget.growth.of(base)
            limit = limit if self._metric.is_ratio else floor(limit)
        status = EXCEEDED if self.actual > limit else WARNING if warn is not None and self.actual > warn else WITHIN
        causes = () if status == WITHIN else self._causes()
        return self.verdict(status, limit, base, warn=warn, causes=causes)

    @property
    def _metric(self) -> Metric:
        return METRICS[self.budget.metric]

    def _without_value(self) -> str:
        """Return why the layers have no value of the metric."""
        whose = self.point.analysis.layers[self.part[0]].name if self._alone else self.subject.name
        why = f", being {self._metric.kind}, which is 0" if self._metric.is_ratio else ""
        return encodable(f"{whose} has no {metrics.words(self.budget.metric)}{why}")

    @property
    def _alone(self) -> bool:
        """Whether this is one layer of those that are each held to the limit."""
        return self.budget.scope == EACH and bool(self.part)

    @property
    def actual(self) -> Value | None:
        """What the layers cost; None where they have no such value."""
        if not self.budget.layers and not self._alone:
            found: Value | None = self.point.analysis.value(self.budget.metric)
        else:
            found = metrics.combined(self._metric, self.point.values, self.part)
        return found

    def verdict(
        self,
        status: str,
        limit: Value | None,
        base: Value | None,
        *,
        warn: Value | None = None,
        reason: str = "",
        causes: tuple[Cause, ...] = (),
    ) -> Verdict:
        """Return a verdict on these layers."""
        point = self.point
        return Verdict(
            budget=self.budget,
            kind=self.kind,
            analysis=point.analysis,
            spec=encodable(self.subject.name),
            symbols=point.set,
            layer=point.analysis.layers[self.part[0]] if self._alone else None,
            limit=limit,
            warn=warn,
            actual=self.actual,
            base=base,
            status=status,
            reason=reason,
            causes=causes,
        )

    def _base(self) -> tuple[Value | None, str]:
        """Return the layers' cost at the baseline; None and the reason where it is not known."""
        past = self.point.past
        if past is None:
            return None, ""
        from convcost.budget.baselines import Lacking
        from convcost.budget.earlier import NotRecorded

        if isinstance(past, Lacking):
            return None, past.reason
        if not past.whole and (self.budget.layers or self._alone):
            if self.kind == MAX:
                return None, ""
            raise BaselineError(_not_whole(self.budget, past.name))
        try:
            return self._before(past)
        except NotRecorded as missing:
            return None, f"{past.name} does not tell {missing.metric}"

    def _before(self, past: Past) -> tuple[Value | None, str]:
        """Return the layers' cost at a known baseline; None and the reason where it has none of them."""
        budget = self.budget
        if self._alone:
            partner = self.point.partners[self.part[0]]
            part = [] if partner is None else [partner]
            lacking = "the layer is new"
        elif not budget.layers:
            return past.numbers.value(budget.metric), f"{past.name} has no {metrics.words(budget.metric)}"
        else:
            part = [index for index, layer in enumerate(past.layers) if matches(budget.layers, layer)]
            lacking = f"no layer of {past.name} matches {budget.layers!r}"
        if not part:
            return None, lacking
        return metrics.combined(self._metric, past.numbers.values, part), f"{past.name} has no such value"

    def _causes(self) -> tuple[Cause, ...]:
        """Return the layers that cost most, or grew most where growth is what is limited."""
        network = self.point.analysis.network
        known, earlier = self._earlier()
        grew = known and self.kind == GROWTH
        causes = []
        values = self.point.values(self.budget.metric)
        for index in self.part:
            value, layer = values[index], self.point.analysis.layers[index]
            if value is None:
                continue
            base = earlier(index) if known else None
            causes.append(Cause(layer, Place(network.file, layer.line, network.layers[index].column), value, base))

        def weight(cause: Cause) -> Value:
            return cause.value - (cause.base or 0) if grew else cause.value

        heaviest = sorted(causes, key=weight, reverse=True)[:MOST_CAUSES]
        return tuple(cause for cause in heaviest if weight(cause) > 0)

    def _earlier(self) -> tuple[bool, Callable[[int], Value]]:
        """Return whether it is known what each layer cost at the baseline, and what gives that, 0 for a new one."""
        from convcost.budget.earlier import NotRecorded

        past = self.point.past
        values: Sequence[Any] = ()
        known = getattr(past, "whole", False)
        if known:
            try:
                values = past.numbers.values(self.budget.metric)  # type: ignore[union-attr]  # a past that is whole
            except NotRecorded:
                known = False

        def earlier(index: int) -> Value:
            partner = self.point.partners[index]
            if partner is None or not (self._alone or _is_for(self.budget, past.layers[partner])):  # type: ignore[union-attr]
                return 0
            return values[partner] or 0

        return known, earlier

    def remedy(self, limit: Value) -> Remedy | None:
        """Return the remedy that brings the layers back within a limit."""
        from convcost.budget import remedies  # imports the rewrites

        point = self.point
        return remedies.remedy(
            self.subject.source,
            self.subject.name,
            point.settings,
            point.analysis,
            self.budget.metric,
            limit,
            frozenset(self.part),
            self.budget.layers,
        )


def _is_for(budget: Budget, layer: LayerCost) -> bool:
    """Return whether a layer is one of those that a budget is for."""
    return not budget.layers or matches(budget.layers, layer)


def _chosen(budget: Budget, analysis: Analysis) -> list[int]:
    """Return the indices of the layers that a budget is for."""
    return [index for index, layer in enumerate(analysis.layers) if _is_for(budget, layer)]


def _parts(budget: Budget, point: Point, chosen: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield the layers that a limit is for, together or each alone; of these not the many that cost nothing."""
    if budget.scope != EACH or not chosen:
        yield tuple(chosen)
        return
    values = point.values(budget.metric)
    costing = [index for index in chosen if values[index]]
    yield from ((index,) for index in costing or chosen[:1])


def _unmatched(
    configuration: Configuration, verdicts: Sequence[Verdict], named: Sequence[Checked]
) -> Iterator[ConfigError]:
    """Yield an error for each pattern that matches no layer of any network that its budget is for."""
    asked = {patterns.identity(str(spec)) for spec in named if not isinstance(spec, Mapping)}
    rest = [spec for spec in configuration.models if patterns.identity(spec) not in asked]
    for budget in configuration.budgets:
        found = {id(verdict.analysis): verdict.analysis for verdict in verdicts if verdict.budget is budget}.values()
        if not budget.layers or not found or any(_chosen(budget, analysis) for analysis in found):
            continue
        try:
            others = [point.analysis for spec in rest for point in _others(configuration, budget, spec)]
        except ConvcostError:  # nobody asked for these, and they may have such layers
            continue
        if any(_chosen(budget, analysis) for analysis in others):
            continue
        layers = [layer for analysis in (*found, *others) for layer in analysis.layers]
        names = {"/".join(layer.path[:depth]) for layer in layers for depth in range(1, len(layer.path) + 1)}
        help = nearest(budget.layers.rstrip("/*"), names) or "`convcost analyze SPEC` tells the names of layers"
        yield ConfigError(budget.detail("layers", f"no layer matches {budget.layers!r}", help))


def _others(configuration: Configuration, budget: Budget, spec: str) -> Iterator[Point]:
    """Yield the networks of a spec that nobody asked for, if a budget is for them."""
    if budget in configuration.budgets_for(spec):
        yield from Subject(spec, {}, None).points(budget)


def together(errors: Sequence[ConvcostError]) -> ConvcostError:
    """Return one error with the errors of all, each once."""
    details: dict[ErrorDetail, ErrorDetail] = {}
    for error in errors:
        for detail in error.details:  # the same one at other values of symbols is the same
            details.setdefault(replace(detail, note=""), detail)
    kinds = {error.__class__ for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else ConvcostError
    return kind(details.values(), more=any(error.more for error in errors))


def _nothing(named: Sequence[Checked], configuration: Configuration | None) -> ErrorDetail:
    """Return the error of a check that holds nothing to anything."""
    if configuration and not named:
        help = "models: [nets/*.yaml] in it, or convcost check SPEC"
        return ErrorDetail("there is nothing to check", found=f"{configuration.file} names no models", help=help)
    if not named:
        help = "convcost init SPEC writes one, or convcost check SPEC"
        return ErrorDetail("there is nothing to check", found="no SPEC, and no convcost.yaml here or above", help=help)
    names = ["the mapping" if isinstance(name, Mapping) else str(name) for name in named]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    help = "budget: {mults: 300M} in the spec, or `convcost init SPEC` for a convcost.yaml"
    return ErrorDetail("there is no budget to hold this to", found=", ".join(names[:3]) + more, help=help)


def _no_baseline(budget: Budget) -> ErrorDetail:
    bound = budget.growth
    assert bound is not None
    help = "--base origin/main, or --baseline REPORT.json"
    return ErrorDetail("growth needs a baseline", bound.place, budget.path, help=help, source=bound.source)


def _not_whole(budget: Budget, name: str) -> ErrorDetail:
    help = "make it without --depth and --top: convcost analyze SPEC -f json"
    return budget.detail("layers" if budget.layers else "scope", f"{name} does not tell each layer", help)
