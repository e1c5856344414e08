"""Networks held to their budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from convcost.budget import notes as notes_of
from convcost.budget import patterns
from convcost.budget.budgets import EACH, Budget
from convcost.budget.judging import LimitedLayers, chosen
from convcost.budget.targets import Checked, Point, Target, name_of
from convcost.budget.verdicts import EXCEEDED, GROWTH, MAX, MIN, SKIPPED, Check, Verdict
from convcost.errors import BaselineError, ConfigError, ConvcostError, ErrorDetail, OptionError, nearest
from convcost.network.completeness import incomplete
from convcost.numbers import plain
from convcost.spec.limits import allowed, limited

if TYPE_CHECKING:  # read where they are needed
    from pathlib import Path

    from convcost.budget.baselines import Baseline
    from convcost.budget.configuration import Configuration
    from convcost.network import Network
    from convcost.network.dtypes import Given as Dtypes

_REMEDIES = 20
"""For how many exceeded limits of a check a remedy is looked for."""
_LAYERS_SEARCHED = 5_000
"""How many layers their networks have together: looking for a remedy takes a hundred times as long as counting."""


MOST_HELD = 10_000_000
"""How many layers a check holds to limits: the sum over all budgets of the layers of each network that they are for."""


class _Search:
    """The work left to a check, so that thousands of limits do not take minutes."""

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

    def takes(self, held: LimitedLayers) -> bool:
        """Return whether to look for a remedy, and count it."""
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
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
) -> tuple[Verdict, ...]:
    """Return the verdict on each limit of each network.

    Args:
        specs: The specs, instead of those that the configuration names.
        configuration: What holds them to something, beside the budgets in the specs.
        budgets: More budgets, for all of them.
        settings: Values for their symbols; those that a budget sets go before.
        baseline: What growth is measured against.
        dtype: The types of the networks' numbers; those that a budget says go before.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.

    Raises:
        ConvcostError: A spec is wrong, or a budget does not fit the specs; all errors are reported.
    """
    named: Sequence[Checked] = specs or (configuration.models if configuration else ())
    verdicts: list[Verdict] = []
    errors: list[ConvcostError] = []
    search = _Search()
    for spec in named:
        try:
            target = Target(spec, settings or {}, baseline, dtype=dtype, batch=batch, fold=fold)
            held = [*target.budgets(), *(configuration.budgets_for(target.name) if configuration else ()), *budgets]
        except ConvcostError as error:
            errors.append(error)
            continue
        for budget in held:
            try:
                verdicts += _verdicts(target, budget, search)
            except ConvcostError as error:  # all that is wrong at once
                errors.append(error)
    if configuration and not errors:
        errors += _unmatched(configuration, verdicts, named)
    if errors:
        raise together(errors)
    if not verdicts:
        raise ConfigError(_nothing(named, configuration))
    return tuple(verdicts)


def run(
    specs: Sequence[Checked],
    configuration: Configuration | None,
    baseline: Baseline | None,
    *,
    budgets: Sequence[Budget] = (),
    settings: Mapping[str, Any] | None = None,
    strict: bool = False,
    notes: Sequence[str] = (),
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
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
        dtype: The types of the networks' numbers; those that a budget says go before.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.

    Raises:
        ConvcostError: A spec is wrong, or a budget does not fit the specs.
    """
    counted: dict[str, Any] = {"dtype": dtype, "batch": batch, "fold": fold}
    verdicts = check(specs, configuration, budgets=budgets, settings=settings, baseline=baseline, **counted)
    unguarded = notes_of.without_budget(specs, verdicts)
    all_asked = configuration is not None and (not specs or tuple(specs) == configuration.models)
    unlisted = notes_of.unlisted(configuration) if configuration is not None and all_asked else ()
    in_specs = [each for verdict in verdicts for each in verdict.analysis.network.warnings]
    return Check(
        verdicts,
        config=configuration.file if configuration else "",
        base=baseline.base if baseline else None,
        strict=strict,
        notes=(*unguarded, *notes, *notes_of.accepted_growth(verdicts)),
        warnings=tuple(dict.fromkeys((*in_specs, *unlisted, *notes_of.warnings(verdicts)))),
    )


def ask(
    specs: Sequence[Checked],
    *,
    max: Mapping[str, Any] | None = None,
    config: str | Path | None = None,
    set: Mapping[str, Any] | None = None,
    base: str | None = None,
    baseline: str | Path | None = None,
    strict: bool = False,
    dtype: Dtypes = (),
    batch: int = 1,
    fold: bool = True,
    max_layers: int | None = None,
) -> Check:
    """Hold networks to their budgets; see `convcost.check` for the arguments."""
    from convcost.budget import configuration

    path = str(config) if config is not None else None if max else configuration.find()
    read = configuration.read(path) if path else None
    named = list(specs) or list(read.models if read else ())
    files = [name for spec in named if (name := name_of(spec))]
    budgets = [configuration.given(metric, plain(value)) for metric, value in (max or {}).items()]
    with limited(plain(max_layers)):
        past = against(base, str(baseline) if baseline is not None else None, files, batch=batch, fold=fold)
        counted: dict[str, Any] = {"dtype": dtype, "batch": batch, "fold": fold}
        return run(named, read, past, budgets=budgets, settings=set, strict=strict, **counted)


def against(
    base: str | None, baseline: str | None, specs: Sequence[str], *, batch: int = 1, fold: bool = True
) -> Baseline | None:
    """Return the baseline for growth: a revision, a report, or None.

    Args:
        base: The revision.
        baseline: The path of the report.
        specs: The specs that are to be checked.
        batch: How many inputs to count the operations for; parameters do not scale.
        fold: Whether a batch norm costs nothing where it can fold into the layer before it.

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

    if base is not None:
        return baselines.from_revision(base, specs, batch=batch, fold=fold)
    return baselines.from_report(baseline or "", batch=batch, fold=fold)


def refuse_incomplete(network: Network) -> None:
    """Raise `OptionError` where the costs of layers are not known."""
    if network.unknown:
        raise OptionError(incomplete(network))


def _verdicts(target: Target, budget: Budget, search: _Search) -> Iterator[Verdict]:
    """Yield the verdicts on a budget of a spec."""
    kinds = [kind for kind in (MAX, MIN, GROWTH) if getattr(budget, kind) is not None]
    for point in target.points(budget):
        search.hold(point)
        if budget.growth is not None and point.past is None:
            raise point.refused or BaselineError(_no_baseline(budget))
        layers = chosen(budget, point.analysis)
        parts = list(_parts(budget, point, layers))
        for kind in kinds:
            if budget.layers and not layers:
                nothing = LimitedLayers(target, budget, point, kind, ())
                yield nothing.verdict(SKIPPED, None, None, reason=f"no layer matches {budget.layers!r}")
                continue
            held = [LimitedLayers(target, budget, point, kind, part) for part in parts]
            found = [each.judged() for each in held]
            worst = max(range(len(found)), key=lambda index: found[index].delta or 0)
            if found[worst].status == EXCEEDED and kind != MIN and search.takes(held[worst]):
                found[worst] = replace(found[worst], remedy=held[worst].remedy(found[worst].limit or 0))
            yield from found


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
        if not budget.layers or not found or any(chosen(budget, analysis) for analysis in found):
            continue
        try:
            others = [point.analysis for spec in rest for point in _others(configuration, budget, spec)]
        except ConvcostError:  # nobody asked for these, and they may have such layers
            continue
        if any(chosen(budget, analysis) for analysis in others):
            continue
        layers = [layer for analysis in (*found, *others) for layer in analysis.layers]
        names = {"/".join(layer.path[:depth]) for layer in layers for depth in range(1, len(layer.path) + 1)}
        help = nearest(budget.layers.rstrip("/*"), names) or "`convcost analyze SPEC` tells the names of layers"
        yield ConfigError(budget.detail("layers", f"no layer matches {budget.layers!r}", help))


def _others(configuration: Configuration, budget: Budget, spec: str) -> Iterator[Point]:
    """Yield the networks of a spec that the command line does not name, if a budget is for them."""
    if budget in configuration.budgets_for(spec):
        yield from Target(spec, {}, None).points(budget)


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
    """Return the error of a check without specs or budgets."""
    if configuration and not named:
        help = "models: [nets/*.yaml] in it, or convcost check SPEC"
        return ErrorDetail("there is nothing to check", found=f"{configuration.file} names no models", help=help)
    if not named:
        help = "convcost init SPEC writes one, or convcost check SPEC"
        return ErrorDetail("there is nothing to check", found="no SPEC, and no convcost.yaml here or above", help=help)
    names = ["the mapping" if isinstance(name, Mapping) else name_of(name) or "the network" for name in named]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    help = "budget: {mults: 300M} in the spec, or `convcost init SPEC` for a convcost.yaml"
    return ErrorDetail("there is no budget to hold this to", found=", ".join(names[:3]) + more, help=help)


def _no_baseline(budget: Budget) -> ErrorDetail:
    bound = budget.growth
    assert bound is not None
    help = "--base origin/main, or --baseline REPORT.json"
    return ErrorDetail("growth needs a baseline", bound.place, budget.path, help=help, source=bound.source)
