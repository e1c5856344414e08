"""What could be rewritten: the items of a file that a rewrite could take, each with what it would save."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.cost.analysis import Analysis, total
from convcost.layers import REGISTRY
from convcost.metrics import METRICS
from convcost.network import Layer, Network
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
        saved: How much less that costs of each metric that is limited; of a metric whose total is the largest of the
            layers, how much less the layers exceed the limit, all together.
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
    before: Analysis,
    rewrite: Rewrite,
    limits: Limits,
    part: Container[int] | None = None,
    *,
    apart: bool = False,
) -> list[Candidate]:
    """Return the items that a rewrite could take, with what each would save.

    A separable form of one input channel is none: there is nothing that its depthwise stage could filter apart.

    Args:
        before: The network, and what it costs.
        rewrite: The rewrite.
        limits: The largest value allowed of each metric whose saving is asked.
        part: The indices of the layers whose cost is of interest; all layers without.
        apart: Whether each use of an item is one by itself, as copies of the blocks around it allow.
    """
    network = before.network
    part = range(len(network.layers)) if part is None else part
    sites = [site for site in survey(network, rewrite).sites.values() if not _is_degenerate(network, rewrite, site)]
    rewritten = apply(network, sites)
    after = Analysis.of(rewritten.network, batch=before.batch, fold=before.fold)
    new: dict[int, list[int]] = {}
    for index, origin in enumerate(rewritten.origins):
        new.setdefault(origin, []).append(index)
    values = [(name, addends(before, name, limit), addends(after, name, limit)) for name, limit in limits.items()]
    keys = [_key(layer, apart=apart) for layer in network.layers]
    at: dict[_Key, set[int]] = {}
    for index, key in enumerate(keys):
        at.setdefault(key, set()).add(index)
    found = []
    for group in _together(keys, sites):
        taken = {index for site in group for index in site.becomes}
        if any(not at[keys[index]] <= taken for index in taken):
            continue  # an item is rewritten in all of its uses, or of its repetitions, or in none
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


def addends(analysis: Analysis, name: str, limit: int) -> Sequence[int]:
    """Return numbers of layers whose sum says how far a metric is from its limit.

    Of a sum these are its values. Of the largest of the layers they are what each exceeds the limit by; the sum is 0
    where the limit is kept.
    """
    values = analysis.values(name)
    return values if METRICS[name].adds_up else [max(0, value - limit) for value in values]


def _is_degenerate(network: Network, rewrite: Rewrite, site: Site) -> bool:
    layers = [network.layers[index] for index, parts in site.becomes.items() if parts]
    return rewrite.name == "separable" and any(layer.input_shapes[0][0] == 1 for layer in layers)


def ends_of(network: Network) -> frozenset[int]:
    """Return the indices of the first and the last layer with weights, which rewrites spare where they can."""
    weights = [index for index, layer in enumerate(network.layers) if REGISTRY[layer.type].weights]
    return frozenset((*weights[:1], *weights[-1:]))


_Key = tuple[Any, ...]
_TURN = re.compile(r"\.\d+$")  # which repetition of an item


def _key(layer: Layer, *, apart: bool) -> _Key:
    """Return what the layers of an item have in common, or those of one use of it with all repetitions."""
    uses = tuple([_TURN.sub("", name) for name in layer.path[:-1]]) if apart else ()
    return layer.item, uses


def _together(keys: Sequence[_Key], sites: Sequence[Site]) -> list[list[Site]]:
    """Return the sites that belong together because one item, or one use of it, writes layers of each."""
    groups: dict[_Key, list[Site]] = {}
    for site in sites:
        own = {keys[index] for index in site.becomes}
        known = list({id(groups[key]): groups[key] for key in own if key in groups}.values())
        joined = known[0] if len(known) == 1 else [each for group in known for each in group]
        joined.append(site)  # in place: an item may be used a hundred thousand times
        for each in joined if len(known) > 1 else (site,):
            for index in each.becomes:
                groups[keys[index]] = joined
    return list({id(group): group for group in groups.values()}.values())
