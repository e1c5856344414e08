"""What would help where a limit is exceeded: rewrites that bring the network back within it, computed."""

from __future__ import annotations

import shlex
from collections.abc import Container, Mapping, Sequence
from math import floor
from pathlib import Path
from typing import Any

from msgspec import Struct

from convcost.budget.budgets import spelled
from convcost.budget.verdicts import Remedy, Value
from convcost.cost.analysis import Analysis
from convcost.metrics import METRICS
from convcost.rewriting.application import apply
from convcost.rewriting.base import Rewrite, Site
from convcost.rewriting.candidates import Candidate, ends_of, find
from convcost.rewriting.rewrites import named
from convcost.rewriting.selection import matches, options_for
from convcost.rewriting.text import Note, can_rewrite, rewrite_text
from convcost.spec import load
from convcost.spec.limits import MOST_LAYERS, limited
from convcost.spec.source import Source

_GENTLE = ("separable",)
_ALL = ("separable", "asymmetric", "stacked", "grouped", "bottleneck", "fire", "fully_convolutional")
_ATTEMPTS = ((_GENTLE, False), (_ALL, False), (_ALL, True))  # the rewrites, and whether the ends may be touched


def remedy(
    source: Source | None,
    spec: str,
    settings: Mapping[str, Any],
    analysis: Analysis,
    metric: str,
    limit: Value,
    part: Container[int],
    pattern: str,
) -> Remedy | None:
    """Return the least that brings a network back within a limit, or what comes nearest; None where nothing helps.

    Standard convolutions become separable if that is enough; then the other rewrites are tried too, and at last the
    first and the last layer with weights are no longer spared. Of these rewrites as few as are enough are taken, the
    biggest saving for each layer touched first. A metric whose total is no sum has no remedy.

    Args:
        source: The network's spec; None for a network that no spec describes.
        spec: Its name.
        settings: The values given to its symbols.
        analysis: What it costs.
        metric: What is limited.
        limit: The largest value that is allowed.
        part: The indices of the layers that the limit is for.
        pattern: The pattern by which they were chosen; empty for all layers.
    """
    limit = floor(limit)
    if not METRICS[metric].adds_up:  # what a layer saves says nothing of the largest of the layers, or of a ratio
        return None
    attempt = _Attempt(source, settings, analysis, metric, limit, part)
    found: dict[str, list[Candidate]] = {}
    best: tuple[int, list[Candidate]] | None = None
    for names, ends in _ATTEMPTS:
        for name in names:
            if name not in found:
                found[name] = find(analysis, named(name), [metric], part)
        spared = frozenset() if ends else ends_of(analysis.network)
        value, chosen = attempt.least([each for name in names for each in found[name] if not each.layers & spared])
        if chosen and (best is None or value < best[0]):
            best = value, chosen
        if chosen and value <= limit:
            break
    if best is None:
        return None
    left, chosen = best
    changes = _changes(chosen)
    given = [f"{name}={spelled(value)}" for name, value in settings.items()]
    line = command(spec, options_for(analysis.network, changes), (), given)
    return Remedy(
        rewrites=tuple(rewrite.name for rewrite, _ in changes),
        layers=tuple(name for candidate in chosen for name in candidate.names(analysis.network)),
        reached=left <= limit,
        value=left,
        renamed=bool(pattern) and attempt.named(pattern, changes) != left,
        command=line
        if line.isprintable() and spec not in ("<mapping>", "<network>")
        else "",  # else no shell can be told it
    )


class _Attempt(Struct, frozen=True):
    """A network, and a limit that it is to be brought within."""

    source: Source | None
    settings: Mapping[str, Any]
    analysis: Analysis
    metric: str
    limit: int
    part: Container[int]

    def least(self, candidates: Sequence[Candidate]) -> tuple[int, list[Candidate]]:
        """Return the remaining cost and the fewest candidates that keep the limit; all where none do."""
        while True:
            useful = self._apart(candidates)
            value, chosen = self._enough(useful)
            if self._can(chosen):
                return value, chosen
            writable = self._writable(useful)
            if len(writable) == len(useful):  # only together they cannot be written
                return value, []
            stuck = {id(each) for each in useful} - {id(each) for each in writable}
            candidates = [each for each in candidates if id(each) not in stuck]

    def named(self, pattern: str, changes: Sequence[tuple[Rewrite, Sequence[Site]]]) -> int:
        """Return the cost of the layers that a pattern matches in the rewritten spec."""
        notes = [(Note(rewrite.name, rewrite.source), sites) for rewrite, sites in changes]
        expected = apply(self.analysis.network, [site for _, sites in changes for site in sites]).network
        if self.source is not None:
            text = rewrite_text(self.source, self.settings, self.analysis.network, notes, expected)
            with limited(MOST_LAYERS):
                expected = load(Source(self.source.file, text), self.settings)
        after = Analysis.of(expected)
        values = zip(after.layers, after.values(self.metric), strict=True)
        return sum(value for layer, value in values if matches(pattern, layer))

    def _apart(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those that save something, the biggest saving for each layer first, of two that overlap the first."""
        limits = {self.metric: self.limit}
        taken: set[int] = set()
        apart = []
        for candidate in sorted(candidates, key=lambda candidate: candidate.gain(limits), reverse=True):
            if candidate.gain(limits) > 0 and taken.isdisjoint(candidate.layers):
                taken |= candidate.layers
                apart.append(candidate)
        return apart

    def _enough(self, candidates: Sequence[Candidate]) -> tuple[int, list[Candidate]]:
        """Return as many from the first on as are enough, found by halving, and what is left of the cost then."""
        few, many = 0, len(candidates)
        left = self._left(candidates)
        while left <= self.limit and few < many:
            middle = (few + many) // 2
            value = self._left(candidates[:middle])
            if value <= self.limit:
                many, left = middle, value
            else:
                few = middle + 1
        return left, list(candidates[:many])

    def _left(self, candidates: Sequence[Candidate]) -> int:
        """Return the cost of the limited layers with these candidates rewritten."""
        rewritten = apply(self.analysis.network, [site for candidate in candidates for site in candidate.sites])
        values = zip(Analysis.of(rewritten.network).values(self.metric), rewritten.origins, strict=True)
        return sum(value for value, origin in values if origin in self.part)

    def _can(self, candidates: Sequence[Candidate]) -> bool:
        """Return whether the spec's text, where there is one, can be rewritten so."""
        return self.source is None or can_rewrite(
            self.source, self.settings, self.analysis.network, _changes(candidates)
        )

    def _writable(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those of which the spec's text can be rewritten, found by halving."""
        if not candidates or self._can(candidates):
            return list(candidates)
        if len(candidates) == 1:
            return []
        middle = len(candidates) // 2
        return self._writable(candidates[:middle]) + self._writable(candidates[middle:])


def _changes(candidates: Sequence[Candidate]) -> list[tuple[Rewrite, list[Site]]]:
    """Return the sites of each rewrite."""
    changes: dict[str, tuple[Rewrite, list[Site]]] = {}
    for candidate in candidates:
        changes.setdefault(candidate.rewrite.name, (candidate.rewrite, []))[1].extend(candidate.sites)
    return list(changes.values())


def command(spec: str, to: Sequence[str], with_: Sequence[str], set: Sequence[str]) -> str:
    """Return the command line that does a rewrite.

    Args:
        spec: The spec.
        to: The rewrites, as `--to` takes them.
        with_: Their options, as `--with` takes them.
        set: The values of symbols, as `--set` takes them.
    """
    read = f"./{spec}" if spec.startswith("-") and spec != "-" else spec
    words = ["convcost", "rewrite", read]
    for option, values in ("--to", to), ("--with", with_), ("--set", set):
        for value in values:
            words += [option, value]
    return shlex.join([*words, "-o", f"{Path(spec).stem}-rewritten.yaml".lstrip("-")])
