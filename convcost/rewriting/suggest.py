"""Which layers to rewrite until a network keeps its limits: the biggest saving for each layer touched first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

from msgspec import Struct

from convcost import metrics
from convcost.cost.analysis import Analysis
from convcost.errors import ErrorDetail, OptionError
from convcost.network import Network
from convcost.numbers import plain
from convcost.reports.result import Result
from convcost.rewriting.analysis import before_after
from convcost.rewriting.application import apply
from convcost.rewriting.base import Rewrite, Site
from convcost.rewriting.candidates import Candidate, Limits, ends_of, find
from convcost.rewriting.selection import site_path
from convcost.spec.limits import allowed
from convcost.spec.reading import amount

MOST_WORK = 60_000
"""How many layers the networks after all steps have together: each step is counted and written anew."""

Test = Callable[[Rewrite, Sequence[Site]], bool]


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
    """

    shown_by: ClassVar[str] = "convcost.rewriting.suggest_report:SuggestionReport"

    before: Analysis
    after: Analysis
    limits: Limits
    steps: tuple[Step, ...]
    changes: tuple[tuple[Rewrite, tuple[Site, ...]], ...]
    spared: tuple[str, ...]

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
        fold: bool = True,
        can: Test = lambda rewrite, sites: True,
    ) -> Self:
        """Choose rewrites until the limits are kept or nothing more is saved.

        Args:
            network: The network.
            rewrites: Those that may be used.
            limits: The largest value allowed of each metric, for one input; their totals are sums.
            ends: Whether the first and the last layer with weights may be touched.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            can: Whether the sites of an item can be rewritten together; asked only of those that are to be chosen.

        Raises:
            OptionError: There would be too many steps for so large a network.
        """
        before = after = Analysis.of(network, fold=fold)
        found = [candidate for rewrite in rewrites for candidate in find(before, rewrite, [*limits])]
        kept = frozenset() if ends else ends_of(network)
        candidates = [candidate for candidate in found if not candidate.layers & kept]
        spared = [site for candidate in found if candidate.layers & kept for site in candidate.sites]
        steps: list[Step] = []
        most = max(MOST_WORK, allowed() or 0)
        while broken := _broken(after, limits):
            candidates.sort(key=lambda candidate: candidate.gain(broken), reverse=True)
            useful = (each for each in candidates if each.gain(broken) > 0)
            chosen = next((each for each in useful if can(each.rewrite, each.sites)), None)
            if chosen is None:
                break
            if (len(steps) + 1) * len(network.layers) > most:
                raise OptionError(_too_many(len(steps), len(network.layers), most))
            place = candidates.index(chosen)
            candidates = [each for each in candidates[place + 1 :] if not each.layers & chosen.layers]
            sites = [site for step in steps for site in step.candidate.sites] + list(chosen.sites)
            after = Analysis.of(apply(network, sites).network, fold=fold)
            steps.append(Step(chosen.names(network), chosen.rewrite.name, chosen, after))
        changes = [
            (rewrite, tuple(site for step in steps if step.rewrite == rewrite.name for site in step.candidate.sites))
            for rewrite in rewrites
        ]
        names = tuple(dict.fromkeys("/".join(site_path(network, site)) for site in spared))
        return cls(before, after, limits, tuple(steps), tuple(change for change in changes if change[1]), names)

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import heading
        from convcost.reports.contents import counted

        found = "the limits are kept" if self.reached else "out of reach"
        return f"{heading.title(self.before.network)}: {found} with {counted(len(self.steps), 'step')}"

    def document(self) -> Struct:
        """Return the document that `--format json` writes."""
        from convcost.cost.documents import convention_document, cost_document, network_document
        from convcost.documents import rewriting as documents

        return documents.SuggestionDocument(
            network=network_document(self.before.network),
            convention=convention_document(self.before),
            limits=dict(self.limits),
            reached=self.reached,
            spared=list(self.spared),
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
        )


def limits_of(max: Mapping[str, Any]) -> dict[str, int]:
    """Return limits as numbers.

    Args:
        max: What totals may be: numbers, or texts such as `300M`.

    Raises:
        OptionError: There is none, or it is no whole number, or its metric is no sum.
    """
    if not max:
        raise OptionError(ErrorDetail("suggest needs a limit", help="such as --max mults=300M or --max params=4M"))
    limits = {}
    for name, value in max.items():
        metric = metrics.named(name, "--max: ")
        if not metric.adds_up:
            found = f"{name} is {metric.kind}, so that no rewritten layer says what is saved of it"
            raise OptionError(
                ErrorDetail(f"--max: suggest cannot limit {name}", found=found, help="limit a sum: --max mults=300M")
            )
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
