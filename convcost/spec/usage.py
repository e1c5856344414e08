"""Where a spec reads its symbols, and whether one is nothing but a number of repetitions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction
from math import lcm
from typing import Any

from msgspec import Struct

from convcost.spec.document import Document, Given, Item
from convcost.spec.expressions import Expression
from convcost.spec.tree import Node

_LENGTH = re.compile(r"\s*len\s*\(\s*\w+\s*\)\s*")  # which no element changes


class Use(Struct, frozen=True):
    """A place that reads a name.

    Attributes:
        key: The field, key or parameter whose value it is: `out_channels`, `repeat`, `if`, `input`.
        owner: The layer type or block that has it; empty outside of items.
        expression: The value.
    """

    key: str
    owner: str
    expression: Expression


class NotOnlyRepetitionsError(Exception):
    """A symbol is more than a number of repetitions, or it cannot be shown that more of it are more of these."""


def readers(document: Document, symbol: str) -> list[Use]:
    """Return the places that read a symbol, or a parameter of a block or another symbol that is given by it."""
    passed = _passed_on(document, symbol)
    return [use for use in _uses(document) if use.expression.names & passed and not _passes_on(document, use)]


def repetition_step(document: Document, symbol: str, *, alike: bool = True) -> Fraction:
    """Return a step at whose multiples a symbol changes how often items run, and that is all it changes.

    Each of these numbers is the symbol, or a parameter given by it, times a whole number, rounded down or up, with
    another number added: so it rises with the symbol, and by one at least for each whole step.

    Args:
        document: The spec.
        symbol: The symbol.
        alike: Whether all repetitions must be alike, so that nothing reads which one it is.

    Raises:
        NotOnlyRepetitionsError: It changes something else, or in another way.
    """
    uses = _uses(document)
    known = {*document.symbols, *_parameters(document), "in_channels"}
    passed = _passed_on(document, symbol)
    step = 1
    for use in uses:
        if alike and not use.expression.names - _indices(use.expression) <= known:  # an index of a repetition, say
            raise NotOnlyRepetitionsError(f"{use.key}: {use.expression.text} is another one in each repetition")
        if not use.expression.names & passed or _LENGTH.fullmatch(use.expression.text):
            continue
        if use.key != "repeat" and not _passes_on(document, use):
            raise NotOnlyRepetitionsError(f"it decides about {use.key}: {use.expression.text} too")
        step = lcm(step, _denominator(document, use.expression, passed))
    return Fraction(1, step)


def _denominator(document: Document, expression: Expression, passed: set[str]) -> int:
    """Return the least d at whose multiples of 1/d an expression that rises with a name changes.

    Raises:
        NotOnlyRepetitionsError: It does not rise by one at least for each whole step of the name.
    """
    if expression.text in passed:  # a symbol, or an element that is one
        return 1
    try:
        tree: ast.expr = ast.parse(expression.text.strip(), mode="eval").body
    except SyntaxError:
        raise NotOnlyRepetitionsError(f"{expression.text} may fall where it rises") from None
    factors = [1]
    rounded = False
    while not isinstance(tree, ast.Name) and not _is_element(tree, expression, passed):
        match tree:
            case ast.Call(ast.Name("floor" | "ceil"), [tree]):
                rounded = True
            case ast.BinOp(inner, ast.Add() | ast.Sub(), other) if not _mentions(other, passed):
                tree = inner
            case ast.BinOp(other, ast.Add(), inner) if not _mentions(other, passed):
                tree = inner
            case ast.BinOp(inner, ast.Mult(), other) if whole := _whole_numbers(document, other):
                tree, factors = inner, [factor * each for factor in factors for each in whole]
            case ast.BinOp(other, ast.Mult(), inner) if whole := _whole_numbers(document, other):
                tree, factors = inner, [factor * each for factor in factors for each in whole]
            case _:
                raise NotOnlyRepetitionsError(f"{expression.text} may fall where it rises")
    return lcm(*factors) if rounded else 1


def _is_element(tree: ast.expr, expression: Expression, passed: set[str]) -> bool:
    """Return whether a tree is an element of a list that a symbol is in: it rises as the element does."""
    match tree:
        case ast.Call(ast.Name(name), [index]) | ast.Subscript(ast.Name(name), index):
            return name in expression.lists and name in passed and not _mentions(index, passed)
    return False


def _indices(expression: Expression) -> set[str]:
    """Return the names that only say which element of a list an expression is: `depths(i)`."""
    try:
        tree: ast.expr = ast.parse(expression.text.strip(), mode="eval").body
    except SyntaxError:
        return set()
    match tree:
        case ast.Call(ast.Name(name), [index]) | ast.Subscript(ast.Name(name), index) if name in expression.lists:
            return {node.id for node in ast.walk(index) if isinstance(node, ast.Name)}
    return set()


def _mentions(tree: ast.expr, names: set[str]) -> bool:
    return any(isinstance(node, ast.Name) and node.id in names for node in ast.walk(tree))


def _whole_numbers(document: Document, tree: ast.expr) -> set[int]:
    """Return the values that a factor may have where these are known to be whole and above 0; none otherwise."""
    if isinstance(tree, ast.Constant):
        return {tree.value} if type(tree.value) is int and tree.value > 0 else set()
    if not isinstance(tree, ast.Name) or tree.id in document.symbols:
        return set()
    values = [given.value for key, given in _parameter_values(document) if key == tree.id]
    return set(values) if all(type(value) is int and value > 0 for value in values) else set()


def _parameters(document: Document) -> set[str]:
    return {name for block in document.blocks.values() for name in block.parameters}


def _parameter_values(document: Document) -> Iterator[tuple[str, Given]]:
    for key, owner, given in _givens(document, "", ""):
        if key in _parameters(document) and (owner in document.blocks or not owner):
            yield key, given


def _passes_on(document: Document, use: Use) -> bool:
    """Return whether a use gives its value to a symbol or a parameter, whose readers count instead."""
    block = document.blocks.get(use.owner)
    if block is not None:
        return use.key in block.parameters
    return not use.owner and (use.key in document.symbols or use.key in _parameters(document))


def _passed_on(document: Document, symbol: str) -> set[str]:
    """Return the symbol with all parameters and symbols that are given by it."""
    uses = [use for use in _uses(document) if _passes_on(document, use)]
    names = {symbol}
    while more := {use.key for use in uses if use.expression.names & names} - names:
        names |= more
    return names


def _uses(document: Document) -> list[Use]:
    found = []
    for key, owner, given in _givens(document, "", ""):
        parts = [given.value]
        while parts:
            part = parts.pop()
            if isinstance(part, Expression):
                found.append(Use(key, owner, part))
            elif isinstance(part, list):
                parts += part
    return found


def _givens(part: Any, key: str, owner: str) -> Iterator[tuple[str, str, Given]]:
    """Yield every value that a document gives, with its key and the type of the item around it."""
    if isinstance(part, Given):
        yield key, owner, part
        part = part.value
    if isinstance(part, dict):
        for name, value in part.items():
            yield from _givens(value, name, owner)
    elif isinstance(part, list | tuple):
        for value in part:
            yield from _givens(value, key, owner)
    elif isinstance(part, Struct) and not isinstance(part, Node):
        owner = part.type if isinstance(part, Item) else owner
        for name in part.__struct_fields__:
            inner = {"value": key, "condition": "if", "times": "repeat", "shape": "input"}.get(name, name)
            yield from _givens(getattr(part, name), inner, owner)
