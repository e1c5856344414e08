"""The notation of `rearrange`, einops': `c (h p) (w q) -> (h w) (p q) c`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from msgspec import Struct

from convcost.layers.inputs import LayerError, shown
from convcost.layers.layout import Shape
from convcost.layers.reading import Axes
from convcost.ops import product

Group = tuple[str, ...]
"""The names of the axes that one axis of a shape is made of; none for an axis of size 1."""

_ELLIPSIS = "..."
_PARTS = re.compile(r"\.\.\.|->|[A-Za-z_]\w*|\S")
_HELP = "as in `c h w -> (h w) c`"


class Pattern(Struct, frozen=True):
    """A pattern.

    Attributes:
        before: The axes of the input.
        after: The axes of the output; `...` stands for as many as the pattern does not name.
    """

    before: tuple[Group, ...]
    after: tuple[Group, ...]

    def output(self, x: Shape, given: Mapping[str, Any]) -> Shape:
        """Return the output's shape.

        Args:
            x: The input's shape.
            given: The sizes of named axes that are known.

        Raises:
            LayerError: The input has other axes than the pattern, or a size does not fit.
        """
        return tuple([product(size for _, size in factors) for factors in self.factors(x, given)[1]])

    def factors(self, x: Shape, given: Mapping[str, Any]) -> tuple[Axes, Axes]:
        """Return the names and sizes that make up each axis of the input and of the output.

        Args:
            x: The input's shape.
            given: The sizes of named axes that are known.

        Raises:
            LayerError: The input has other axes than the pattern, or a size does not fit.
        """
        sizes: dict[str, Any] = dict(given)
        more = len(x) - len(self.before) + 1
        named = [f"...{number}" for number in range(max(more, 0))]
        before = _expanded(self.before, named)
        if len(before) != len(x):
            found = f"{shown(x)} reaches it, the pattern has {len(self.before)}"
            raise LayerError("the pattern must have the axes of the input", found, field="pattern")
        for group, size in zip(before, x, strict=True):
            self._solve(group, size, sizes, x)
        sides = before, _expanded(self.after, named)
        first, second = (tuple([tuple([(name, sizes[name]) for name in group]) for group in side]) for side in sides)
        return first, second

    def _solve(self, group: Group, size: Any, sizes: dict[str, Any], x: Shape) -> None:
        """Find the sizes of the names of one axis."""
        unknown = [name for name in group if name not in sizes]
        known = product(sizes[name] for name in group if name in sizes)
        if len(unknown) > 1:
            message = f"({' '.join(group)}) needs the sizes of all its axes but one"
            raise LayerError(message, f"{' and '.join(unknown)} are open", field="pattern", help=f"{unknown[-1]}: …")
        text = f"({' '.join(group)})" if len(group) != 1 else group[0]
        if unknown:
            if size % known:
                factors = " · ".join(f"{name} {sizes[name]}" for name in group if name in sizes)
                raise LayerError(f"{factors} must divide {text}", f"{size} in {shown(x)}", field="pattern")
            sizes[unknown[0]] = size // known
        elif size != known:
            found = f"{size} in {shown(x)}"
            raise LayerError(f"{text if group else 1} must be {known}", found, field="pattern")


def _expanded(groups: Sequence[Group], named: Sequence[str]) -> list[Group]:
    result: list[Group] = []
    for group in groups:
        result += [(name,) for name in named] if group == (_ELLIPSIS,) else [group]
    return result


@lru_cache(maxsize=256)
def parse(text: str) -> Pattern:
    """Return a pattern.

    Raises:
        LayerError: It is none.
    """
    before, arrow, after = text.partition("->")
    if not arrow or "->" in after:
        raise _wrong("the pattern has one arrow", repr(text))
    pattern = Pattern(_groups(before), _groups(after))
    names = [[name for group in side for name in group] for side in (pattern.before, pattern.after)]
    for side in names:
        twice = [name for name, count in Counter(side).items() if count > 1]
        if twice:
            raise _wrong("each axis stands once on each side of the pattern", f"{twice[0]} twice in {text!r}")
    single = sorted(set(names[0]) ^ set(names[1]))
    if single:
        raise _wrong("each axis stands on both sides of the pattern", f"{single[0]} on one of {text!r}")
    return pattern


def _groups(side: str) -> tuple[Group, ...]:
    groups: list[Group] = []
    inside: list[str] | None = None
    for part in _PARTS.findall(side):
        if part == "(" and inside is None:
            inside = []
        elif part == ")" and inside is not None:
            groups.append(tuple(inside))
            inside = None
        elif part == _ELLIPSIS and inside is not None:
            raise _wrong("an ellipsis stands outside parentheses", repr(side.strip()))
        elif part == "1":
            groups += [()] if inside is None else []
        elif part == _ELLIPSIS or part.isidentifier():
            if inside is None:
                groups.append((part,))
            else:
                inside.append(part)
        else:
            raise _wrong("a pattern is made of names, 1, ... and parentheses", f"{part!r} in {side.strip()!r}")
    if inside is not None:
        raise _wrong("a parenthesis is not closed", repr(side.strip()))
    if not groups:
        raise _wrong("both sides of the pattern have axes", "an empty side")
    return tuple(groups)


def _wrong(message: str, found: str) -> LayerError:
    return LayerError(message, found, field="pattern", help=_HELP)
