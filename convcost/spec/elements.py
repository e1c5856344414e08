"""Elements of lists as symbols of their own: `widths(0)` has values of its own in a sweep or a search."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from operator import itemgetter

from msgspec.structs import replace

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.spec.document import Document, Given, Symbol
from convcost.spec.expressions import Expression

_ELEMENT = re.compile(r"\s*(\w+)\s*(?:\(\s*(\d+)\s*\)|\[\s*(\d+)\s*\])\s*", re.ASCII)


def element(name: str) -> tuple[str, int] | None:
    """Return the list and the index that `widths(0)` or `widths[0]` names, None for the name of a symbol.

    >>> element("widths(1)"), element("widths[ 0 ]"), element("alpha")
    (('widths', 1), ('widths', 0), None)
    """
    match = _ELEMENT.fullmatch(name)
    return None if match is None else (match[1], int(match[2] or match[3]))


def name_of(symbol: str, index: int) -> str:
    """Return the name of the symbol that an element becomes."""
    return f"{symbol}({index})"


def check(document: Document, names: Iterable[str], settings: Collection[str]) -> None:
    """Raise `OptionError` where one of these names is no element of a list that the document gives, or the list is set.

    Args:
        document: The document.
        names: The names.
        settings: The names of all symbols that are set.
    """
    wrong = []
    for name in names:
        symbol, index = element(name) or ("", 0)
        if symbol not in document.symbols:
            wrong.append(ErrorDetail(f"--set: there is no list {symbol!r}", help=nearest(symbol, document.symbols)))
            continue
        given = document.symbols[symbol].value
        values = None if given is None else given.value
        if not isinstance(values, list):
            help = f"--set {symbol}=…"
            wrong.append(ErrorDetail(f"{symbol} is no list", found=f"--set {name}=…", help=help))
        elif index >= len(values):
            help = f"{symbol}(0) to {symbol}({len(values) - 1}); indices start at 0"
            wrong.append(ErrorDetail(f"{symbol} has {len(values)} elements", found=f"--set {name}=…", help=help))
        elif symbol in settings:
            help = "leave one of them out"
            wrong.append(ErrorDetail(f"{symbol} and its element {name} are both set", help=help))
    if wrong:
        raise OptionError(wrong)


def with_elements(document: Document, lists: Collection[str]) -> Document:
    """Return a document in which each element of some lists is a symbol, of which the list is made."""
    symbols: dict[str, Symbol] = {}
    for name, symbol in document.symbols.items():
        given = symbol.value
        if name not in lists or given is None:
            symbols[name] = symbol
            continue
        elements = []
        for index, value in enumerate(given.value):
            own = name_of(name, index)
            symbols[own] = Symbol(Given(value, given.at), symbol.multiple_of, symbol.at)
            elements.append(Expression(own, frozenset([own]), itemgetter(own)))
        symbols[name] = Symbol(Given(elements, given.at), None, symbol.at)
    return replace(document, symbols=symbols)
