"""Expressions: parsed, never evaluated by Python. Exact: whole numbers and fractions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.numbers import apply
from convcost.spec.arithmetic import (
    COMPARISONS,
    FUNCTIONS,
    Env,
    ExpressionError,
    Run,
    checked,
    compared,
    computed,
    logical,
    numeric,
    plain,
    shown,
    truth,
)
from convcost.spec.tree import SPLIT

LONGEST = 500  # characters of an expression
_DEEPEST = 50  # parentheses within each other

_NORMS = {"batch_norm", "layer_norm", "group_norm", "local_response_norm"}
_CURVES = {"sigmoid", "tanh", "hard_sigmoid", "hard_swish", "silu", "gelu", "softmax"}
_LINEAR_PIECES = {"relu", "relu6", "leaky_relu", "prelu"}
_OPTIONS = {"none", "same", "valid", "nearest", "linear", "bilinear", "trilinear"}
KEYWORDS = frozenset(_NORMS | _LINEAR_PIECES | _CURVES | _OPTIONS)
"""Words that are always themselves. Words of layer types that came later yield to the names of a file."""
CONSTANTS = {"true": True, "false": False}
OPERATORS = frozenset(("and", "or", "not"))
SIZES = ("channels", "depth", "height", "width", "length", "size")
"""The sizes of a value that an expression may use: `NAME.height`; `size` is the list of all but the channels."""
IN_SIZES = frozenset(f"in_{name}" for name in ("depth", "height", "width", "length"))
"""Sizes of what reaches a layer, beside `in_channels`; they yield to the names of a file."""
LATER_FUNCTIONS = frozenset(("len", "in_size"))
"""Functions that yield to the names of a file: the length of a list, and the size of a numbered axis of the input."""
RESOLVER = "."
"""The name under which the values of a list's items are looked up: a function of a value's name and a size of it."""
RESERVED = KEYWORDS | FUNCTIONS.keys() | CONSTANTS.keys() | OPERATORS | {"in_channels"}


class Unknown(Exception):
    """A value that follows from something already reported, or from a symbol without a value."""

    def __init__(self, symbol: str = "") -> None:
        super().__init__(symbol)
        self.symbol = symbol


class Missing:
    """Stands for the value of a name that has none: a symbol without a value, or what an error hides."""

    __slots__ = ("symbol",)

    def __init__(self, symbol: str = "") -> None:
        self.symbol = symbol


class Expression:
    """An expression whose value depends on names.

    Attributes:
        text: The expression as written.
        names: The names it uses.
        lists: Those of them that must be lists, of which it uses elements.
        values: The values whose sizes it uses, by name.
    """

    __slots__ = ("_run", "lists", "names", "text", "values")

    def __init__(
        self,
        text: str,
        names: frozenset[str],
        run: Run,
        lists: frozenset[str] = frozenset(),
        values: frozenset[str] = frozenset(),
    ) -> None:
        self.text = text
        self.names = names
        self.lists = lists
        self.values = values
        self._run = run

    def value(self, env: Env) -> Any:
        """Return the value in `env`.

        Raises:
            ExpressionError: It has none, such as after a division by zero.
            Unknown: A name has none.
        """
        return self._run(env)

    def with_words(self, words: Iterable[str]) -> Expression:
        """Return the expression in which some of the names are words, which stand for themselves."""
        given = {word: word for word in words}
        run = self._run
        return Expression(
            self.text, self.names - given.keys(), lambda env: run({**given, **env}), self.lists, self.values
        )


def read(text: str) -> Any:
    """Return the value of an expression without names, or an `Expression`.

    >>> read("0.75 * 32"), read("1e3"), read("same")
    (24, 1000, 'same')
    >>> read("expand * in_channels").names == {"expand", "in_channels"}
    True

    Raises:
        ExpressionError: The text is no expression, or has no value.
    """
    if text.isdecimal() and text.isascii() and (text[0] != "0" or text == "0") and len(text) <= 15:
        return int(text)
    if text in KEYWORDS:
        return text
    if len(text) > LONGEST and re.fullmatch(r"[-+]?[0-9_]+", text):
        raise ExpressionError("a number is astronomically large or small")
    if len(text) > LONGEST:
        raise ExpressionError(
            f"an expression is at most {LONGEST} characters long",
            f"{len(text)} characters",
            "name its parts as symbols",
        )
    parser = _Parser(text)
    run = parser.whole()
    if parser.names or parser.values:
        return Expression(text, frozenset(parser.names), run, frozenset(parser.lists), frozenset(parser.values))
    return run({})


CHARACTERS = {
    "^": "a power is written **, as in w ** 2",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "=": "equality is ==",
    "×": "a product is written *",
    "·": "a product is written *",
    "÷": "a division is written / or //",
    "$": "a symbol stands alone: w, not ${w}",
    "{": "a symbol stands alone: w, not {w}",
    "?": "a choice between items is `if` and `else`",
    "−": "a minus is written -",
}
"""What to write instead of characters that are no part of an expression."""
NAME = re.compile(r"[^\W\d]\w*")
_TOKEN = re.compile(  # short, as compiling it is part of the start
    r"\s*(?:(?P<number>\.?[0-9](?:[eE][+-][0-9]|[\w.:])*)"
    rf"|(?P<name>{NAME.pattern}|'[^']*')(?P<size>\.(?:{'|'.join(SIZES)})\b)?"
    r"|(?P<op>\*\*|//|==|!=|<=|>=|[-+*/%<>(),\[\]]))"
)
_NUMBER = r"(?:0|[1-9][0-9]*(?:_[0-9]+)*)(?:\.[0-9]+(?:_[0-9]+)*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?"


class _Operator(Struct, frozen=True):
    """An operator between two operands.

    Attributes:
        level: How tightly it binds; the loosest has 1.
        right: The loosest level in its right operand: the next one where operators of a level group from the left.
        make: Makes the function from names to the value, of the token, both operands and the token's offset.
        groups: Whether it nests, as one that groups from the right does.
    """

    level: int
    right: int
    make: Callable[[str, Run, Run, int], Run]
    groups: bool = False


_NOT, _SIGN = 3, 7  # the levels of `not` and of a sign, which stand before their operand
_OPERATORS = {
    "or": _Operator(1, 2, logical),
    "and": _Operator(2, 3, logical),
    **{token: _Operator(4, 5, compared) for token in COMPARISONS},
    **{token: _Operator(5, 6, computed) for token in ("+", "-")},
    **{token: _Operator(6, 7, computed) for token in ("*", "/", "//", "%")},
    "**": _Operator(8, _SIGN, computed, groups=True),
}


class _Parser:
    """Reads one text by the levels of its operators; each rule returns a function from names to a value."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: set[str] = set()
        self.lists: set[str] = set()
        self.values: set[str] = set()
        self._depth = 0
        self._check_balance()
        self._tokens = self._lex()
        self.kind, self.token, self.offset = "", "", 0
        self._advance()

    def whole(self) -> Run:
        run = self._expression()
        if self.kind:
            raise self._unexpected("an operator")
        return run

    # tokens

    def _check_balance(self) -> None:
        open_at: list[int] = []
        for offset, char in enumerate(self.text):
            if char == "(":
                open_at.append(offset)
            elif char == ")":
                if not open_at:
                    raise ExpressionError("a parenthesis is not balanced", "no ( before this )", SPLIT, offset)
                open_at.pop()
        if open_at:
            raise ExpressionError("a parenthesis is not balanced", "this ( is not closed", SPLIT, open_at[-1])

    def _lex(self) -> Iterator[tuple[str, str, int]]:
        position = 0
        end = len(self.text.rstrip())
        while position < end:
            match = _TOKEN.match(self.text, position)
            if match is None or match[0].endswith("'"):  # a quoted name stands before a size only
                start = position + len(self.text[position:]) - len(self.text[position:].lstrip())
                help = CHARACTERS.get(self.text[start], "a name, a number, an operator or a parenthesis")
                if self.text[start] == "." and start == position > 0:
                    help = f"a size of a value is NAME.{', .'.join(SIZES)}"
                raise ExpressionError(
                    "this is not an expression",
                    f"unexpected {self.text[start]!r}",
                    help,
                    start,
                )
            kind = match.lastgroup or ""
            token = match[0].lstrip()
            position = match.end()
            start = position - len(token)
            if kind == "number" and not is_number(token):
                raise ExpressionError(f"{token} is not a number", "", _number_help(token), start)
            yield kind, token, start
        while True:
            yield "", "", end

    def _advance(self) -> tuple[str, str, int]:
        before = self.kind, self.token, self.offset
        self.kind, self.token, self.offset = next(self._tokens)
        return before

    def _unexpected(self, expected: str) -> ExpressionError:
        found = repr(self.token) if self.kind else "the end"
        return ExpressionError("this is not an expression", f"expected {expected}, found {found}", "", self.offset)

    # rules

    def _expression(self, level: int = 1) -> Run:
        """Read operands and the operators between them that bind at least as tightly as a level of `_OPERATORS`."""
        left = self._operand(level)
        while (operator := _OPERATORS.get(self.token)) is not None and operator.level >= level:
            if operator.groups:
                self._enter()
            _, token, offset = self._advance()
            left = operator.make(token, left, self._expression(operator.right), offset)
            if operator.groups:
                self._depth -= 1
            if operator.make is compared and self.token in COMPARISONS:
                raise ExpressionError("comparisons do not chain", "", "write a < b and b < c", self.offset)
        return left

    def _operand(self, level: int) -> Run:
        """Read a value with the signs, or the `not`, that may stand before it at a level."""
        prefix = self.token
        if prefix not in ("+", "-") and (prefix != "not" or level > _NOT):
            return self._atom()
        self._enter()
        offset = self._advance()[2]
        operand = self._expression(_NOT if prefix == "not" else _SIGN)
        self._depth -= 1
        if prefix == "not":
            return lambda env: not truth(operand(env), offset)
        return computed(prefix, lambda env: 0, operand, offset)

    def _atom(self) -> Run:
        kind, token, offset = self._advance()
        if kind == "number":
            value = _number(token, offset)
            return lambda env: value
        if kind == "size":
            name, _, size = token.rpartition(".")
            name = name.strip("'")
            self.values.add(name)
            return lambda env: env[RESOLVER](name, size)
        if kind == "name" and self.token == "(":
            return self._call(token, offset)
        if kind == "name" and self.token == "[":
            return self._element(token, offset, "]")
        if kind == "name" and token not in OPERATORS:
            if token in FUNCTIONS:
                raise ExpressionError(f"{token} is a function", "", f"{token}(…)", offset)
            if token in CONSTANTS or token in KEYWORDS:
                constant = CONSTANTS.get(token, token)
                return lambda env: constant
            self.names.add(token)
            return _named(token)
        if token == "(":
            self._enter()
            inner = self._expression()
            self._depth -= 1
            self._close()
            return inner
        self.kind, self.token, self.offset = kind, token, offset
        raise self._unexpected("a number or a name")

    def _call(self, name: str, offset: int) -> Run:
        if name in LATER_FUNCTIONS:
            return self._later_function(name, offset)
        if name not in FUNCTIONS:
            return self._element(name, offset, ")")
        self._enter()
        self._advance()
        arguments: list[Run] = []
        while self.token != ")":
            arguments.append(self._expression())
            if self.token != ",":
                break
            self._advance()
        self._close()
        self._depth -= 1
        least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            takes = f"{least} argument" + ("s" if least != 1 else "") + (" or more" if most > least else "")
            raise ExpressionError(f"{name} takes {takes}", f"{len(arguments)} given", "", offset)

        def call(env: Env) -> Any:
            values = [numeric(argument(env), name, offset) for argument in arguments]
            try:
                return checked(apply(name, values), offset)
            except ValueError as error:
                message, _, found = str(error).partition(": ")
                raise ExpressionError(message, found, "", offset) from None

        return call

    def _index(self, end: str) -> Run:
        """Read what stands between a parenthesis or bracket and its end."""
        self._enter()
        self._advance()
        index = self._expression()
        if self.token != end:
            raise self._unexpected(repr(end))
        self._advance()
        self._depth -= 1
        return index

    def _element(self, name: str, offset: int, end: str) -> Run:
        """Read an element of a list: `widths(i)`, or `widths[i]`."""
        index = self._index(end)
        self.names.add(name)
        self.lists.add(name)
        given = _named(name)
        return lambda env: _element_of(name, given(env), index(env), offset)

    def _later_function(self, name: str, offset: int) -> Run:
        argument = self._index(")")

        def call(env: Env) -> Any:
            given = argument(env)
            if name in env:  # a list of the file
                return _element_of(name, env[name], given, offset)
            if name == "in_size":
                if type(given) is not int:
                    raise ExpressionError("in_size takes the number of an axis", f"found {shown(given)}", "", offset)
                return env[RESOLVER]("", given)
            if not isinstance(given, list):
                raise ExpressionError("len takes a list", f"found {shown(given)}", "", offset)
            return len(given)

        if name == "in_size":
            self.names.add("in_channels")  # known in the same places
        return call

    def _close(self) -> None:
        if self.token != ")":
            raise self._unexpected("')'")
        self._advance()

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ExpressionError(f"an expression nests at most {_DEEPEST} deep", "", "", self.offset)


def is_number(text: str) -> bool:
    """Return whether a text is a number as specs have it, such as 32, 1_000, 0.75 or 1e6, without a sign."""
    if text.isdecimal() and text.isascii() and text[0] != "0":  # most are; the pattern takes time to compile
        return True
    return re.fullmatch(_NUMBER, text) is not None


def _number_help(number: str) -> str:
    if re.fullmatch(r"0\d+", number):
        return f"without leading zeros: {number.lstrip('0') or '0'}"
    if number[-1:] in "kMGT" and is_number(number[:-1]):
        return "k, M, G and T are for budgets: write 1e3, 1e6, 1e9, 1e12"
    return "numbers look like 32, 1_000, 0.75 or 1e6"


def _number(token: str, offset: int) -> Any:
    _, _, exponent = token.lower().partition("e")
    if len(token) > 80 or (exponent and abs(int(exponent)) > 80):
        raise ExpressionError("a number is astronomically large or small", "", "", offset)
    return plain(Fraction(token.replace("_", "")))


def _element_of(name: str, values: Any, index: Any, offset: int) -> Any:
    """Return an element of a list, counted from 0."""
    if not isinstance(values, list):
        raise ExpressionError(f"{name} is no list", f"found {shown(values)}", f"{name}(…) is an element of one", offset)
    if not values:
        raise ExpressionError(f"{name} has no elements", "an empty list", "", offset)
    if type(index) is not int or not 0 <= index < len(values):
        found = f"found {shown(index)}"
        raise ExpressionError(f"{name} has elements 0 to {len(values) - 1}", found, "elements count from 0", offset)
    return values[index]


def _named(name: str) -> Run:
    if name in IN_SIZES:
        return lambda env: env[name] if name in env else env[RESOLVER]("", name.removeprefix("in_"))

    def look_up(env: Env) -> Any:
        value = env[name]
        if value.__class__ is Missing:
            raise Unknown(value.symbol)
        return value

    return look_up
