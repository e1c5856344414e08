"""Which layers are rewritten: patterns of names to sites."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Protocol

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.layers import REGISTRY
from convcost.network import Network
from convcost.network.matching import matching
from convcost.rewriting.application import Survey, survey
from convcost.rewriting.base import Rewrite, Site


def select(network: Network, rewrite: Rewrite, patterns: Sequence[str] = ()) -> list[Site]:
    """Return the sites of a rewrite: those that a pattern matches, all without patterns.

    A pattern matches a layer by its name, or by the name of a block, branch or item that it is in, of a repeated one
    with or without its number; one that matches no name, by its module in a model file. `*` stands for any letters,
    `?` for one, `[ab]` for one of these. A text is one pattern.

    Raises:
        OptionError: A pattern matches no layer, or none that the rewrite applies to; without patterns, the rewrite
            applies to none.
    """
    patterns = (patterns,) if isinstance(patterns, str) else patterns
    found = survey(network, rewrite)
    if not patterns:
        if not found.sites:
            raise OptionError(_nowhere(network, rewrite, found, range(len(network.layers))))
        return list(found.sites.values())
    chosen: dict[int, Site] = {}
    errors = []
    for pattern in patterns:
        matched = matching(pattern, network.layers, matches)
        if not matched:
            names = {layer.name for layer in network.layers if REGISTRY[layer.type].weights}
            errors.append(ErrorDetail(f"no layer matches {pattern!r}", help=nearest(pattern, names)))
            continue
        sites = {index: site for index, site in found.sites.items() if not site.becomes.keys().isdisjoint(matched)}
        if not sites:
            errors.append(_nowhere(network, rewrite, found, matched, pattern))
        chosen |= sites
    if errors:
        raise OptionError(errors)
    return [chosen[index] for index in sorted(chosen)]


class Named(Protocol):
    """What has a name in parts, outermost first."""

    @property
    def path(self) -> tuple[str, ...]:
        """The parts."""

    @property
    def former(self) -> tuple[str, ...]:
        """The parts that earlier versions gave it, where that was another name."""


def matches(pattern: str, layer: Named) -> bool:
    """Return whether a pattern matches a layer's name, or the name of anything that it is in.

    A repeated item is matched by its name alone, too: `stage` matches `stage.1` and `stage.2`. So is a layer by
    the name that earlier versions gave it.
    """
    names = (layer.path, layer.former) if layer.former else (layer.path,)
    paths = {*names, *[tuple([_TURN.sub("", part) for part in path]) for path in names]}
    return any(fnmatchcase("/".join(path[:length]), pattern) for path in paths for length in range(len(path), 0, -1))


_TURN = re.compile(r"\.\d+$")  # which repetition of an item


def _nowhere(
    network: Network, rewrite: Rewrite, found: Survey, indices: Sequence[int], pattern: str = ""
) -> ErrorDetail:
    refused = [index for index in indices if index in found.refusals]
    where = repr(pattern) if pattern else "any layer"
    reason = f"{network.layers[refused[0]].name}: {found.refusals[refused[0]]}" if refused else ""
    if not refused and pattern:
        layer = network.layers[indices[0]]
        reason = f"{layer.name} is of type {layer.type}"
    return ErrorDetail(f"{rewrite.name} does not apply to {where}", found=reason, help=f"it rewrites {rewrite.summary}")


def patterns_for(network: Network, rewrite: Rewrite, sites: Sequence[Site]) -> list[str]:
    """Return patterns that choose just these sites, few where names differ in a part only; none for all sites."""
    every = survey(network, rewrite).sites
    wanted = {index for site in sites for index in site.becomes}
    if all(site.becomes.keys() <= wanted for site in every.values()):
        return []
    strangers = [network.layers[index] for site in every.values() for index in site.becomes if index not in wanted]

    def cover(paths: list[tuple[str, ...]]) -> list[str]:
        """Return one pattern where no other site matches it, else those of the parts."""
        pattern = _common(paths)
        if len(paths) == 1 or not any(matches(pattern, layer) for layer in strangers):
            return [pattern]
        parts: dict[object, list[tuple[str, ...]]] = {}
        for path in paths:
            parts.setdefault(_last_difference(path, paths), []).append(path)
        return [pattern for part in parts.values() for pattern in cover(part)]

    paths = dict.fromkeys(site_path(network, site) for site in sites)
    short = dict.fromkeys(tuple([_TURN.sub("", part) for part in path]) for path in paths)
    if len(short) < len(paths) and not any(matches(_common([path]), layer) for path in short for layer in strangers):
        paths = short  # a repeated item by its name alone
    return cover([*paths])


def options_for(network: Network, changes: Sequence[tuple[Rewrite, Sequence[Site]]]) -> list[str]:
    """Return changes as `convcost rewrite --to` takes them: `NAME`, or `NAME:PATTERN` for some layers."""
    found = []
    for rewrite, sites in changes:
        patterns = patterns_for(network, rewrite, sites)
        found += [f"{rewrite.name}:{pattern}" for pattern in patterns] or [rewrite.name]
    return found


def site_path(network: Network, site: Site) -> tuple[str, ...]:
    """Return the name under which people know a site: of what is replaced, not of what only makes room."""
    replaced = next(index for index, parts in site.becomes.items() if parts)
    return site.path if site.path is not None else network.layers[replaced].path


def _common(paths: Sequence[tuple[str, ...]]) -> str:
    """Return the narrowest pattern that matches all of some paths: `*` where they differ, and for what some lack."""
    length = min(map(len, paths))
    ends = [path[len(path) - length :] for path in paths]
    parts = [_merged(column) for column in zip(*ends, strict=True)]
    if any(len(path) > length for path in paths):
        parts[0] = "*"
    return "/".join(parts)


def _merged(names: Sequence[str]) -> str:
    """Return a pattern for one part of some names; for the turns of a repeated item `conv_1.*`."""
    if len(set(names)) == 1:
        return _escaped(names[0])
    stems = {name.rpartition(".")[0] for name in names}
    return f"{_escaped(stems.pop())}.*" if len(stems) == 1 and "" not in stems else "*"


def _last_difference(path: tuple[str, ...], paths: Sequence[tuple[str, ...]]) -> object:
    """Return the difference of a path from the others: the last part that differs, else the number of parts."""
    ends = zip(*map(reversed, paths), strict=False)  # the layers of one item end alike
    place = next((place for place, parts in enumerate(ends, 1) if len(set(parts)) > 1), None)
    return len(path) if place is None else path[-place]


def _escaped(name: str) -> str:
    """Return a pattern that matches a name only."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
