"""Rows folded until a screen has room for them, by the parts of their names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

MOST_ROWS = 30
"""How many rows a screen shows where nobody asks for more."""
MOST_LINES = 36
"""How many lines they take as a tree, the names of groups included."""
MORE = "…"
"""How the label of a row begins that stands for those which are not shown."""

Path = tuple[str, ...]
Part = Sequence[int]
"""The indices of what a row stands for."""
Groups = list[tuple[Path, Part]]
"""What each row stands for, with the path by which it is called."""


def group(paths: Sequence[Path]) -> Groups:
    """Return the indices of the paths that are the same, in the order of the first."""
    groups: dict[Path, list[int]] = {}
    for index, path in enumerate(paths):
        groups.setdefault(path, []).append(index)
    return [*groups.items()]


def fit(paths: Sequence[Path], cost: Callable[[Part], float]) -> Groups:
    """Return groups that fit a screen as a tree: folded as little as that takes.

    Where the outermost parts alone are too many, the repetitions of an item become one group, then those between the
    costliest do.

    Args:
        paths: The names in parts, outermost first.
        cost: Returns how much some of them would be missed.
    """
    if _fits(paths):
        return [(path, (index,)) for index, path in enumerate(paths)]
    fitting = 0
    for depth in range(1, max(map(len, paths))):
        if not _fits(dict.fromkeys(path[:depth] for path in paths)):
            break
        fitting = depth
    if fitting:
        return group([path[:fitting] for path in paths])
    return _abridged(_repetitions(group([path[:1] for path in paths])), cost, MOST_ROWS)


def _fits(paths: Iterable[Path]) -> bool:
    """Return whether paths fit a screen as a tree."""
    rows = lines = 0
    before: Path = ()
    for path in paths:
        common = 0
        for mine, theirs in zip(path[:-1], before, strict=False):
            if mine != theirs:
                break
            common += 1
        rows, lines = rows + 1, lines + len(path) - common
        before = path
        if rows > MOST_ROWS or lines > MOST_LINES:
            return False
    return True


def _repetitions(groups: Groups) -> Groups:
    """Return groups in which the repetitions of an item are one, such as `block_1.1–6`."""
    runs: list[tuple[str, list[str], list[int]]] = []
    for (name,), part in groups:
        stem, _, number = name.rpartition(".")
        if not stem or not number.isdecimal():
            stem, number = "", name
        if stem and runs and runs[-1][0] == stem:
            runs[-1][1].append(number)
            runs[-1][2].extend(part)
        else:
            runs.append((stem, [number], [*part]))
    joined: Groups = []
    for stem, numbers, part in runs:
        first = f"{stem}.{numbers[0]}" if stem else numbers[0]
        joined.append(((first if len(numbers) == 1 else f"{first}–{numbers[-1]}",), part))
    return joined


def _abridged(groups: Groups, cost: Callable[[Part], float], most: int) -> Groups:
    """Return groups of which those between the costliest are one, so that there are at most so many."""
    if len(groups) <= most:
        return groups
    costs = [cost(part) for _, part in groups]
    ranked = sorted(range(len(groups)), key=lambda index: (-costs[index], index))
    kept = most - 1
    while len(shown := _with_gaps(sorted(ranked[:kept]), len(groups))) > most:
        kept -= 1
    found: Groups = []
    for start, end in shown:
        part = [index for _, each in groups[start:end] for index in each]
        found.append((groups[start][0] if end - start == 1 else (f"{MORE} {end - start:,} more",), part))
    return found


def _with_gaps(kept: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Return the ranges from 0 to `size` that some indices and the gaps between them are."""
    ranges: list[tuple[int, int]] = []
    start = 0
    for index in (*kept, size):
        if index > start:
            ranges.append((start, index))
        if index < size:
            ranges.append((index, index + 1))
        start = index + 1
    return ranges
