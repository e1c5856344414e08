"""Networks held to their budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.analysis.cost import Analysis, LayerCost
from convcost.budget import patterns
from convcost.budget.budgets import EACH, Budget
from convcost.budget.subjects import Point, SpecLike, Subject
from convcost.budget.verdicts import EXCEEDED, GROWTH, MAX, SKIPPED, WARNING, WITHIN, Cause, Remedy, Verdict
from convcost.errors import BaselineError, ConfigError, ConvcostError, Fault, OptionError, Place, encodable, nearest
from convcost.ops import measured
from convcost.rewrites.selection import matches

if TYPE_CHECKING:  # read where they are needed
    from convcost.budget.baselines import Baseline
    from convcost.budget.configuration import Configuration

MOST_CAUSES = 5


def check(
    specs: Sequence[SpecLike],
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
    named: Sequence[SpecLike] = specs or (configuration.models if configuration else ())
    verdicts: list[Verdict] = []
    errors: list[ConvcostError] = []
    for spec in named:
        try:
            subject = Subject(spec, settings or {}, baseline)
            held = [*subject.budgets(), *(configuration.budgets_for(subject.name) if configuration else ()), *budgets]
        except ConvcostError as error:
            errors.append(error)
            continue
        for budget in held:
            try:
                verdicts += _verdicts(subject, budget)
            except ConvcostError as error:  # all that is wrong at once
                errors.append(error)
    if configuration and not errors:
        errors += _unmatched(configuration, verdicts, named)
    if errors:
        raise together(errors)
    if not verdicts:
        raise ConfigError(_nothing(named, configuration))
    return tuple(verdicts)


def unheld(specs: Sequence[SpecLike], verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return a note on each spec that no budget is for.

    Args:
        specs: The specs that were checked.
        verdicts: The verdicts on them.
    """
    held = {verdict.spec for verdict in verdicts}
    names = [encodable(str(spec)) for spec in specs if not isinstance(spec, Mapping)]
    return tuple(f"No budget is for {name}." for name in names if name not in held)


def against(base: str | None, baseline: str | None, specs: Sequence[str]) -> Baseline | None:
    """Return what growth is measured against: a revision, a report, or nothing.

    Args:
        base: The revision.
        baseline: The path of the report.
        specs: The specs that are to be checked.

    Raises:
        OptionError: Both are given.
        BaselineError: It cannot be used.
    """
    if base is not None and baseline is not None:
        raise OptionError(Fault("growth has one baseline", found="a revision and a report", help="give one of them"))
    if base is None and baseline is None:
        return None
    from convcost.budget import baselines  # git is not asked where growth is not

    return baselines.from_revision(base, specs) if base is not None else baselines.from_report(baseline or "")


def _verdicts(subject: Subject, budget: Budget) -> Iterator[Verdict]:
    """Yield the verdicts on a budget of a spec."""
    kinds = [kind for kind in (MAX, GROWTH) if getattr(budget, kind) is not None]
    for point in subject.points(budget):
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
            if found[worst].status == EXCEEDED:
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
        base, lacking = self._base()
        warn: int | Fraction | None = None
        if self.kind == MAX:
            assert budget.max is not None
            limit = int(budget.max.value)
            warn = None if budget.warn is None else budget.warn.of(limit)
        elif base is None:
            return self.verdict(SKIPPED, None, None, reason=lacking)
        else:
            assert budget.growth is not None
            limit = floor(base + budget.growth.of(base))
        status = EXCEEDED if self.actual > limit else WARNING if warn is not None and self.actual > warn else WITHIN
        causes = () if status == WITHIN else self._causes()
        return self.verdict(status, limit, base, warn=warn, causes=causes)

    @property
    def _alone(self) -> bool:
        """Whether this is one layer of those that are each held to the limit."""
        return self.budget.scope == EACH and bool(self.part)

    @property
    def actual(self) -> int:
        """What the layers cost."""
        layers = self.point.analysis.layers
        return sum(layers[index].value(self.budget.metric) for index in self.part)

    def verdict(
        self,
        status: str,
        limit: int | None,
        base: int | None,
        *,
        warn: int | Fraction | None = None,
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

    def _base(self) -> tuple[int | None, str]:
        """Return what the layers cost at the baseline; None where that is not known, and why."""
        budget, past = self.budget, self.point.past
        if past is None:
            return None, ""
        from convcost.budget.baselines import Lacking

        if isinstance(past, Lacking):
            return None, past.reason
        metric = budget.metric
        if not past.whole and (budget.layers or self._alone):
            if self.kind == MAX:
                return None, ""
            raise BaselineError(_not_whole(budget, past.name))
        if self._alone:
            partner = self.point.partners[self.part[0]]
            return (None, "the layer is new") if partner is None else (partner.value(metric), "")
        if not budget.layers:
            return measured(past.total, past.activations, metric), ""
        before = [layer.value(metric) for layer in past.layers if matches(budget.layers, layer)]
        return (sum(before), "") if before else (None, f"no layer of {past.name} matches {budget.layers!r}")

    def _causes(self) -> tuple[Cause, ...]:
        """Return the layers that cost most, or grew most where growth is what is limited."""
        metric = self.budget.metric
        network = self.point.analysis.network
        known = getattr(self.point.past, "whole", False)
        grew = known and self.kind == GROWTH
        causes = []
        for index in self.part:
            layer, partner = self.point.analysis.layers[index], self.point.partners[index]
            counted = partner is not None and (self._alone or _is_for(self.budget, partner))
            base = None if not known else partner.value(metric) if partner and counted else 0
            place = Place(network.file, layer.line, network.layers[index].column)
            causes.append(Cause(layer, place, layer.value(metric), base))

        def weight(cause: Cause) -> int:
            return cause.value - (cause.base or 0) if grew else cause.value

        heaviest = sorted(causes, key=weight, reverse=True)[:MOST_CAUSES]
        return tuple(cause for cause in heaviest if weight(cause) > 0)

    def remedy(self, limit: int) -> Remedy | None:
        """Return what would bring the layers back within a limit."""
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
    layers = point.analysis.layers
    costing = [index for index in chosen if layers[index].value(budget.metric)]
    yield from ((index,) for index in costing or chosen[:1])


def _unmatched(
    configuration: Configuration, verdicts: Sequence[Verdict], named: Sequence[SpecLike]
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
        yield ConfigError(budget.fault("layers", f"no layer matches {budget.layers!r}", help))


def _others(configuration: Configuration, budget: Budget, spec: str) -> Iterator[Point]:
    """Yield the networks of a spec that nobody asked for, if a budget is for them."""
    if budget in configuration.budgets_for(spec):
        yield from Subject(spec, {}, None).points(budget)


def together(errors: Sequence[ConvcostError]) -> ConvcostError:
    """Return one error with the faults of all, each once."""
    faults: dict[Fault, Fault] = {}
    for error in errors:
        for fault in error.faults:  # the same one at other values of symbols is the same
            faults.setdefault(replace(fault, note=""), fault)
    kinds = {error.__class__ for error in errors}
    kind = kinds.pop() if len(kinds) == 1 else ConvcostError
    return kind(faults.values(), more=any(error.more for error in errors))


def _nothing(named: Sequence[SpecLike], configuration: Configuration | None) -> Fault:
    """Return the fault of a check that holds nothing to anything."""
    if configuration and not named:
        help = "models: [nets/*.yaml] in it, or convcost check SPEC"
        return Fault("there is nothing to check", found=f"{configuration.file} names no models", help=help)
    if not named:
        help = "convcost init SPEC writes one, or convcost check SPEC"
        return Fault("there is nothing to check", found="no SPEC, and no convcost.yaml here or above", help=help)
    names = ["the mapping" if isinstance(name, Mapping) else str(name) for name in named]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    help = "budget: {mults: 300M} in the spec, or `convcost init SPEC` for a convcost.yaml"
    return Fault("there is no budget to hold this to", found=", ".join(names[:3]) + more, help=help)


def _no_baseline(budget: Budget) -> Fault:
    bound = budget.growth
    assert bound is not None
    help = "--base origin/main, or --baseline REPORT.json"
    return Fault("growth needs a baseline", bound.place, budget.path, help=help, source=bound.source)


def _not_whole(budget: Budget, name: str) -> Fault:
    help = "make it without --depth and --top: convcost analyze SPEC -f json"
    return budget.fault("layers" if budget.layers else "scope", f"{name} does not tell each layer", help)
