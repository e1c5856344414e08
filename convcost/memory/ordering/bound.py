"""A lower bound of the peak over all orders, by minimum cuts; it knows nothing of the search.

What lives before a step runs is at least the minimum over all sets of steps that may have run by then. That is a
minimum cut: of a set with all that its members read, of least buffers that one in it takes and one outside still reads.
A larger bound follows from pairs: where a peak leaves a step no room once another has run, it comes before that one,
which is known of all other steps then, until some step has no room at all or nothing more follows.
"""

from __future__ import annotations

from collections.abc import Sequence

from convcost.memory.ordering.cut import CutGraph
from convcost.memory.ordering.graph import Segment, members

MOST_CUTS = 3_000
"""How many minimum cuts are computed for a segment before the bound is what it is."""


class TooManyCutsError(Exception):
    """There are more cuts to compute than may be."""


class Precedences:
    """Which steps run before each step, and which behind it, as sets of bits."""

    def __init__(self, before: list[int], behind: list[int]) -> None:
        self.before = before
        self.behind = behind

    @classmethod
    def of(cls, segment: Segment) -> Precedences:
        """Return those of a segment: what each step reads, and what these read."""
        before: list[int] = []
        for own in segment.before:
            every = own
            for each in members(own):
                every |= before[each]
            before.append(every)
        behind = [0] * len(before)
        for step, every in enumerate(before):
            for each in members(every):
                behind[each] |= 1 << step
        return cls(before, behind)

    def copy(self) -> Precedences:
        """Return a copy."""
        return Precedences([*self.before], [*self.behind])

    def add(self, first: int, second: int) -> None:
        """Note that a step runs before another; so do all before it, and before all behind that."""
        earlier, later = self.before[first] | 1 << first, self.behind[second] | 1 << second
        for each in members(later):
            self.before[each] |= earlier
        for each in members(earlier):
            self.behind[each] |= later

    def undecided(self, step: int) -> int:
        """Return the steps that may run before a step, or behind it."""
        everything = (1 << len(self.before)) - 1
        return everything & ~(self.before[step] | self.behind[step] | 1 << step)


class LowerBound:
    """Finds what the peak of any order of a segment is at least.

    Args:
        segment: The steps.
        most_cuts: How many minimum cuts may be computed.
    """

    def __init__(self, segment: Segment, most_cuts: int = MOST_CUTS) -> None:
        self.segment = segment
        self.left = most_cuts
        self.given = Precedences.of(segment)
        self.lasting = [*segment.taken]  # what each step takes that is not free again here
        for (size, _), taker in zip(segment.ends, segment.takers, strict=True):
            if taker >= 0:
                self.lasting[taker] -= size
        self.infinite = segment.start + sum(segment.taken) + 1

    def simple(self) -> int:
        """Return the bound without cuts: what surely lives while a step runs, any, or the one that runs last."""
        return max(max(map(self._surely, range(len(self.segment.steps)))), self._last())

    def _last(self) -> int:
        """Return the least memory that lives while the last step runs."""
        everything = (1 << len(self.segment.steps)) - 1
        last = [step for step, behind in enumerate(self.given.behind) if not behind]
        return min(self._lives(everything ^ 1 << step) + self.segment.taken[step] for step in last)

    def by_cuts(self, low: int, peak: int) -> int:
        """Return the bound of single steps: the largest of what surely lives while each runs.

        Args:
            low: A bound that is known.
            peak: The peak of an order, beyond which no bound is looked for.
        """
        try:
            for step in sorted(range(len(self.segment.steps)), key=self._surely, reverse=True):
                if low >= peak:
                    break
                low = max(low, self._cut(step, self.given)[0])
        except TooManyCutsError:
            pass
        return low

    def by_pairs(self, low: int, peak: int) -> int:
        """Return the bound of steps and what runs before what.

        Args:
            low: A bound that is known.
            peak: The peak of an order, beyond which no bound is looked for.
        """
        try:
            if self._is_refuted(peak - 1, self.given.copy()):
                return peak
        except TooManyCutsError:
            pass
        return self._bisect(low, peak - 1)

    def _bisect(self, low: int, high: int) -> int:
        """Return the largest bound between one and a peak that cannot be refuted."""
        try:
            while low < high:
                middle = (low + high) // 2
                if self._is_refuted(middle, self.given.copy()):
                    low = middle + 1
                else:
                    high = middle
        except TooManyCutsError:
            pass
        return low

    def _surely(self, step: int) -> int:
        segment = self.segment
        done, open_ = self.given.before[step], self.given.behind[step] | 1 << step
        lives = segment.start + segment.taken[step] + sum(self.lasting[each] for each in members(done))
        for (size, readers), taker in zip(segment.ends, segment.takers, strict=True):
            if taker < 0:
                lives -= 0 if readers & open_ else size
            elif done >> taker & 1 and readers & open_:
                lives += size
        return lives

    def _is_refuted(self, peak: int, known: Precedences) -> bool:
        """Return whether no order has a peak so small."""
        if not self._follow(peak, known):
            return True
        pair = self._pair(known)
        if pair is None:
            return False
        first, second = pair
        for before, behind in ((first, second), (second, first)):
            tried = known.copy()
            tried.add(before, behind)
            if not self._is_refuted(peak, tried):
                return False
        return True

    def _pair(self, known: Precedences) -> tuple[int, int] | None:
        """Return two steps of which either may run first, those that take most."""
        taken = self.segment.taken
        for step in sorted(range(len(taken)), key=taken.__getitem__, reverse=True):
            if undecided := known.undecided(step):
                return step, max(members(undecided), key=taken.__getitem__)
        return None

    def _follow(self, peak: int, known: Precedences) -> bool:
        """Note all that a peak implies of what runs before what; return whether there is room for every step."""
        changed = True
        while changed:
            changed = False
            for step in range(len(self.segment.steps)):
                lives, done = self._cut(step, known)
                if lives > peak:
                    return False
                for other in members(known.undecided(step)):
                    if not known.undecided(step) >> other & 1:
                        continue  # it follows from another
                    forced = self._cut(step, known, **{"without" if done >> other & 1 else "with_": other})
                    if forced[0] > peak:
                        known.add(*((other, step) if done >> other & 1 else (step, other)))
                        changed = True
        return True

    def _cut(
        self, step: int, known: Precedences, *, with_: int | None = None, without: int | None = None
    ) -> tuple[int, int]:
        """Return the least that lives while a step runs, and a set of steps that have run then.

        Args:
            step: The step.
            known: What runs before what.
            with_: A step that has run.
            without: A step that has not.
        """
        done, open_ = known.before[step], known.behind[step] | 1 << step
        if with_ is not None:
            done |= known.before[with_] | 1 << with_
        if without is not None:
            open_ |= known.behind[without] | 1 << without
        if done & open_:
            return self.infinite, done
        free = [each for each in range(len(known.before)) if not (done | open_) >> each & 1]
        if not free:
            return self._lives(done) + self.segment.taken[step], done
        if not self.left:
            raise TooManyCutsError
        self.left -= 1
        lives, chosen = self._least(done, open_, free, known.before)
        return lives + self.segment.taken[step], chosen

    def _lives(self, done: int) -> int:
        segment = self.segment
        lives = segment.start + sum(self.lasting[each] for each in members(done))
        for (size, readers), taker in zip(segment.ends, segment.takers, strict=True):
            if taker < 0:
                lives -= 0 if readers & ~done else size
            elif done >> taker & 1 and readers & ~done:
                lives += size
        return lives

    def _least(self, done: int, open_: int, free: Sequence[int], before: Sequence[int]) -> tuple[int, int]:
        """Return the least that lives when some steps have run, some have not, and others are free to; and who has."""
        segment = self.segment
        source, sink = 0, 1
        node = {each: place for place, each in enumerate(free, start=2)}
        graph = CutGraph(2 + len(free) + len(segment.ends))
        constant = self._lives(done)  # of the other steps none
        for each in free:
            if self.lasting[each]:
                graph.add(node[each], sink, self.lasting[each])
            for earlier in members(before[each] & ~done):
                graph.add(node[each], node[earlier], self.infinite)
        for number, ((size, readers), taker) in enumerate(zip(segment.ends, segment.takers, strict=True)):
            is_there = taker < 0 or bool(done >> taker & 1)
            left = readers & ~done
            if not left or (readers & open_ and is_there) or (not is_there and taker not in node):
                continue  # what lives is the same whoever has run
            tail = source if is_there else node[taker]
            if is_there:
                constant -= size
            if readers & open_:
                graph.add(tail, sink, size)
                continue
            buffer = 2 + len(free) + number
            graph.add(tail, buffer, size)
            for reader in members(left):
                graph.add(buffer, node[reader], self.infinite)
        value, side = graph.minimum(source, sink)
        return constant + value, done | sum(1 << each for each in free if node[each] in side)
