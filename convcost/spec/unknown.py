"""What stands for a size that an error hides, so that what follows from it is not reported too."""

from __future__ import annotations

from typing import Any

from convcost.layers.fields import AXIS, FLAG, NAMED, NAMES, SHAPES, TEXT, WHOLES, WORD, Field


class UnknownNumber:
    """A number that nobody knows: arithmetic with it gives it again, it equals every number and is in no order.

    So no layer type finds anything wrong with it, while whatever is known beside it is checked.
    """

    __slots__ = ()

    def _itself(self, *others: object) -> UnknownNumber:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _itself
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _itself
    __pow__ = __rpow__ = __neg__ = __pos__ = __abs__ = _itself
    __round__ = __floor__ = __ceil__ = __trunc__ = _itself

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0

    def __lt__(self, other: object) -> bool:
        return False

    __le__ = __gt__ = __ge__ = __lt__

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "?"


UNKNOWN: Any = UnknownNumber()


def unknown_value(field: Field, rank: int) -> Any:
    """Return the stand-in for a field's value that could not be read.

    Args:
        field: The field.
        rank: The spatial axes of the input.
    """
    form = field.read.form
    if form.kind == AXIS:
        return (0,) if form.depth else 0
    if form.kind == FLAG:
        return False
    if form.kind == NAMES:
        return 0
    if form.kind == WORD:
        return form.words[0] if field.required else field.default
    if form.kind == TEXT:
        return ""
    if form.kind == NAMED:
        return ()
    if form.kind == WHOLES:
        return (UNKNOWN,)
    if form.kind == SHAPES:
        return ((UNKNOWN,) * (rank + 1),)
    if form.depth == 0:
        return UNKNOWN
    return ((UNKNOWN, UNKNOWN) if form.depth == 2 else UNKNOWN,) * rank
