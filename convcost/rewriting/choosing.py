"""Which items to rewrite until limits are kept: the biggest saving for each layer first, and no more than it takes."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from fractions import Fraction

from msgspec import Struct

from convcost.cost.analysis import Analysis
from convcost.metrics import METRICS
from convcost.rewriting.application import apply
from convcost.rewriting.base import Rewrite, Site
from convcost.rewriting.candidates import Candidate, Limits, addends, ends_of, find

GENTLE = ("separable",)
ALL = ("separable", "asymmetric", "stacked", "grouped", "bottleneck", "fire", "fully_convolutional")
"""The rewrites that are tried where separable convolutions are not enough."""

Changes = Sequence[tuple[Rewrite, Sequence[Site]]]
Test = Callable[[Changes], bool]


class Choice(Struct, frozen=True):
    """Items to rewrite.

    Attributes:
        candidates: The items, in the order in which they were chosen.
        left: What is left of each limited metric then, counted in the rewritten network; of the largest of the layers,
            what they exceed the limit by, all together.
        reached: Whether that keeps the limits.
        spared: The items left out because they write the first or the last layer with weights.
    """

    candidates: tuple[Candidate, ...]
    left: Mapping[str, int]
    reached: bool
    spared: tuple[Candidate, ...]

    @property
    def sites(self) -> list[Site]:
        """The places that are rewritten."""
        return [site for candidate in self.candidates for site in candidate.sites]

    def changes(self) -> list[tuple[Rewrite, list[Site]]]:
        """Return the sites of each rewrite."""
        return changes_of(self.candidates)


def changes_of(candidates: Sequence[Candidate]) -> list[tuple[Rewrite, list[Site]]]:
    """Return the sites of each rewrite."""
    changes: dict[str, tuple[Rewrite, list[Site]]] = {}
    for candidate in candidates:
        changes.setdefault(candidate.rewrite.name, (candidate.rewrite, []))[1].extend(candidate.sites)
    return list(changes.values())


class Chooser:
    """Chooses among the items of a network, each use of one by itself where the text of the spec allows it.

    Args:
        before: The network and what it costs.
        limits: The largest value allowed of each metric: a sum, or the largest of the layers.
        part: The indices of the layers that the limits are for; all layers without.
        can: Whether the text of the spec can be rewritten so; always without a text.
    """

    def __init__(
        self, before: Analysis, limits: Limits, part: Container[int] | None = None, can: Test | None = None
    ) -> None:
        self.before = before
        self.limits = limits
        self.bounds = {name: limit if METRICS[name].adds_up else 0 for name, limit in limits.items()}  # of `addends`
        self.part = range(len(before.layers)) if part is None else part
        self.can = can or (lambda changes: True)
        self.ends = ends_of(before.network)
        self._found: dict[tuple[str, bool], list[Candidate]] = {}

    def choose(self, rewrites: Sequence[Rewrite], *, ends: bool = False) -> Choice:
        """Return the items to rewrite; where the limits are out of reach, all that save something.

        Args:
            rewrites: The rewrites that may be used, each name once.
            ends: Whether the first and the last layer with weights may be touched.
        """
        uses, spared = self._candidates(rewrites, ends=ends, apart=True)
        whole: list[Candidate] = []
        while True:
            chosen, left = self._counted(uses + whole)
            if self.can(changes_of(chosen)):
                return Choice(tuple(chosen), left, self._keeps(left), tuple(spared))
            stuck = self._stuck(chosen) or chosen  # or it is only together that they cannot be written
            layers = frozenset(index for candidate in stuck for index in candidate.layers)
            refused = {id(candidate) for candidate in stuck}
            freed: list[Candidate] = []
            if any(id(use) in refused for use in uses):  # the items of these uses may be written as a whole
                items, _ = self._candidates(rewrites, ends=ends, apart=False)
                known = {id(item) for item in whole}
                freed = [item for item in items if id(item) not in known and not layers.isdisjoint(item.layers)]
            gone = frozenset(index for item in freed for index in item.layers)
            uses = [use for use in uses if id(use) not in refused and gone.isdisjoint(use.layers)]
            whole = [item for item in whole if id(item) not in refused] + freed

    def _counted(self, candidates: Sequence[Candidate]) -> tuple[list[Candidate], dict[str, int]]:
        """Return as many candidates as are enough, and what is left of each metric, counted in the rewritten network.

        Where what they save together is less than what each saves alone, more of them are taken.
        """
        more = dict.fromkeys(self.limits, 0)
        while True:
            chosen, expected = self._enough(candidates, more)
            left = self._left(chosen)
            if self._keeps(left) or not self._keeps(expected):
                return chosen, left
            more = {name: more[name] + max(0, left[name] - bound) for name, bound in self.bounds.items()}

    def excess(self, choice: Choice) -> Fraction:
        """Return how much is left above the limits, as shares of them."""
        over = [
            Fraction(max(0, choice.left[name] - self.bounds[name]), max(1, limit))
            for name, limit in self.limits.items()
        ]
        return sum(over, Fraction(0))

    def _candidates(
        self, rewrites: Sequence[Rewrite], *, ends: bool, apart: bool
    ) -> tuple[list[Candidate], list[Candidate]]:
        """Return the items that may be rewritten and save something, and those that are spared."""
        found: list[Candidate] = []
        for rewrite in rewrites:
            key = rewrite.name, apart
            if key not in self._found:
                self._found[key] = find(self.before, rewrite, self.limits, self.part, apart=apart)
            found += self._found[key]
        kept = frozenset() if ends else self.ends
        return [each for each in found if not each.layers & kept], [each for each in found if each.layers & kept]

    def _enough(
        self, candidates: Sequence[Candidate], more: Mapping[str, int]
    ) -> tuple[list[Candidate], dict[str, int]]:
        """Return as many candidates as are enough, or all that help, and what is left by the savings of each.

        Args:
            candidates: Those to choose among.
            more: How much more than the limits ask is to be saved of each metric.
        """
        left = {name: self._value(name) + more[name] for name in self.limits}
        chosen: list[Candidate] = []
        pool = list(candidates)
        while broken := {name: limit for name, limit in self.limits.items() if left[name] > self.bounds[name]}:
            gains = [(candidate.gain(broken), candidate) for candidate in pool]
            pool = [candidate for gain, candidate in sorted(gains, key=lambda each: each[0], reverse=True) if gain > 0]
            taken = {index for candidate in chosen for index in candidate.layers}
            count = len(chosen)
            for candidate in pool:
                if not taken.isdisjoint(candidate.layers):
                    continue
                last = self._last(pool, taken, left) if self._suffices(candidate, left) else None
                chosen.append(last or candidate)
                taken |= chosen[-1].layers
                left = {name: value - chosen[-1].saved[name] for name, value in left.items()}
                if any(left[name] <= self.bounds[name] for name in broken):
                    break  # the others count by what is still broken
            if len(chosen) == count:
                break
        return self._without_needless(chosen, left)

    def _suffices(self, candidate: Candidate, left: Mapping[str, int]) -> bool:
        return all(left[name] - candidate.saved[name] <= bound for name, bound in self.bounds.items())

    def _last(self, pool: Sequence[Candidate], taken: set[int], left: Mapping[str, int]) -> Candidate | None:
        """Return the candidate that saves least of those that suffice by themselves."""
        enough = [each for each in pool if taken.isdisjoint(each.layers) and self._suffices(each, left)]
        return min(enough, key=self._saving, default=None)

    def _saving(self, candidate: Candidate) -> Fraction:
        return candidate.gain(self.limits) * len(candidate.sites)

    def _without_needless(
        self, chosen: list[Candidate], left: dict[str, int]
    ) -> tuple[list[Candidate], dict[str, int]]:
        """Return the candidates without those that the limits are kept without, the smallest saving first."""
        if not self._keeps(left):
            return chosen, left
        for candidate in sorted(chosen, key=self._saving):
            without = {name: value + candidate.saved[name] for name, value in left.items()}
            if self._keeps(without):
                left = without
                chosen = [each for each in chosen if each is not candidate]
        return chosen, left

    def _keeps(self, left: Mapping[str, int]) -> bool:
        return all(left[name] <= bound for name, bound in self.bounds.items())

    def _value(self, metric: str) -> int:
        values = addends(self.before, metric, self.limits[metric])
        return sum(value for index, value in enumerate(values) if index in self.part)

    def _left(self, chosen: Sequence[Candidate]) -> dict[str, int]:
        """Return what the limited layers cost with these candidates rewritten, counted."""
        rewritten = apply(self.before.network, [site for candidate in chosen for site in candidate.sites])
        after = Analysis.of(rewritten.network, batch=self.before.batch, fold=self.before.fold)
        return {
            name: sum(
                value
                for value, origin in zip(addends(after, name, limit), rewritten.origins, strict=True)
                if origin in self.part
            )
            for name, limit in self.limits.items()
        }

    def _stuck(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Return those that the text cannot be rewritten with, found by halving."""
        if not candidates or self.can(changes_of(candidates)):
            return []
        if len(candidates) == 1:
            return list(candidates)
        middle = len(candidates) // 2
        return self._stuck(candidates[:middle]) + self._stuck(candidates[middle:])


def choose_in_order(chooser: Chooser, *, ends: bool) -> Choice:
    """Return the first choice that keeps the limits, of separable convolutions, then of all rewrites; else the best.

    Args:
        chooser: What chooses.
        ends: Whether the first and the last layer with weights may be touched.
    """
    gentle = chooser.choose(_named(GENTLE), ends=ends)
    if gentle.reached:
        return gentle
    every = chooser.choose(_named(ALL), ends=ends)
    return every if every.reached or chooser.excess(every) < chooser.excess(gentle) else gentle


def _named(names: Sequence[str]) -> list[Rewrite]:
    from convcost.rewriting.rewrites import named  # each is a module

    return [named(name) for name in names]
