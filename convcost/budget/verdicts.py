"""What a check finds: each limit, what the network costs, and whether that is within it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, ClassVar

from msgspec import Struct

from convcost.budget.budgets import Bound, Budget, spelled
from convcost.comparison.base import Base
from convcost.cost.analysis import Analysis, LayerCost
from convcost.errors import Place, WarningDetail
from convcost.reports.result import Result

Value = int | Fraction
"""What something costs: a whole number, of a ratio a fraction."""

WITHIN, WARNING, EXCEEDED, SKIPPED = "within", "warning", "exceeded", "skipped"
STATUSES = (WITHIN, WARNING, EXCEEDED, SKIPPED)
MAX, MIN, GROWTH = "max", "min", "growth"


class Cause(Struct, frozen=True):
    """A layer that a limit is spent on.

    Attributes:
        layer: The layer.
        place: Where the spec writes it, or which module of a model file it is.
        value: What it costs of the budget's metric.
        base: What it cost at the baseline, 0 where it is new among the limited layers; None where that is not known.
    """

    layer: LayerCost
    place: Place
    value: Value
    base: Value | None = None


class Remedy(Struct, frozen=True):
    """A rewrite that brings a network back within a limit, or as near as one can.

    Attributes:
        rewrites: The names of the rewrites.
        layers: The layers that they touch.
        reached: Whether the limit is kept then.
        value: What the limited part costs then.
        renamed: Whether the budget's pattern of layers does not mean the same part then, since layers get other names.
        command: The command line that does it; empty for a spec that no command can read.
        reached_with_ends: Whether the limit is kept at least where the first and the last layer are not spared.
        suggestion: The command line that finds out how; empty where a budget is for some layers only.
    """

    rewrites: tuple[str, ...]
    layers: tuple[str, ...]
    reached: bool
    value: Value
    renamed: bool
    command: str
    reached_with_ends: bool = True
    suggestion: str = ""


class Verdict(Struct, frozen=True):
    """One limit of one network at one point: a `max`, a `min`, or a `growth`.

    Attributes:
        budget: The budget that states the limit.
        kind: `max`, `min` or `growth`.
        analysis: The network and what it costs.
        spec: The network's spec as it was named.
        symbols: The values that the budget sets.
        layer: The layer, where the budget is for each.
        limit: The largest value that is within it, of `min` the smallest; for growth the baseline's value, or the one
            that was accepted, and what may be added. None where growth is skipped.
        warn: Above which value there is a warning.
        actual: What the network, or the layers, cost; None where they have no such value.
        base: What they cost at the baseline.
        accepted: What was accepted instead of the baseline's value; None where nothing was.
        status: `within`, `warning`, `exceeded` or `skipped`.
        reason: Why it is skipped.
        causes: Where it is exceeded or warned of, the layers that cost most; with a baseline those that grew most.
        remedy: Where it is exceeded, what would help.
    """

    budget: Budget
    kind: str
    analysis: Analysis
    spec: str
    symbols: Mapping[str, Any]
    layer: LayerCost | None
    limit: Value | None
    warn: Value | None
    actual: Value | None
    base: Value | None
    status: str
    accepted: Value | None = None
    reason: str = ""
    causes: tuple[Cause, ...] = ()
    remedy: Remedy | None = None

    @property
    def bound(self) -> Bound:
        """The limit as it is written."""
        bound: Bound | None = getattr(self.budget, self.kind)
        assert bound is not None
        return bound

    @property
    def point(self) -> str:
        """The values that the budget sets, as specs write them."""
        return ", ".join(f"{name} = {spelled(value)}" for name, value in self.symbols.items())

    @property
    def spelled(self) -> dict[str, str]:
        """The values that the budget sets, each as specs write it."""
        return {name: spelled(value) for name, value in self.symbols.items()}

    @property
    def delta(self) -> Value | None:
        """How much beyond the limit it is, above it or, of `min`, below it; negative within it."""
        if self.limit is None or self.actual is None:
            return None
        return self.limit - self.actual if self.kind == MIN else self.actual - self.limit

    @property
    def used(self) -> Fraction | None:
        """The share that is used of the limit, or of what may be added; None where that is nothing, or not known.

        Nothing is used of the smallest value allowed.
        """
        if self.limit is None or self.actual is None or self.kind == MIN:
            return None
        allowed = self.limit - self.before
        return Fraction(self.actual - self.before) / allowed if allowed else None

    @property
    def before(self) -> Value:
        """The value from which the use of the limit is measured: 0, for growth the baseline's value."""
        if self.kind != GROWTH or self.base is None:
            return 0
        return self.base if self.accepted is None else self.accepted

    @property
    def growth(self) -> Fraction | None:
        """By which share it has grown, or shrunk; None where that is not limited, not known, or from nothing."""
        if self.kind != GROWTH or self.actual is None or not self.before:
            return None
        return Fraction(self.actual - self.before) / Fraction(self.before)


class Check(Result, frozen=True):
    """What a check finds.

    Attributes:
        verdicts: One for each limit of each network at each point, and of each layer where it is for each.
        config: The configuration that the budgets stand in; empty where there is none.
        base: What growth is measured against.
        strict: Whether a warning fails, too.
        notes: What else is to be said, such as that no budget is for a spec, or that a limit was raised.
        warnings: What is valid in the specs and the budgets and rarely meant.
    """

    shown_by: ClassVar[str] = "convcost.budget.report:CheckReport"

    verdicts: tuple[Verdict, ...]
    config: str = ""
    base: Base | None = None
    strict: bool = False
    notes: tuple[str, ...] = ()
    warnings: tuple[WarningDetail, ...] = ()

    def summary(self) -> str:
        """Return the result in one line."""
        report: Any = self.report()
        return str(report.summary())

    @property
    def ok(self) -> bool:
        """Whether every limit is kept; with `strict` without a warning."""
        bad = (EXCEEDED, WARNING) if self.strict else (EXCEEDED,)
        return not any(verdict.status in bad for verdict in self.verdicts)

    def __bool__(self) -> bool:
        return self.ok
