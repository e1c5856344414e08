"""YAML text to a network; the only place that knows YAML."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from convcost.errors import Fault, OptionError, nearest
from convcost.network import Network
from convcost.spec import expand, expressions, reading, tree
from convcost.spec.arithmetic import ExpressionFault, shown
from convcost.spec.document import INVALID, Document, Given, Symbol
from convcost.spec.expressions import Formula, Missing
from convcost.spec.faults import Faults, TooManyFaults
from convcost.spec.source import Source

__all__ = ["Source", "load"]


def load(source: Source, settings: Mapping[str, Any]) -> Network:
    """Return the network that a spec describes.

    Args:
        source: The spec's text.
        settings: Values for its symbols instead of their defaults: numbers, or expressions as text.

    Raises:
        SpecError: The spec has faults; all of them are told.
        OptionError: A setting names no symbol, or its value cannot be read or breaks `multiple_of`.
    """
    faults = Faults(source)
    with _collector_off():
        try:
            root = tree.parse(faults)
            if root is None:
                faults.tell()
            read = reading.read(root, faults)
            if read is not None:
                symbols = _symbols(read, settings, faults)
                network = expand.expand(read, symbols, faults)
        except TooManyFaults:
            pass
        faults.tell()
    return network


@contextmanager
def _collector_off() -> Iterator[None]:
    """Keep the cycle collector from walking the growing tree, which holds no cycles: half of the time of parsing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _symbols(read: Document, settings: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Return the value of each symbol: what is set, else its default; `Missing` for one without."""
    wrong = [_unknown_setting(name, read, faults) for name in settings if name not in read.symbols]
    values: dict[str, Any] = {}
    for name, symbol in read.symbols.items():
        multiple = _constant(symbol.multiple_of, values, faults, name) if symbol.multiple_of else None
        if multiple is not None and (not isinstance(multiple, (int, Fraction)) or multiple <= 0):
            assert symbol.multiple_of is not None
            faults.add(
                "multiple_of is a number greater than 0",
                symbol.multiple_of.at,
                path=f"symbols.{name}",
                found=f"found {shown(multiple)}",
            )
            multiple = None
        if name in settings:
            value = _setting(name, settings[name], wrong)
            if fault := _breaks(value, multiple):
                wrong.append(Fault(f"{name} must be {fault[0]}", found=f"--set {name}={settings[name]}", help=fault[1]))
        elif symbol.value is None:
            value = Missing(name)
        else:
            value = _constant(symbol.value, values, faults, name)
            if fault := _breaks(value, multiple):
                found = f"found {shown(value)}"
                faults.add(
                    f"{name} must be {fault[0]}", symbol.value.at, path=f"symbols.{name}", found=found, help=fault[1]
                )
            value = Missing() if value is None else value
        values[name] = value
    if wrong:
        raise OptionError(wrong)
    return values


def _constant(given: Given, values: Mapping[str, Any], faults: Faults, name: str) -> Any:
    value = given.value
    if isinstance(value, Formula):
        try:
            value = value.value(values)
        except ExpressionFault as fault:
            faults.add(fault.message, given.at, path=f"symbols.{name}", found=fault.found, help=fault.help)
            return None
        except expressions.Unknown as unknown:
            faults.add(
                f"the default of {name!r} needs {unknown.symbol!r}, which has no value",
                given.at,
                path=f"symbols.{name}",
                help=f"--set {unknown.symbol}=…",
            )
            return None
    if value is INVALID:
        return None
    if isinstance(value, list):
        faults.add("a symbol is one value", given.at, path=f"symbols.{name}", found="a list")
        return None
    return value


def _setting(name: str, text: Any, wrong: list[Fault]) -> Any:
    """Return the value that `--set` gives a symbol."""
    try:
        value = expressions.read(shown(text) if isinstance(text, bool) else str(text).strip())
    except ExpressionFault as fault:
        wrong.append(Fault(fault.message, found=f"--set {name}={text}", help=fault.help))
        return None
    except ValueError:  # an int of more digits than Python prints
        wrong.append(Fault("a number is astronomically large or small", found=f"--set {name}=…"))
        return None
    if isinstance(value, Formula):
        names = " and ".join(sorted(value.names))
        wrong.append(Fault(f"the value of {name!r} cannot depend on {names}", found=f"--set {name}={text}"))
        return None
    return value


def _breaks(value: Any, multiple: Any) -> tuple[str, str] | None:
    """Return what `multiple_of` demands and the remedy where the value breaks it."""
    if multiple is None or value is None or isinstance(value, Missing):
        return None
    demand = f"a multiple of {shown(multiple)}"
    if isinstance(value, (bool, str)):
        return demand, ""
    if value % multiple == 0:
        return None
    below = value // multiple * multiple
    return demand, f"{shown(below)} and {shown(below + multiple)} are the nearest"


def _unknown_setting(name: str, read: Document, faults: Faults) -> Fault:
    symbols: dict[str, Symbol] = read.symbols
    return Fault(
        f"--set: {faults.source.file} has no symbol {name!r}",
        help=nearest(name, symbols) if symbols else "it declares no symbols",
    )
