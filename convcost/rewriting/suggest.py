"""Which layers to rewrite until a network keeps its limits: the biggest saving for each layer touched first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost import metrics
from convcost.cost.analysis import Analysis
from convcost.errors import ErrorDetail, OptionError, WarningDetail
from convcost.network import Network
from convcost.numbers import plain
from convcost.reports.result import Result
from convcost.rewriting.analysis import before_after
from convcost.rewriting.application import apply
from convcost.rewriting.base import Rewrite, Site
from convcost.rewriting.candidates import Candidate, Limits
from convcost.rewriting.choosing import ALL, Choice, Chooser, Test
from convcost.rewriting.rewrites import named
from convcost.spec.amounts import amount
from convcost.spec.limits import allowed

MOST_WORK = 60_000
"""How many layers the networks after all steps have together: each step is counted and written anew."""

_MOST_LOOKED_AT = 5_000  # layers of a network for which more options are tried


class Step(Struct, frozen=True):
    """A rewrite that is suggested.

    Attributes:
        names: The layers that it touches.
        rewrite: The rewrite's name.
        candidate: The item.
        after: The network with this step and those before it.
    """

    names: tuple[str, ...]
    rewrite: str
    candidate: Candidate
    after: Analysis


class Suggestion(Result, frozen=True):
    """Rewrites that bring a network within its limits, or as near as they can.

    Attributes:
        before: The network as it is.
        after: The network with all steps.
        limits: The largest value allowed of each metric.
        steps: The rewrites, in the order in which they were chosen.
        changes: The same as sites, for each rewrite.
        spared: Layers that a rewrite could take, but whose items also write the first or the last layer with weights.
        reached_by: The options of `convcost suggest` by which the limits are kept where they are not yet; empty where
            they are, or are out of reach.
    """

    shown_by: ClassVar[str] = "convcost.rewriting.suggest_report:SuggestionReport"

    before: Analysis
    after: Analysis
    limits: Limits
    steps: tuple[Step, ...]
    changes: tuple[tuple[Rewrite, tuple[Site, ...]], ...]
    spared: tuple[str, ...]
    reached_by: str = ""

    @property
    def reached(self) -> bool:
        """Whether all limits are kept."""
        return not _broken(self.after, self.limits)

    @classmethod
    def of(
        cls,
        network: Network,
        rewrites: Sequence[Rewrite],
        limits: Limits,
        *,
        ends: bool = False,
        batch: int = 1,
        fold: bool = True,
        can: Test | None = None,
    ) -> Self:
        """Choose rewrites until the limits are kept or nothing more is saved; see `Chooser`.

        Args:
            network: The network.
            rewrites: Those that may be used.
            limits: The largest value allowed of each metric: a sum, or the largest of the layers.
            ends: Whether the first and the last layer with weights may be touched.
            batch: How many inputs to count the operations for; parameters do not scale.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            can: Whether the text of the spec can be rewritten so; always without.

        Raises:
            OptionError: There would be too many steps for so large a network.
        """
        before = Analysis.of(network, batch=batch, fold=fold)
        chooser = Chooser(before, limits, can=can)
        choice = chooser.choose(rewrites, ends=ends)
        steps = _steps(before, choice)
        changes = [
            (rewrite, tuple(site for found, sites in choice.changes() if found == rewrite for site in sites))
            for rewrite in rewrites
        ]
        spared = dict.fromkeys(name for candidate in choice.spared for name in candidate.names(network))
        return cls(
            before=before,
            after=steps[-1].after if steps else before,
            limits=limits,
            steps=tuple(steps),
            changes=tuple(change for change in changes if change[1]),
            spared=tuple(spared),
            reached_by="" if choice.reached else _reached_by(chooser, rewrites, ends=ends),
        )

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles
        from convcost.reports.table import counted

        title = titles.title(self.before.network)
        steps = f"with {counted(len(self.steps), 'step')}"
        if self.reached:
            return f"{title}: the limits are kept {steps}"
        return f"{title}: out of reach {steps}" + (f", {self.reached_by} keeps them" if self.reached_by else "")

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.before.warnings

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import convention_document, cost_document, network_document
        from convcost.cost.footprint import footprint_change
        from convcost.documents import rewriting as documents
        from convcost.documents.warnings import warning_documents

        return documents.SuggestionDocument(
            network=network_document(self.before.network),
            convention=convention_document(self.before),
            limits=dict(self.limits),
            reached=self.reached,
            spared=list(self.spared),
            reached_by=self.reached_by or None,
            steps=[
                documents.StepDocument(
                    layers=list(step.names),
                    rewrite=step.rewrite,
                    before=cost_document(step.candidate.before),
                    after=cost_document(step.candidate.after),
                    total=cost_document(step.after.total),
                )
                for step in self.steps
            ],
            totals=before_after(self.before.total, self.after.total),
            memory=footprint_change(self.before, self.after),
            warnings=warning_documents(self.warnings),
        )


def _steps(before: Analysis, choice: Choice) -> list[Step]:
    """Return the items of a choice as steps, each with the network after it.

    Raises:
        OptionError: There would be too many steps for so large a network.
    """
    layers = len(before.network.layers)
    most = max(MOST_WORK, allowed() or 0)
    if len(choice.candidates) * layers > most:
        raise OptionError(_too_many(most // layers, layers, most))
    steps: list[Step] = []
    sites: list[Site] = []
    for candidate in choice.candidates:
        sites += candidate.sites
        after = Analysis.of(apply(before.network, sites).network, batch=before.batch, fold=before.fold)
        steps.append(Step(candidate.names(before.network), candidate.rewrite.name, candidate, after))
    return steps


def _reached_by(chooser: Chooser, rewrites: Sequence[Rewrite], *, ends: bool) -> str:
    """Return the options by which the limits are kept: the ends touched, other rewrites, or both; else nothing."""
    if len(chooser.before.layers) > _MOST_LOOKED_AT:
        return ""
    every = [*rewrites, *(named(name) for name in ALL if name not in {rewrite.name for rewrite in rewrites})]
    allow = f"--allow {','.join(rewrite.name for rewrite in every)}"
    tried = [("", rewrites, True), (allow, every, ends), (allow, every, True)]
    for options, names, touched in tried:
        if (names, touched) != (rewrites, ends) and chooser.choose(names, ends=touched).reached:
            return " ".join(part for part in (options, "--ends" if touched else "") if part)
    return ""


def limits_of(max: Mapping[str, Any]) -> dict[str, int]:
    """Return limits as numbers.

    Args:
        max: What totals may be: numbers, or texts such as `300M`.

    Raises:
        OptionError: There is none, or it is no whole number, or its metric is neither a sum nor the largest of layers.
    """
    if not max:
        raise OptionError(ErrorDetail("suggest needs a limit", help="such as --max mults=300M or --max params=4M"))
    limits = {}
    for name, value in max.items():
        metric = metrics.named(name, "--max: ")
        if not metric.adds_up and metric.total is not metrics.PEAK:
            found = f"{name} is {metric.kind}, so that no rewritten layer says what is saved of it"
            help = "limit a sum or a largest layer: --max mults=300M"
            raise OptionError(ErrorDetail(f"--max: suggest cannot limit {name}", found=found, help=help))
        limit = amount(str(plain(value)))
        if limit is None:
            found = f"--max {name}={value}"
            help = "such as 300M (k, M, G, T)"
            raise OptionError(ErrorDetail(f"the limit of {name} is a whole number", found=found, help=help))
        limits[name] = limit
    return limits


def _too_many(steps: int, layers: int, most: int) -> ErrorDetail:
    return ErrorDetail(
        "there are too many steps to suggest for so many layers",
        found=f"more than {steps:,} {'step' if steps == 1 else 'steps'} of {layers:,} layers each, "
        f"at most {most:,} layers together",
        help="a limit that is nearer, `convcost rewrite --to NAME` for all layers at once, or --max-layers N for more",
    )


def _broken(analysis: Analysis, limits: Limits) -> dict[str, int]:
    """Return the limits that a network does not keep."""
    return {name: limit for name, limit in limits.items() if analysis.value(name) > limit}
