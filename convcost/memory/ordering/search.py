"""The search for the order with the smallest peak: states are sets of steps that have run, as bits."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from msgspec import Struct

from convcost.memory.ordering.graph import Segment, members

MOST_STATES = 50_000
"""How many sets of steps are looked at in a segment before a beam takes over."""
BEAM = 200
"""How many sets of as many steps a beam keeps."""
BEAMS = 5
"""How many beams there are."""
DEEP = 8
"""How many searches into the depth there are behind them, each below another peak."""
DEEP_STATES = 20_000
"""How many sets of steps each of these looks at."""


class Found(Struct, frozen=True):
    """An order of a segment's steps.

    Attributes:
        peak: The most bytes that live while a step runs.
        order: The places of the steps in the segment.
    """

    peak: int
    order: Sequence[int]


State = tuple[int, int, int]
"""The steps that have run, what lives behind them, and the steps that may run next."""


class Walk:
    """What lives before, while and after steps run.

    Args:
        segment: The steps.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.taken = segment.taken
        self.before = segment.before
        self.frees = [[segment.ends[end] for end in ends] for ends in segment.frees]
        self.behind: list[list[int]] = [[] for _ in segment.steps]
        for step, before in enumerate(segment.before):
            for each in members(before):
                self.behind[each].append(step)

    @property
    def start(self) -> State:
        """The state in which nothing has run."""
        return (
            0,
            self.segment.start + self.segment.unread,
            sum(1 << step for step, before in enumerate(self.before) if not before),
        )

    def after(self, state: State, step: int) -> State:
        """Return the state behind another step."""
        done, lives, ready = state
        done |= 1 << step
        lives += self.taken[step] - (0 if state[0] else self.segment.unread)
        ready ^= 1 << step
        for size, readers in self.frees[step]:
            if not readers & ~done:
                lives -= size
        for each in self.behind[step]:
            if not self.before[each] & ~done:
                ready |= 1 << each
        return done, lives, ready

    def peak(self, order: Sequence[int]) -> int:
        """Return the peak of an order."""
        state, peak = self.start, 0
        for step in order:
            peak = max(peak, state[1] + self.taken[step])
            state = self.after(state, step)
        return peak


def best_order(segment: Segment, enough: int = 0, most_states: int = MOST_STATES) -> Found:
    """Return the order with the smallest peak; the best of a beam where there are too many sets of steps.

    Args:
        segment: The steps.
        enough: A peak at which the search ends: nothing smaller is there, or is asked for.
        most_states: How many sets of steps to look at.
    """
    walk = Walk(segment)
    given = range(len(segment.steps))
    best = Found(walk.peak(given), given)
    if best.peak > enough:
        best = _beam(walk, BEAM // 10, enough, best.peak) or best
    if best.peak > enough:
        found = exact_order(walk, enough, best.peak, most_states)
        if found is None:
            best = _deep_searches(walk, enough, _beams(walk, enough, best))
        elif found.order:
            best = found
    return best


def _deep_searches(walk: Walk, enough: int, best: Found) -> Found:
    """Return the best order that searches into the depth find between a peak that is enough and the best so far."""
    low, high = enough, best.peak - 1
    for _ in range(DEEP):
        if low > high:
            break
        level = (low + high) // 2
        order = order_within(walk, level, DEEP_STATES)
        if order:
            best = Found(walk.peak(order), order)
            high = best.peak - 1
        else:
            low = level + 1
    return best


def order_within(walk: Walk, level: int, most_states: int) -> tuple[int, ...] | None:
    """Return an order that stays within a peak; an empty one where there is none, None where too many states are met.

    What leaves the least is tried first; a set of steps that was left once leads nowhere.
    """
    everything = walk.segment.everything
    met: set[int] = set()
    open_ = [(walk.start, _moves_within(walk, walk.start, level))]
    taken: list[tuple[int, ...]] = []
    while open_:
        state, moves = open_[-1]
        if state[0] == everything:
            return tuple([step for move in taken for step in move])
        if not moves:
            open_.pop()
            if taken:
                taken.pop()
            continue
        move = moves.pop()
        for step in move:
            state = walk.after(state, step)
        if state[0] in met:
            continue
        if len(met) == most_states:
            return None
        met.add(state[0])
        taken.append(move)
        open_.append((state, _moves_within(walk, state, level)))
    return ()


def _moves_within(walk: Walk, state: State, level: int) -> list[tuple[int, ...]]:
    """Return the moves that stay within a peak, the one that leaves the least last."""
    row = _free_row(walk, state, level)
    if row:
        return [row]
    steps = [step for step in members(state[2]) if state[1] + walk.taken[step] <= level]
    steps.sort(key=lambda step: (walk.after(state, step)[1], walk.taken[step]), reverse=True)
    return [(step,) for step in steps]


def _beams(walk: Walk, enough: int, best: Found) -> Found:
    """Return the best order that beams find which aim at peaks between what is enough and the best so far."""
    low, high = enough, best.peak
    for number in range(BEAMS):
        aim = (low + high) // 2 if number else enough
        found = _beam(walk, BEAM, aim, best.peak)
        best = found or best
        if best.peak <= aim:
            high = best.peak
        else:
            low = aim
    return best


def exact_order(walk: Walk, enough: int, peak: int, most_states: int) -> Found | None:
    """Return the order with the smallest peak; an empty one where none is below a peak, None of too many states.

    States that a smaller peak reaches come first. Where a step, or several in a row each of which waits for the one
    before, leaves no more than it found and stays below the peak so far, no other step needs to be tried: what lives
    is a submodular function of the steps that have run, so whatever runs later finds no less room behind these.
    """
    everything = walk.segment.everything
    start = walk.start
    came: dict[int, tuple[int, int, tuple[int, ...]]] = {
        0: (enough, 0, ())
    }  # by which peak, from where, by which steps
    heap: list[tuple[int, int, State]] = [(enough, 0, start)]
    while heap:
        level, _, state = heappop(heap)
        if level > came[state[0]][0]:
            continue  # a smaller peak has reached it since
        if state[0] == everything:
            return Found(level, _path(came, everything))
        if len(came) > most_states:
            return None
        row = _free_row(walk, state, level)
        for move in [row] if row else [(step,) for step in members(state[2])]:
            new, needed = state, level
            for step in move:
                needed = max(needed, new[1] + walk.taken[step])
                new = walk.after(new, step)
            if needed < peak and (new[0] not in came or needed < came[new[0]][0]):
                came[new[0]] = needed, state[0], move
                heappush(heap, (needed, -new[0].bit_count(), new))
    return Found(peak, ())


def _free_row(walk: Walk, state: State, level: int) -> tuple[int, ...]:
    """Return steps in a row that stay below a peak and leave no more than they found; nothing where there are none.

    What the first step leaves is less by what nobody reads, whichever it is, and says nothing.
    """
    if walk.segment.unread and not state[0]:
        return ()
    for step in members(state[2]):
        row: list[int] = []
        new = state
        following = step
        while new[1] + walk.taken[following] <= level:
            ready = new[2]
            new = walk.after(new, following)
            row.append(following)
            if new[1] <= state[1]:
                return tuple(row)
            own = new[2] & ~ready  # what waited for this step alone
            if not own:
                break
            following = own.bit_length() - 1 if own & own - 1 else (own & -own).bit_length() - 1
    return ()


def _path(came: dict[int, tuple[int, int, tuple[int, ...]]], done: int) -> tuple[int, ...]:
    found: list[tuple[int, ...]] = []
    while done:
        _, done, move = came[done]
        found.append(move)
    return tuple([step for move in reversed(found) for step in move])


def _beam(walk: Walk, width: int, enough: int, peak: int) -> Found | None:
    """Return the best order that a beam finds below a peak: of as many steps it keeps the states with the smallest."""
    states: dict[int, tuple[int, State]] = {0: (enough, walk.start)}
    links: list[dict[int, tuple[int, int]]] = []
    for _ in walk.taken:
        new: dict[int, tuple[int, State]] = {}
        link: dict[int, tuple[int, int]] = {}
        for done, (level, state) in states.items():
            for step in members(state[2]):
                needed = max(level, state[1] + walk.taken[step])
                key = done | 1 << step
                if needed < peak and (key not in new or needed < new[key][0]):
                    new[key] = needed, walk.after(state, step)
                    link[key] = done, step
        states = dict(sorted(new.items(), key=lambda each: (each[1][0], each[1][1][1]))[:width])
        links.append(link)
    if not states:
        return None
    done = walk.segment.everything
    level = states[done][0]
    order = []
    for link in reversed(links):
        done, step = link[done]
        order.append(step)
    return Found(level, tuple(reversed(order)))
