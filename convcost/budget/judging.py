"""The verdict on some layers of a network that are held to one limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import floor
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost import metrics
from convcost.budget import patterns
from convcost.budget.budgets import EACH, Budget
from convcost.budget.targets import Point, Target
from convcost.budget.verdicts import EXCEEDED, GROWTH, MAX, MIN, SKIPPED, WARNING, WITHIN, Cause, Remedy, Value, Verdict
from convcost.cost.analysis import Analysis, LayerCost
from convcost.errors import BaselineError, ErrorDetail, encodable
from convcost.metrics import METRICS, Metric
from convcost.network.matching import matching
from convcost.rewriting.selection import matches

if TYPE_CHECKING:  # read where growth is measured
    from convcost.budget.baselines import Past

MOST_CAUSES = 5


class LimitedLayers(Struct, frozen=True):
    """Layers of a network that are held to one limit of a budget.

    Attributes:
        target: The spec.
        budget: The budget.
        point: The network.
        kind: Which of the budget's limits it is.
        part: The indices of the layers.
    """

    target: Target
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
        accepted: Value | None = None
        warn: Value | None = None
        if self.kind == GROWTH:
            if base is None:
                return self.verdict(SKIPPED, None, None, reason=lacking)
            accepted = self._accepted(base)
            limit = self._most(base if accepted is None else accepted)
        else:
            bound = budget.min if self.kind == MIN else budget.max
            assert bound is not None
            limit = bound.value
            warn = budget.warn.of(limit) if self.kind == MAX and budget.warn is not None else None
        beyond = self.actual < limit if self.kind == MIN else self.actual > limit
        status = EXCEEDED if beyond else WARNING if warn is not None and self.actual > warn else WITHIN
        causes = () if status == WITHIN else self._causes()
        return self.verdict(status, limit, base, accepted=accepted, warn=warn, causes=causes)

    def _most(self, before: Value) -> Value:
        """Return how much growth from a value may lead to."""
        assert self.budget.growth is not None
        most = before + self.budget.growth.of(before)
        return most if self._metric.is_ratio else floor(most)

    def _accepted(self, base: Value) -> Value | None:
        """Return the value that was accepted where it cost this at the baseline."""
        layer = self.point.analysis.layers[self.part[0]].name if self._alone else ""
        spec = patterns.identity(self.target.name)
        for each in self.budget.accepted:
            if each.before.value == base and each.is_for(spec, self.point.set, layer):
                return each.now.value
        return None

    @property
    def _metric(self) -> Metric:
        return METRICS[self.budget.metric]

    def _without_value(self) -> str:
        """Return why the layers have no value of the metric."""
        whose = self.point.analysis.layers[self.part[0]].name if self._alone else self.target.name
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
        accepted: Value | None = None,
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
            spec=encodable(self.target.name),
            symbols=point.set,
            layer=point.analysis.layers[self.part[0]] if self._alone else None,
            limit=limit,
            warn=warn,
            actual=self.actual,
            base=base,
            accepted=accepted,
            status=status,
            reason=reason,
            causes=causes,
        )

    def _base(self) -> tuple[Value | None, str]:
        """Return the layers' cost at the baseline; None and the reason where it is not known."""
        past = self.point.past
        if past is None:
            return None, ""
        from convcost.budget.baseline_report import NotRecorded
        from convcost.budget.baselines import Lacking

        if isinstance(past, Lacking):
            return None, past.reason
        if not past.whole and (self.budget.layers or self._alone):
            if self.kind != GROWTH:
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
            part = matching(budget.layers, past.layers, matches)
            lacking = f"no layer of {past.name} matches {budget.layers!r}"
        if not part:
            return None, lacking
        return metrics.combined(self._metric, past.numbers.values, part), f"{past.name} has no such value"

    def _causes(self) -> tuple[Cause, ...]:
        """Return the layers that cost most, or grew most where growth is what is limited."""
        network = self.point.analysis.network
        known, before = self._before_each()
        grew = known and self.kind == GROWTH
        causes = []
        values = self.point.values(self.budget.metric)
        for index in self.part:
            value, layer = values[index], self.point.analysis.layers[index]
            if value is None:
                continue
            base = before(index) if known else None
            causes.append(Cause(layer, network.layers[index].place(network.file), value, base))

        def weight(cause: Cause) -> Value:
            return cause.value - (cause.base or 0) if grew else cause.value

        heaviest = sorted(causes, key=weight, reverse=True)[:MOST_CAUSES]
        return tuple(cause for cause in heaviest if weight(cause) > 0)

    def _before_each(self) -> tuple[bool, Callable[[int], Value]]:
        """Return whether it is known what each layer cost at the baseline, and what gives that, 0 for a new one."""
        from convcost.budget.baseline_report import NotRecorded

        past = self.point.past
        values: Sequence[Any] = ()
        known = getattr(past, "whole", False)
        if known:
            try:
                values = past.numbers.values(self.budget.metric)  # type: ignore[union-attr]  # a past that is whole
            except NotRecorded:
                known = False

        meant = {*_chosen(self.budget, past.layers)} if known else ()  # type: ignore[union-attr]

        def before(index: int) -> Value:
            partner = self.point.partners[index]
            if partner is None or not (self._alone or partner in meant):
                return 0
            return values[partner] or 0

        return known, before

    def remedy(self, limit: Value) -> Remedy | None:
        """Return the remedy that brings the layers back within a limit."""
        from convcost.budget import remedies  # imports the rewrites

        point = self.point
        return remedies.remedy(
            self.target.source,
            self.target.name,
            point.settings,
            point.analysis,
            self.budget.metric,
            limit,
            frozenset(self.part),
            self.budget.layers,
            point.dtype,
        )


def chosen(budget: Budget, analysis: Analysis) -> list[int]:
    """Return the indices of the layers that a budget is for."""
    return _chosen(budget, analysis.layers)


def _chosen(budget: Budget, layers: Sequence[LayerCost]) -> list[int]:
    return matching(budget.layers, layers, matches) if budget.layers else [*range(len(layers))]


def _not_whole(budget: Budget, name: str) -> ErrorDetail:
    help = "make it without --depth and --top: convcost analyze SPEC -f json"
    return budget.detail("layers" if budget.layers else "scope", f"{name} does not tell each layer", help)
