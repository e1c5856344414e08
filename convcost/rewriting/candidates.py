"""What could be rewritten: the items of a file that a rewrite could take, each with what it would save."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from fractions import Fraction

from msgspec import Struct

from convcost.cost.analysis import Analysis, total
from convcost.layers import REGISTRY
from convcost.network import Network
from convcost.ops import Cost
from convcost.rewriting.application import apply, survey
from convcost.rewriting.base import Rewrite, Site
from convcost.rewriting.selection import site_path

Limits = Mapping[str, int]


class Candidate(Struct, frozen=True):
    """An item of the file that could be rewritten, in all of its uses.

    Attributes:
        rewrite: The rewrite.
        sites: The places that the item stands for.
        before: What their layers cost.
        after: What would take their place.
        saved: How much less that costs of each metric that is asked.
    """

    rewrite: Rewrite
    sites: tuple[Site, ...]
    before: Cost
    after: Cost
    saved: Mapping[str, int]

    @property
    def layers(self) -> frozenset[int]:
        """The old layers that are taken up."""
        return frozenset(index for site in self.sites for index in site.becomes)

    def names(self, network: Network) -> tuple[str, ...]:
        """Return the names of the places, in the network that it was found in."""
        return tuple("/".join(site_path(network, site)) for site in self.sites)

    def gain(self, limits: Limits) -> Fraction:
        """Return the saving for each layer touched, as a share of the limits."""
        shares = [Fraction(self.saved[name], max(1, limit)) for name, limit in limits.items()]
        return sum(shares, Fraction(0)) / len(self.sites)


def find(
    before: Analysis, rewrite: Rewrite, names: Sequence[str], part: Container[int] | None = None
) -> list[Candidate]:
    """Return the items that a rewrite could take, with what each would save.

    Args:
        before: The network, and what it costs.
        rewrite: The rewrite.
        names: The metrics whose saving is asked; their totals are sums.
        part: The indices of the layers whose cost is of interest; all layers without.
    """
    network = before.network
    part = range(len(network.layers)) if part is None else part
    sites = list(survey(network, rewrite).sites.values())
    rewritten = apply(network, sites)
    after = Analysis.of(rewritten.network, fold=before.fold)
    new: dict[int, list[int]] = {}
    for index, origin in enumerate(rewritten.origins):
        new.setdefault(origin, []).append(index)
    values = [(name, before.values(name), after.values(name)) for name in names]
    at: dict[tuple[int, int], set[int]] = {}
    for index, layer in enumerate(network.layers):
        at.setdefault((layer.line, layer.column), set()).add(index)
    found = []
    for group in _by_item(network, sites):
        taken = {index for site in group for index in site.becomes}
        places = {(network.layers[index].line, network.layers[index].column) for index in taken}
        if any(not at[place] <= taken for place in places):
            continue  # an item is rewritten in all of its uses or in none
        old = [index for index in taken if index in part]
        become = [index for origin in old for index in new.get(origin, ())]
        found.append(
            Candidate(
                rewrite,
                tuple(group),
                total([before.layers[index].cost for index in old]),
                total([after.layers[index].cost for index in become]),
                {name: sum(was[i] for i in old) - sum(now[i] for i in become) for name, was, now in values},
            )
        )
    return found


def ends_of(network: Network) -> frozenset[int]:
    """Return the indices of the first and the last layer with weights, which rewrites spare where they can."""
    weights = [index for index, layer in enumerate(network.layers) if REGISTRY[layer.type].weights]
    return frozenset((*weights[:1], *weights[-1:]))


def _by_item(network: Network, sites: Sequence[Site]) -> list[list[Site]]:
    """Return the sites that belong together because one item writes layers of each."""
    groups: dict[tuple[int, int], list[Site]] = {}
    for site in sites:
        places = {(network.layers[index].line, network.layers[index].column) for index in site.becomes}
        known = list({id(groups[place]): groups[place] for place in places if place in groups}.values())
        joined = known[0] if len(known) == 1 else [each for group in known for each in group]
        joined.append(site)  # in place: an item may be used a hundred thousand times
        for each in joined if len(known) > 1 else (site,):
            for index in each.becomes:
                groups[network.layers[index].line, network.layers[index].column] = joined
    return list({id(group): group for group in groups.values()}.values())
