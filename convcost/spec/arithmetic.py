"""The arithmetic of expressions: exact, bounded, and with a word for what has no value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from convcost.ops import is_symbolic

Env = Mapping[str, Any]
Run = Callable[[Env], Any]

_MOST_BITS = 512  # of a value on the way; a size is bounded far below


class ExpressionError(Exception):
    """An expression that cannot be read or has no value.

    Args:
        message: What is wrong.
        found: What was found.
        help: The remedy.
        offset: Where in the expression's text.
    """

    def __init__(self, message: str, found: str = "", help: str = "", offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.found = found
        self.help = help
        self.offset = offset


def shown(value: Any) -> str:
    """Return a value as an expression would be written, fractions in decimals where three can hold them.

    >>> shown(Fraction(112, 5)), shown(Fraction(1, 32)), shown(True), shown([1, 7])
    ('22.4', '1/32', 'true', '[1, 7]')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        thousandths = value * 1000
        return str(value) if thousandths.denominator != 1 or abs(thousandths) > 10**15 else f"{float(value):.15g}"
    if isinstance(value, list):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, int) and abs(value) >= 10**21:
        return f"about 10**{len(str(abs(value))) - 1}"
    return "no value" if value is None else str(value)


def plain(value: Any) -> Any:
    """Return a whole fraction as an int."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def numeric(value: Any, operator: str, offset: int) -> Any:
    """Return a value that must be a number."""
    if value is None or isinstance(value, (bool, str, list)):
        help = "an element of a list is NAME(0)" if isinstance(value, list) else ""
        raise ExpressionError(f"{operator} works on numbers", f"found {shown(value)}", help, offset)
    return value


def truth(value: Any, offset: int) -> bool:
    """Return a value that must be true or false."""
    if isinstance(value, bool):
        return value
    raise ExpressionError("and, or, not work on true and false", f"found {shown(value)}", "compare it: … != 0", offset)


def logical(token: str, left: Run, right: Run, offset: int) -> Run:
    """Return `and` or `or` of two conditions."""
    if token == "or":
        return lambda env: truth(left(env), offset) or truth(right(env), offset)
    return lambda env: truth(left(env), offset) and truth(right(env), offset)


COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def compared(token: str, left: Run, right: Run, offset: int) -> Run:
    """Return the comparison of two values."""
    compare = COMPARISONS[token]

    def run(env: Env) -> Any:
        a, b = left(env), right(env)
        if token not in ("==", "!="):
            numeric(a, token, offset)
            numeric(b, token, offset)
        elif isinstance(a, (bool, str)) != isinstance(b, (bool, str)):
            raise ExpressionError(f"{token} compares like with like", f"{shown(a)} {token} {shown(b)}", "", offset)
        return compare(a, b)

    return run


def _divide(a: Any, b: Any) -> Any:
    return Fraction(a, b) if isinstance(a, (int, Fraction)) and isinstance(b, (int, Fraction)) else a / b


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _divide,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "**": lambda a, b: _divide(1, a**-b) if b < 0 else a**b,
}


def computed(token: str, left: Run, right: Run, offset: int) -> Run:
    """Return the arithmetic on two values; a division is exact."""
    compute = _ARITHMETIC[token]

    def run(env: Env) -> Any:
        a, b = numeric(left(env), token, offset), numeric(right(env), token, offset)
        if (token in ("/", "//", "%") and b == 0) or (token == "**" and a == 0 and b < 0):
            raise ExpressionError("a division by zero", f"{shown(a)} {token} {shown(b)}", "", offset)
        if token == "**":
            _check_power(a, b, offset)
        return checked(compute(a, b), offset)

    return run


def _check_power(base: Any, exponent: Any, offset: int) -> None:
    if is_symbolic(exponent):
        raise ExpressionError("an exponent is a number, not a formula", f"found {exponent}", "", offset)
    if not isinstance(exponent, int):
        raise ExpressionError("an exponent is a whole number", f"found {shown(exponent)}", "", offset)
    if is_symbolic(base):
        base.check_bounds(exponent)
    elif base not in (0, 1, -1) and _bits(base) * abs(exponent) > 2 * _MOST_BITS:
        raise ExpressionError(
            "a power is astronomically large or small", f"{shown(base)} ** {shown(exponent)}", "", offset
        )


def checked(value: Any, offset: int) -> Any:
    """Return a result in its plain form, unless it is astronomically large."""
    if is_symbolic(value):
        value.check_bounds()
    elif _bits(value) > _MOST_BITS:
        raise ExpressionError("a value is astronomically large or small", "", "", offset)
    return plain(value)


def _bits(value: Any) -> int:
    """Return how many bits a number takes."""
    bits: int = max(value.numerator.bit_length(), value.denominator.bit_length())
    return bits


FUNCTIONS: dict[str, tuple[int, int]] = {
    "floor": (1, 1),
    "ceil": (1, 1),
    "round": (1, 1),
    "min": (2, 100),
    "max": (2, 100),
    "make_divisible": (2, 2),
}
"""The functions of expressions, each one of `convcost.numbers.FUNCTIONS`, with how many arguments it takes."""
