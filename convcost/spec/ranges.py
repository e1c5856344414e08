"""The values that a sweep gives a symbol: `0.25,0.5,1` or `128:224:32`; of a list `[16,24],[16,32]`."""

from __future__ import annotations

from typing import Any

from convcost.errors import ErrorDetail, OptionError
from convcost.spec import expressions
from convcost.spec.arithmetic import ExpressionError, plain, shown

MOST_VALUES = 100_000
_FEWER = "a larger step gives fewer; --max-points N allows more, in Python max_points=N"


def values(name: str, text: str, most: int = MOST_VALUES) -> tuple[Any, ...]:
    """Return the values that a text lists, or counts off from a start by a step of 1 or another, up to the end.

    The end is among them where a step meets it.

    >>> values("alpha", "0.25, 0.5"), values("r", "128:224:32"), values("widths", "[16, 24], [16, 32]")
    ((Fraction(1, 4), Fraction(1, 2)), (128, 160, 192, 224), ((16, 24), (16, 32)))

    Raises:
        OptionError: It cannot be read, or a range runs backwards or has more values than `most`.
    """
    found: list[Any] = []
    for part in _parts(text):
        if part.strip()[:1] == "[" and part.strip()[-1:] == "]":
            found.append(tuple([_value(name, text, each) for each in _parts(part.strip()[1:-1])]))
            continue
        sides = [_value(name, text, side) for side in part.split(":")]
        found += sides if len(sides) == 1 else _counted(name, text, sides, most)
    return tuple(found)


def _parts(text: str) -> list[str]:
    """Return the parts between the commas that are outside of parentheses and brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _value(name: str, text: str, part: str) -> Any:
    try:
        value = expressions.read(part.strip())
    except ExpressionError as error:
        raise OptionError(ErrorDetail(error.message, found=f"--set {name}={text}", help=error.help)) from None
    if isinstance(value, expressions.Expression):
        names = " and ".join(sorted(value.names))
        raise OptionError(ErrorDetail(f"the value of {name!r} cannot depend on {names}", found=f"--set {name}={text}"))
    return value


def _counted(name: str, text: str, sides: list[Any], most: int) -> list[Any]:
    found = f"--set {name}={text}"
    if len(sides) > 3 or any(isinstance(side, bool | str) for side in sides):
        raise OptionError(ErrorDetail("a range is START:END or START:END:STEP, of numbers", found=found))
    start, end, step = (*sides, 1)[:3]
    if step <= 0:
        raise OptionError(ErrorDetail(f"the step of a range is above 0: {shown(step)}", found=found))
    if start > end:
        help = f"START:END:STEP, as {shown(end)}:{shown(start)}"
        raise OptionError(ErrorDetail("a range starts at or below its end", found=found, help=help))
    count = (end - start) // step + 1
    if count > most:
        raise OptionError(ErrorDetail(f"a range has at most {most:,} values", found=f"{found}: {count:,}", help=_FEWER))
    return [plain(start + turn * step) for turn in range(count)]
