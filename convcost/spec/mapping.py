"""A mapping that a program gives, as the tree of a spec, laid out as a file would be: errors show their place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as AnyMapping
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import Any

from convcost.errors import ErrorDetail, SpecError
from convcost.numbers import plain
from convcost.spec.source import Source
from convcost.spec.tree import DEEPEST, Mapping, Node, Scalar, Sequence

_PLAIN = re.compile(r"[\w.(][\w .+*/()<=-]*(?<! )")  # texts that need no quotes in YAML


class Layout:
    """Lays values out line by line: a mapping with an entry a line, a list of scalars on one line.

    Attributes:
        lines: The lines of the text so far.
    """

    def __init__(self) -> None:
        self.lines: list[str] = [""]

    def value(self, value: Any, indent: int, *, opened: bool) -> Node:
        """Write a value at the end of the last line, or below it, and return its node.

        Args:
            value: The value.
            indent: How far lines below are indented.
            opened: Whether the line has only the dash of a list's item, so that a mapping may begin on it.

        Raises:
            SpecError: It is nothing that a spec can hold.
        """
        if indent > 4 * DEEPEST:
            raise _refused("it holds itself, or nests too deep")
        value = plain(value)
        if isinstance(value, AnyMapping):
            return self._mapping(value, indent, opened=opened)
        if isinstance(value, (list, tuple)):
            if any(isinstance(item, (AnyMapping, list, tuple)) for item in value):
                return self._block(value, indent)
            return self._flow(value)
        return self._scalar(value)

    def _mapping(self, mapping: AnyMapping[Any, Any], indent: int, *, opened: bool) -> Node:
        if not mapping:
            node = Mapping({}, *self._here())
            self.lines[-1] += "{}"
            return node
        entries: dict[str, tuple[Scalar, Node]] = {}
        start: tuple[int, int] | None = None
        for key, value in mapping.items():
            if not opened:
                self.lines.append(" " * indent)
            opened = False
            start = start or self._here()
            name = self._scalar(key)
            self.lines[-1] += ": "
            entries[name.text] = (name, self.value(value, indent + 2, opened=False))
        assert start is not None
        return Mapping(entries, *start)

    def _block(self, items: list[Any] | tuple[Any, ...], indent: int) -> Node:
        nodes: list[Node] = []
        start: tuple[int, int] | None = None
        for item in items:
            self.lines.append(" " * indent)
            start = start or self._here()
            self.lines[-1] += "- "
            nodes.append(self.value(item, indent + 2, opened=True))
        assert start is not None
        return Sequence(nodes, *start)

    def _flow(self, items: list[Any] | tuple[Any, ...]) -> Node:
        node = Sequence([], *self._here())
        self.lines[-1] += "["
        for item in items:
            self.lines[-1] += ", " if node.items else ""
            node.items.append(self._scalar(item))
        self.lines[-1] += "]"
        return node

    def _scalar(self, value: Any) -> Scalar:
        text = text_of(value)
        scalar = Scalar(text, *self._here())
        self.lines[-1] += text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
        return scalar

    def _here(self) -> tuple[int, int]:
        return len(self.lines) - 1, len(self.lines[-1])


def from_mapping(mapping: AnyMapping[str, Any]) -> Source:
    """Return a mapping as the spec it stands for.

    Raises:
        SpecError: The mapping holds something that no spec can.
    """
    return Source("<mapping>", *lay_out(mapping))


def lay_out(mapping: AnyMapping[str, Any]) -> tuple[str, Node]:
    """Return the text of a spec that is given as a mapping, and its tree.

    Args:
        mapping: Dicts, lists, tuples, texts, numbers, truth values and None, within each other.

    Raises:
        SpecError: The mapping holds something that no spec can.
    """
    layout = Layout()
    try:
        root = layout.value(mapping, 0, opened=True)
    except RecursionError:
        raise _refused("it holds itself, or nests too deep") from None
    text = "\n".join([line.rstrip() for line in layout.lines]) + "\n"
    try:
        text.encode()
    except UnicodeError:
        raise _refused("a text that is not Unicode") from None
    return text, root


def text_of(value: Any) -> str:
    """Return the text that a spec has for a value: a float as its shortest decimal, a number of NumPy as its own.

    Raises:
        SpecError: No spec can hold the value.
    """
    value = plain(value)
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        try:
            return str(value)
        except ValueError:
            raise _refused("an astronomically large number") from None
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, (float, Decimal)) and isfinite(value):
        return str(value)
    raise _refused(str(value) if isinstance(value, (float, Decimal)) else type(value).__name__)


def _refused(found: str) -> SpecError:
    help = "it may hold dicts, lists, strings, numbers, bools, None"
    return SpecError(ErrorDetail("the mapping is not a spec", found=found, help=help))
