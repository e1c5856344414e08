"""Which layers to rewrite until a network keeps its limits: the biggest saving for each layer touched first."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from fractions import Fraction
from typing import Any, Self

from msgspec import Struct

from convcost.analysis.cost import SCHEMA_VERSION, Analysis, convention, costs, described_network, total
from convcost.layers import REGISTRY
from convcost.network import Network
from convcost.ops import Cost
from convcost.rewrites.application import apply, survey
from convcost.rewrites.base import Rewrite, Site
from convcost.rewrites.selection import patterns_for, site_path

METRICS = ("mults", "params", "macs", "adds", "flops")

Limits = Mapping[str, int]
Test = Callable[[Rewrite, Sequence[Site]], bool]


class Candidate(Struct, frozen=True):
    """An item of the file that could be rewritten, in all of its uses.

    Attributes:
        rewrite: The rewrite.
        sites: The places that the item stands for.
        before: What their layers cost.
        after: What would take their place.
    """

    rewrite: Rewrite
    sites: tuple[Site, ...]
    before: Cost
    after: Cost

    @property
    def layers(self) -> frozenset[int]:
        """The old layers that are taken up."""
        return frozenset(index for site in self.sites for index in site.becomes)

    def gain(self, limits: Limits) -> Fraction:
        """Return the saving for each layer touched, as a share of the limits."""
        saved = {name: getattr(self.before, name) - getattr(self.after, name) for name in limits}
        shares = [Fraction(count, max(1, limits[name])) for name, count in saved.items()]
        return sum(shares, Fraction(0)) / len(self.sites)


class Step(Struct, frozen=True):
    """A rewrite that is suggested.

    Attributes:
        names: The layers that it touches.
        rewrite: The rewrite's name.
        candidate: The item.
        total: What the network, or the part that is limited, costs with this step and those before it.
    """

    names: tuple[str, ...]
    rewrite: str
    candidate: Candidate
    total: Cost


class Suggestion(Struct, frozen=True):
    """Rewrites that bring a network within its limits, or as near as they can.

    Attributes:
        before: The network as it is.
        after: The network with all steps.
        limits: The largest value allowed of each metric.
        steps: The rewrites, in the order in which they were chosen.
        changes: The same as sites, for each rewrite.
        spared: Layers that a rewrite could take, but whose items also write the first or the last layer with weights.
        limited: What the network, or the part that is limited, costs in the end.
    """

    before: Analysis
    after: Analysis
    limits: Limits
    steps: tuple[Step, ...]
    changes: tuple[tuple[Rewrite, tuple[Site, ...]], ...]
    spared: tuple[str, ...]
    limited: Cost

    @property
    def reached(self) -> bool:
        """Whether all limits are kept."""
        return not _broken(self.limited, self.limits)

    def patterns(self) -> list[str]:
        """Return the changes as `convcost rewrite --to` takes them: `NAME`, or `NAME:PATTERN` for some layers."""
        found = []
        for rewrite, sites in self.changes:
            chosen = patterns_for(self.before.network, rewrite, sites)
            found += [f"{rewrite.name}:{pattern}" for pattern in chosen] or [rewrite.name]
        return found

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
        part: Container[int] | None = None,
    ) -> Self:
        """Choose rewrites until the limits are kept or nothing more is saved.

        Args:
            network: The network.
            rewrites: Those that may be used.
            limits: The largest value allowed of each metric, for one input.
            ends: Whether the first and the last layer with weights may be touched.
            fold: Whether a batch norm costs nothing where it can fold into the layer before it.
            can: Whether the sites of an item can be rewritten together; asked only of those that are to be chosen.
            part: The indices of the layers that the limits are for; all layers without.
        """
        before = after = Analysis.of(network, fold=fold)
        part = range(len(network.layers)) if part is None else part
        limited = total([layer.cost for index, layer in enumerate(before.layers) if index in part])
        found = [each for rewrite in rewrites for each in _candidates(network, rewrite, before, part, fold=fold)]
        weights = [index for index, layer in enumerate(network.layers) if REGISTRY[layer.type].weights]
        kept = set() if ends else {*weights[:1], *weights[-1:]}
        candidates = [candidate for candidate in found if not candidate.layers & kept]
        spared = [site for candidate in found if candidate.layers & kept for site in candidate.sites]
        steps: list[Step] = []
        while broken := _broken(limited, limits):
            candidates.sort(key=lambda candidate: candidate.gain(broken), reverse=True)
            useful = (each for each in candidates if each.gain(broken) > 0)
            chosen = next((each for each in useful if can(each.rewrite, each.sites)), None)
            if chosen is None:
                break
            place = candidates.index(chosen)
            candidates = [each for each in candidates[place + 1 :] if not each.layers & chosen.layers]
            sites = [site for step in steps for site in step.candidate.sites] + list(chosen.sites)
            rewritten = apply(network, sites)
            after = Analysis.of(rewritten.network, fold=fold)
            rows = zip(after.layers, rewritten.origins, strict=True)
            limited = total([row.cost for row, origin in rows if origin in part])
            names = tuple("/".join(site_path(network, site)) for site in chosen.sites)
            steps.append(Step(names, chosen.rewrite.name, chosen, limited))
        changes = [
            (rewrite, tuple(site for step in steps if step.rewrite == rewrite.name for site in step.candidate.sites))
            for rewrite in rewrites
        ]
        names = tuple(dict.fromkeys("/".join(site_path(network, site)) for site in spared))
        changed = tuple(change for change in changes if change[1])
        return cls(before, after, limits, tuple(steps), changed, names, limited)

    def to_dict(self) -> dict[str, Any]:
        """Return the suggestion as plain data: what `--format json` writes."""
        return {
            "schema_version": SCHEMA_VERSION,
            "network": described_network(self.before.network),
            "convention": convention(self.before),
            "limits": dict(self.limits),
            "reached": self.reached,
            "spared": self.spared,
            "steps": [
                {
                    "layers": step.names,
                    "rewrite": step.rewrite,
                    "before": costs(step.candidate.before),
                    "after": costs(step.candidate.after),
                    "total": costs(step.total),
                }
                for step in self.steps
            ],
            "totals": {"before": costs(self.before.total), "after": costs(self.after.total)},
        }


def _broken(cost: Cost, limits: Limits) -> dict[str, int]:
    """Return the limits that a cost does not keep."""
    return {name: limit for name, limit in limits.items() if getattr(cost, name) > limit}


def _candidates(
    network: Network, rewrite: Rewrite, before: Analysis, part: Container[int], *, fold: bool
) -> list[Candidate]:
    """Return the items that a rewrite could take, with what each would save in the part that is limited."""
    sites = list(survey(network, rewrite).sites.values())
    rewritten = apply(network, sites)
    new: dict[int, list[Cost]] = {}
    for row, origin in zip(Analysis.of(rewritten.network, fold=fold).layers, rewritten.origins, strict=True):
        new.setdefault(origin, []).append(row.cost)
    at: dict[tuple[int, int], set[int]] = {}
    for index, layer in enumerate(network.layers):
        at.setdefault((layer.line, layer.column), set()).add(index)
    found = []
    for group in _by_item(network, sites):
        taken = {index for site in group for index in site.becomes}
        places = {(network.layers[index].line, network.layers[index].column) for index in taken}
        if any(not at[place] <= taken for place in places):
            continue  # an item is rewritten in all of its uses or in none
        found.append(
            Candidate(
                rewrite,
                tuple(group),
                total([before.layers[index].cost for index in taken if index in part]),
                total([cost for index in taken if index in part for cost in new.get(index, ())]),
            )
        )
    return found


def _by_item(network: Network, sites: Sequence[Site]) -> list[list[Site]]:
    """Return the sites that belong together because one item writes layers of each."""
    groups: dict[tuple[int, int], list[Site]] = {}
    for site in sites:
        places = {(network.layers[index].line, network.layers[index].column) for index in site.becomes}
        joined = [site]
        for group in {id(groups[place]): groups[place] for place in places if place in groups}.values():
            joined = group + joined
        for each in joined:
            for index in each.becomes:
                groups[network.layers[index].line, network.layers[index].column] = joined
    return list({id(group): group for group in groups.values()}.values())
