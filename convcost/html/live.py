"""What a page's script computes a report from: formulas of each row, and the conditions under which they hold."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import msgspec
from msgspec import Struct

from convcost.errors import ConvcostError
from convcost.html.controls import MOST_LAYERS, NetworkSource, changeable, stops, variants
from convcost.html.program import ProgramBuilder, text
from convcost.network import Free, Network
from convcost.reports import titles
from convcost.reports.table import safe, sized
from convcost.symbolic import NeedsValueError
from convcost.symbolic.text import facts_text


class LiveMetric(Struct, frozen=True):
    """A number of each row.

    Attributes:
        name: Its name.
        title: Its name in words.
        total: How the numbers of the rows make one: `sum` or `max`.
        unit: What it is counted in, such as `bytes`.
    """

    name: str
    title: str
    total: str = "sum"
    unit: str = ""


class LiveRow(Struct, frozen=True):
    """A row at any values of the free symbols.

    Attributes:
        label: Its label, indented as in the table.
        values: The value of each metric, a number or a formula; None for the heading of a block.
        cells: What the script makes the cells of from that are no metrics.
        type: The type of its layer.
        quiet: Whether it is shown quietly, whatever its numbers are.
        name: The name of its layer, where labels do not give it.
    """

    label: str
    values: Sequence[Any] | None = None
    cells: Sequence[Any] = ()
    type: str = ""
    quiet: bool = False
    name: str = ""


class LiveView(Struct, frozen=True):
    """How a report is computed at other values of its network's symbols.

    Attributes:
        command: The command that computes it, such as `convcost analyze`.
        metrics: The numbers of each row.
        columns: How the script writes each column behind the first: a format of `live.js` and the places of metrics.
        rows: Returns the rows of a network, and numbers of the whole for `figures`.
        figures: The numbers in large type: the place of a metric, −1 for the next number of the whole; a format of
            `live.js`; what that needs.
        more: What the script needs beside.
    """

    command: str
    metrics: Sequence[LiveMetric]
    columns: Sequence[Sequence[Any]]
    rows: Callable[[Network, ProgramBuilder], tuple[Iterable[LiveRow], Sequence[Any]]]
    figures: Sequence[tuple[Any, ...]] = ()
    more: Mapping[str, Any] = {}

    def place(self, name: str) -> int:
        """Return the place of a metric."""
        return [metric.name for metric in self.metrics].index(name)


def live_data(network: Network, source: NetworkSource, view: LiveView, line: str = "") -> dict[str, Any] | None:
    """Return the data from which the script computes a report; None where no symbol could be changed.

    Args:
        network: The network, all symbols with values.
        source: What it was made of.
        view: How the report is computed.
        line: The line of the network's facts, with what the report adds to these.
    """
    if not network.symbols or len(network.layers) > MOST_LAYERS or network.unknown:
        return None
    symbols = changeable(network, source.build)
    writer = _Writer(network, list(symbols.free), view, line.removeprefix(titles.facts(network)))
    for point, each in variants(symbols, source.build).items():
        writer.add(point, each)
    if not writer.variants or not (symbols.free or len(writer.variants) > 1):
        return None
    return writer.data(symbols.chosen, f"{view.command} {shlex.quote(safe(source.name))}")


class _Writer:
    """Writes a report at all values of its network's symbols; what several networks share is written once."""

    def __init__(self, network: Network, names: Sequence[str], view: LiveView, facts: str) -> None:
        self.network = network
        self.facts = facts
        self.view = view
        self.program = ProgramBuilder(names)
        self.variants: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._free: Free | None = None
        self._rows: dict[bytes, int] = {}
        self._types: dict[str, int] = {}

    def add(self, point: tuple[Any, ...], network: Network) -> None:
        """Add the report of a network at values of the symbols that are chosen, unless it needs values of others."""
        free = network.free
        try:
            with free.conditions if free is not None else nullcontext():
                rows, whole = self.view.rows(network, self.program)
                numbers = [self._row(row) for row in rows]
                figures = [*map(self.program.number, whole)]
                line = text(self._facts(network))
        except (ConvcostError, NeedsValueError):  # a formula is too large, or depends on the size of a symbol
            return
        if not self.variants:
            self._free = free
        self.variants[point] = {"rows": numbers, "figures": figures, "line": line, **self._held(free)}

    def data(self, chosen: Mapping[str, Any], command: str) -> dict[str, Any]:
        """Return the data as the script reads it.

        Args:
            chosen: The symbols that choose a network, with their values at first.
            command: The command that computes the report.
        """
        free, view = self._free, self.view
        values = [dict.fromkeys(point[place] for point in self.variants) for place in range(len(chosen))]
        return {
            "symbols": [_symbol(free, name) for name in self.program.names] if free is not None else [],
            "choices": [
                {"name": name, "values": [*map(_text, sorted(each))], "value": _text(chosen[name])}
                for name, each in zip(chosen, values, strict=True)
            ],
            "metrics": [[each.name, each.title, each.total, each.unit] for each in view.metrics],
            "columns": view.columns,
            "figures": view.figures,
            "types": [*self._types],
            "rows": [msgspec.Raw(row) for row in self._rows],
            "variants": {"|".join(map(_text, point)): each for point, each in self.variants.items()},
            "program": self.program.data(),
            "limits": [[limit.metric, limit.text] for limit in self.network.limits],
            "command": command,
            **view.more,
        }

    def _row(self, row: LiveRow) -> int:
        """Return the number of a row: its label, its level, its class, its type, its metrics and its other cells."""
        name = row.label.lstrip(" ")
        written: list[Any] = [name, (len(row.label) - len(name)) // 2]
        if row.values is None:
            written.append("h")
        else:
            type = self._types.setdefault(row.type, len(self._types))
            numbers = [self.program.number(value) for value in row.values]
            written += ["q" if row.quiet else "", type, numbers, row.cells]
            if row.name and row.name.rpartition("/")[2] != name:
                written.append(row.name)
        return self._rows.setdefault(msgspec.json.encode(written), len(self._rows))

    def _facts(self, network: Network) -> str:
        """Return the line of the network's inputs and symbols, as `titles.facts` has it."""
        values: dict[str, Any] = {**network.symbols, **(network.free.symbols if network.free is not None else {})}
        shown = self.program.shown
        shapes = [sized(shown(tensor.shape)) for tensor in network.inputs]
        inputs = f"input {shapes[0]}" if len(shapes) == 1 else f"inputs {', '.join(shapes)}"
        symbols = [f"{name} = {shown([values[name]])[0]}" for name in self.network.symbols]
        return " · ".join([inputs, *symbols]) + self.facts

    def _held(self, free: Free | None) -> dict[str, Any]:
        """Return the facts of the symbols and the conditions."""
        if free is None:
            return {"facts": [], "conditions": []}
        facts = [
            self.program.condition(fact, f"{name} to be {_about(free, name)}")
            for name, symbol in free.symbols.items()
            for fact in symbol.facts
        ]
        return {"facts": facts, "conditions": [self.program.condition(each) for each in free.conditions]}


def _symbol(free: Free, name: str) -> dict[str, Any]:
    """Return a free symbol: its value, the values that its slider goes through, and its facts."""
    value = free.witness[name]
    return {"name": name, "value": str(value), "stops": [*map(str, stops(free, name))], "about": _about(free, name)}


def _about(free: Free, name: str) -> str:
    return facts_text(free.symbols[name].to_dict()["symbols"][name])


def _text(value: Any) -> str:
    return str(value).lower() if type(value) is bool else str(value)
