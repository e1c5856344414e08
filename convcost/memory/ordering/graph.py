"""What an order of layers is chosen for: steps, the buffers that they take, and the segments that are ordered apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from convcost.memory.storages import WEIGHTS, Sharing, key_of
from convcost.network import INPUT


class Buffer(Struct, frozen=True):
    """A piece of memory, as an order sees it.

    Attributes:
        bytes: What it takes.
        taker: The step that takes it; `INPUT` for one that is there from the start.
        readers: The steps that read it; it is free after the last of them.
        is_kept: Whether it lives to the end.
    """

    bytes: int
    taker: int
    readers: frozenset[int]
    is_kept: bool


class StepGraph(Struct, frozen=True):
    """The steps of a network, each a layer together with what runs at once behind it without new memory.

    Attributes:
        steps: The layers of each step, in the order in which they run; the steps in the order of the spec.
        first: The layers that run before the first step: views of inputs.
        weights: For each step the layers before it that are weights, which nothing waits for.
        before: The steps that each step reads.
        buffers: The pieces of memory.
    """

    steps: Sequence[Sequence[int]]
    first: Sequence[int]
    weights: Mapping[int, Sequence[int]]
    before: Sequence[frozenset[int]]
    buffers: Sequence[Buffer]

    @property
    def inputs(self) -> int:
        """The bytes of all inputs, which live while the first layer runs."""
        return sum([buffer.bytes for buffer in self.buffers if buffer.taker == INPUT])

    @property
    def unread(self) -> int:
        """The bytes of inputs that nobody reads, where the first layer to run is a step."""
        if self.first or any(self.weights.values()):
            return 0
        inputs = [buffer for buffer in self.buffers if buffer.taker == INPUT]
        return sum([buffer.bytes for buffer in inputs if not (buffer.readers or buffer.is_kept)])

    def layers(self, order: Sequence[int]) -> tuple[int, ...]:
        """Return the layers in an order of the steps; weights stand before the step that they stood before."""
        found = [*self.first]
        for step in order:
            found += self.steps[step]
        return (*(index for indices in self.weights.values() for index in indices), *found)


def step_graph(shared: Sharing, sizes: Sequence[int], *, keep_inputs: bool) -> StepGraph:
    """Return the graph of steps whose order is chosen.

    A layer of one input that takes no memory runs at once behind what it reads: that frees memory no later, and while
    it runs nothing lives that did not live before.

    Args:
        shared: Which tensors share memory.
        sizes: The bytes of each piece of memory.
        keep_inputs: Whether the network's inputs live to the end.
    """
    network = shared.network
    step_of: dict[int, int] = {}  # of each layer; none of weights
    steps: list[list[int]] = []
    first: list[int] = []
    weights: list[int] = []
    before: list[set[int]] = []
    readers: list[set[int]] = [set() for _ in shared.groups]
    for index, layer in enumerate(network.layers):
        if shared.how[index] == WEIGHTS:
            weights.append(index)
            continue
        read = [key for tensor in layer.inputs if (key := key_of(tensor)) in shared.group_of]
        producers = {producer for producer, _ in read}
        if shared.how[index] and len(producers) == 1:
            producer = producers.pop()
            if producer == INPUT or producer not in step_of:
                first.append(index)
                continue
            step_of[index] = step_of[producer]
            steps[step_of[index]].append(index)
            continue
        step_of[index] = len(steps)
        steps.append([index])
        before.append({step_of[producer] for producer in producers if producer in step_of})
        for key in read:
            readers[shared.group_of[key]].add(step_of[index])
    outputs = {shared.group_of[key] for tensor in network.outputs if (key := key_of(tensor)) in shared.group_of}
    buffers = [
        Buffer(
            size,
            INPUT if group[0][0] == INPUT else step_of[group[0][0]],
            frozenset(readers[number]),
            number in outputs or (group[0][0] == INPUT and keep_inputs),
        )
        for number, (group, size) in enumerate(zip(shared.groups, sizes, strict=True))
    ]
    return StepGraph(steps, first, {0: weights}, [frozenset(each) for each in before], buffers)


class Segment(Struct, frozen=True):
    """Steps that are ordered apart from all others: what is before each has run, what is behind has not.

    Attributes:
        steps: The steps by their numbers in the graph.
        before: For each, by its place in `steps`, the set of those of the segment that it reads, as bits.
        taken: What each takes.
        start: What lives before the first of them runs.
        ends: Buffers that may become free here: their bytes and the set of their readers, as bits; of what a step
            takes, of what nobody reads, and of what lived before.
        frees: For each step the indices of the `ends` that it may free: those that it reads, or takes and nobody reads.
        takers: The step that takes each of the `ends`; negative for what lived before.
        unread: What lives while the first of them runs and not behind it: inputs that nobody reads.
    """

    steps: Sequence[int]
    before: Sequence[int]
    taken: Sequence[int]
    start: int
    ends: Sequence[tuple[int, int]]
    frees: Sequence[Sequence[int]]
    takers: Sequence[int]
    unread: int = 0

    @property
    def everything(self) -> int:
        """The set of all steps."""
        return (1 << len(self.steps)) - 1


def members(mask: int) -> Iterator[int]:
    """Return the members of a set of bits."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def segments(graph: StepGraph) -> Iterator[Segment]:
    """Return the segments of a graph, cut behind each step that all others are before or behind."""
    count = len(graph.steps)
    borders = [*_borders(graph), count]
    begin = 0
    births: list[list[int]] = [[] for _ in range(count + 1)]
    last = []
    for number, buffer in enumerate(graph.buffers):
        births[buffer.taker + 1 if buffer.taker != INPUT else 0].append(number)
        last.append(count if buffer.is_kept else max(buffer.readers, default=buffer.taker))
    living = {number for number in births[0] if graph.buffers[number].is_kept or graph.buffers[number].readers}
    for border in borders:
        end = min(border + 1, count)
        if end > begin:
            own = [number for at in range(begin, end) for number in births[at + 1]]
            yield _segment(graph, range(begin, end), living, own, unread=0 if begin else graph.unread)
            living = {number for number in (*living, *own) if last[number] >= end}
        begin = end


def _segment(graph: StepGraph, steps: range, living: Iterable[int], own: Sequence[int], *, unread: int) -> Segment:
    taken = [0] * len(steps)
    frees: list[list[int]] = [[] for _ in steps]
    ends: list[tuple[int, int]] = []
    takers: list[int] = []
    for number in (*living, *own):
        buffer = graph.buffers[number]
        at = buffer.taker - steps.start
        if at >= 0:
            taken[at] += buffer.bytes
        if buffer.is_kept or any(reader >= steps.stop for reader in buffer.readers):
            continue
        readers = [reader - steps.start for reader in buffer.readers if reader >= steps.start]
        mask = sum(1 << reader for reader in readers) or 1 << at
        for reader in readers or [at]:
            frees[reader].append(len(ends))
        ends.append((buffer.bytes, mask))
        takers.append(at)
    before = [sum(1 << each - steps.start for each in graph.before[step] if each >= steps.start) for step in steps]
    start = sum(graph.buffers[number].bytes for number in living)
    return Segment(steps, before, taken, start, ends, frees, takers, unread)


def _borders(graph: StepGraph) -> Iterator[int]:
    """Return the steps that all earlier ones lead to, and that lead to all later ones."""
    count = len(graph.steps)
    first_reader = [count] * count
    for step, before in enumerate(graph.before):
        for each in before:
            first_reader[each] = min(first_reader[each], step)
    behind = [True] * count  # whether all later steps come from it
    least = count
    for step in range(count - 1, -1, -1):
        behind[step] = least >= step
        least = min(least, max(graph.before[step], default=-1))
    farthest = -1
    for step in range(count):
        if farthest <= step and behind[step]:
            yield step
        farthest = max(farthest, first_reader[step])
