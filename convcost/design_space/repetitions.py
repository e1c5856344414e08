"""The effect of more repetitions on a network, where a symbol is only their number.

Layers up to the last repetition are the same however many follow, as each follows from those before. So what they cost
is a bound for all larger numbers. Where a repetition also gives what it took, all further ones are equal to it, the
layers behind them stay what they are, and the cost never falls again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import takewhile
from typing import Any

from msgspec.structs import replace

from convcost.cost.analysis import Analysis
from convcost.design_space.search import Search, check_multiple, no_largest_value
from convcost.design_space.task import Outcome, SweepLimit, SweepTask, analysed
from convcost.errors import ConvcostError
from convcost.network import Layer, Network

_TURN = re.compile(r"(.+)\.(\d+)", re.DOTALL)  # a part of a layer's name that is repeated: `block.3`

Group = tuple[str, ...]
"""The parts of the name of what is repeated, without the number of the repetition."""


class RepetitionSearch(Search):
    """A search for a number of repetitions, whose end is shown by the layers that more of them leave as they are."""

    first = 0

    def __init__(
        self,
        task: SweepTask,
        name: str,
        step: Fraction | None,
        limits: Sequence[SweepLimit],
        repetition_step: Callable[[], Fraction | None] | None,
    ) -> None:
        super().__init__(task, name)
        self.build(self.fixed, None)  # an error of the spec itself
        found = None if repetition_step is None else repetition_step()
        if found is None:
            self.build(self.fixed, [name])  # why it cannot stay free
            raise no_largest_value(name, limits)
        self.step = found if step is None else step
        check_multiple(name, self.step, None)
        self.steady = self._steady()
        if self.steady and all(self._added(limit.metric) == 0 for limit in limits):
            raise no_largest_value(name, limits)

    def beyond(self, count: int, limits: Sequence[SweepLimit]) -> bool:
        """Return whether every multiple from this one on is proved to be invalid or to exceed a limit."""
        value = self.value(count)
        if self.steady and value >= self.steady:
            outcome = self._at(value)
            return isinstance(outcome, ConvcostError) or self._exceeds(outcome, limits)
        if self.steady:
            return False
        try:
            fewer, more = (self.build({**self.fixed, self.name: math.floor(value) + each}, None) for each in (0, 1))
        except ConvcostError:
            return False
        analysis = Analysis.of(more, batch=self.task.batch, fold=self.task.fold)
        shared = shared_layers(fewer, more)
        for limit in limits:
            values = analysis.values(limit.metric)
            if min(values) >= 0 and sum(values[:shared]) > limit.value:
                return True
        return False

    def _steady(self) -> int:
        """Return a whole number from which on more repetitions only add equal ones, 0 where there is none."""
        for number in (1, 2, 4, 8):
            try:
                fewer, more = (self.build({**self.fixed, self.name: number + each}, None) for each in (0, 1))
            except ConvcostError:
                continue
            if is_steady(fewer, more):
                self.outcomes = [self._at(number + each) for each in (1, 2)]
                if all(self._added(metric) >= 0 for metric in self.metrics):
                    return number + 1
        return 0

    def _added(self, metric: str) -> Any:
        """Return the increase of a total by one more repetition."""
        place = self.metrics.index(metric)
        first, second = self.outcomes
        if isinstance(first, ConvcostError) or isinstance(second, ConvcostError):
            return -1
        return second[place] - first[place]

    def _at(self, value: Any) -> Outcome:
        return analysed(replace(self.task, fixed={**self.fixed, self.name: value}), 0)

    def _exceeds(self, outcome: Any, limits: Sequence[SweepLimit]) -> bool:
        return not all(limit.holds(outcome[self.metrics.index(limit.metric)]) for limit in limits)


def is_steady(fewer: Network, more: Network) -> bool:
    """Return whether the layers that a network has beyond another repeat the last repetition of the other.

    Args:
        fewer: The network at some number of repetitions.
        more: The same at a larger one, by which each item runs more often whose number depends on it.
    """
    before, after = _turns(fewer), _turns(more)
    added: set[Group] = set()
    for group, turns in after.items():
        if any(group[: len(turn)] == turn for turn in added):
            continue
        if group not in before:  # it runs now, and did not: a next one need not be like it
            return False
        last = len(before[group])
        if any(turns[number] != before[group][last] for number in range(last, len(turns) + 1)):
            return False
        added |= {(*group[:-1], f"{group[-1]}.{number}") for number in range(last + 1, len(turns) + 1)}
    kept = [layer for layer in more.layers if not any(layer.path[: len(turn)] == turn for turn in added)]
    return len(kept) == len(fewer.layers) and all(map(_same, fewer.layers, kept))


def shared_layers(fewer: Network, more: Network) -> int:
    """Return how many layers two networks share from the first on."""
    pairs = zip(fewer.layers, more.layers, strict=False)
    return sum(1 for _ in takewhile(lambda pair: _same(*pair), pairs))


def _turns(network: Network) -> Mapping[Group, Mapping[int, Sequence[Any]]]:
    """Return the layers of each repetition, with their names in it, by the number of the repetition."""
    found: dict[Group, dict[int, list[Any]]] = {}
    for layer in network.layers:
        for depth, group, number in _repeated(layer.path):
            turns = found.setdefault(group, {})
            turns.setdefault(number, []).append((layer.path[depth + 1 :], _kind(layer)))
    return found


def _repeated(path: Sequence[str]) -> Iterator[tuple[int, Group, int]]:
    for depth, part in enumerate(path):
        match = _TURN.fullmatch(part)
        if match is not None:
            yield depth, (*path[:depth], match[1]), int(match[2])


def _kind(layer: Layer) -> tuple[Any, ...]:
    return layer.type, dict(layer.fields), layer.input_shapes, layer.output_shape


def _same(one: Layer, other: Layer) -> bool:
    return one.path == other.path and _kind(one) == _kind(other)
