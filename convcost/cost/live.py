"""What a page's script computes an analysis from: formulas of each row, and the conditions under which they hold."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from convcost import metrics
from convcost.cost import free as free_symbols
from convcost.cost import rows
from convcost.cost.analysis import Analysis, LayerCost
from convcost.cost.headline import FIGURES, totals_of_page
from convcost.cost.labels import label
from convcost.errors import ConvcostError
from convcost.html.controls import MOST_LAYERS, NetworkSource, changeable, stops, variants
from convcost.html.program import ProgramBuilder, text
from convcost.metrics import METRICS
from convcost.network import Free, Network
from convcost.ops import KINDS
from convcost.reports.table import safe, sized, tree

_FORMATS = {
    "Type": "text",
    "Output": "text",
    "Share": "bar",
    "%": "share",
    "Ratio": "ratio",
    "1/N + 1/Dk²": "text",
    "Notes": "notes",
}
"""How the script writes the cells of columns that are no metrics."""


def live_data(analysis: Analysis, source: NetworkSource, columns: Sequence[str]) -> dict[str, Any] | None:
    """Return what the script computes an analysis from; None where it has no symbol that could be changed.

    Args:
        analysis: The analysis, all symbols with values.
        source: What its network was made of.
        columns: The titles of the table's columns.
    """
    network = analysis.network
    if not network.symbols or len(network.layers) > MOST_LAYERS or analysis.incomplete:
        return None
    symbols = changeable(network, source.build)
    found: dict[Any, Analysis] = {}
    for point, each in variants(symbols, source.build).items():
        try:
            found[point] = Analysis.of(each, batch=analysis.batch, fold=analysis.fold)
        except ConvcostError:  # a formula is too large
            continue
    if not found or not (symbols.free or len(found) > 1):
        return None
    try:
        return _Writer(analysis, source.name, list(symbols.free), columns).data(symbols.chosen, found)
    except ConvcostError:
        return None


class _Writer:
    """Writes the variants of an analysis; rows and formulas that they share are written once."""

    def __init__(self, analysis: Analysis, spec: str, names: Sequence[str], columns: Sequence[str]) -> None:
        self.analysis = analysis
        self.spec = spec
        self.columns = columns[1:]
        self.program = ProgramBuilder(names)
        self.metrics = [
            *dict.fromkeys(
                chain(
                    (name for name, _ in totals_of_page(analysis)),
                    FIGURES,
                    (f"ops_{kind}" for kind in KINDS if kind != "mul"),
                )
            )
        ]
        self._rows: dict[bytes, int] = {}
        self._types: dict[str, int] = {}

    def data(self, chosen: Mapping[str, Any], found: Mapping[Any, Analysis]) -> dict[str, Any]:
        """Return the data.

        Args:
            chosen: The symbols that choose a variant, with their values at first.
            found: The variants by the values of these.
        """
        variants = {_key(point): self._variant(each) for point, each in found.items()}
        first = next(iter(found.values())).network.free
        names = self.program.names
        values = [dict.fromkeys(point[place] for point in found) for place in range(len(chosen))]
        return {
            "symbols": [_symbol(first, name) for name in names] if first is not None else [],
            "choices": [
                {"name": name, "values": [*map(_text, sorted(each))], "value": _text(chosen[name])}
                for name, each in zip(chosen, values, strict=True)
            ],
            "metrics": [self._metric(name) for name in self.metrics],
            "columns": [self._column(title) for title in self.columns],
            "figures": [[self.metrics.index(name), METRICS[name].unit] for name in FIGURES],
            "totals": [self.metrics.index(name) for name, _ in totals_of_page(self.analysis)],
            "kinds": [[kind, self.metrics.index(f"ops_{kind}")] for kind in KINDS if kind != "mul"],
            "types": [*self._types],
            "rows": [msgspec.Raw(row) for row in self._rows],
            "bars": self._bars(),
            "variants": variants,
            "program": self.program.data(),
            "limits": [[limit.metric, limit.text] for limit in self.analysis.network.limits],
            "command": f"convcost analyze {shlex.quote(safe(self.spec))}",
        }

    def _bars(self) -> list[list[Any]]:
        """Return the rows of the chart of costs: each with the numbers of its layers."""
        shown = rows.fitted(self.analysis)
        return [[layer.name, *part] for layer, part in zip(shown.layers, shown.parts, strict=True)]

    def _metric(self, name: str) -> list[str]:
        metric = METRICS[name]
        return [name, metrics.words(name), "max" if metric.total is metrics.PEAK else "sum", metric.unit]

    def _column(self, title: str) -> list[Any]:
        """Return how the script writes a column: its format, and the metric of a number."""
        if title in _FORMATS:
            return [_FORMATS[title]]
        return ["number", self.metrics.index(title.lower().replace(" ", "_"))]

    def _variant(self, analysis: Analysis) -> dict[str, Any]:
        """Return an analysis: its rows, and where its formulas hold."""
        values = [analysis.values(name) for name in self.metrics]
        of_layers = zip(*values, strict=True)
        numbers = []
        for name, layer in tree(analysis.layers):
            heading: list[Any] = [name.lstrip(), _level(name), "h"]
            numbers.append(self._numbered(heading if layer is None else self._row(name, layer, next(of_layers))))
        network = analysis.network
        return {"rows": numbers, "line": text(self._facts(network)), **self._held(network.free)}

    def _numbered(self, row: list[Any]) -> int:
        return self._rows.setdefault(msgspec.json.encode(row), len(self._rows))

    def _row(self, name: str, layer: LayerCost, values: Sequence[Any]) -> list[Any]:
        """Return a row: its label, its level, its class, its type, its metrics, and its cells that are no metrics."""
        type = self._types.setdefault(layer.type, len(self._types))
        cells = [self._cell(title, layer) for title in self.columns if title in _FORMATS]
        numbers = [self.program.number(value) for value in values]
        return [name.lstrip(), _level(name), "", type, numbers, cells]

    def _cell(self, title: str, layer: LayerCost) -> Any:
        program = self.program
        if title == "Type":
            return text(label(_shown(layer, program)))
        if title == "Output":
            return text(sized(program.shown(layer.output_shape)))
        if title == "Notes":
            return ["folded" if note.startswith("folded into ") else safe(note) for note in layer.notes]
        if layer.ratio is None or title not in ("Ratio", "1/N + 1/Dk²"):
            return None
        ratio = layer.ratio
        if title == "Ratio":
            return ["→ " if ratio.kind == "standard" else "", program.number(ratio.exact)]
        tops = program.shown([ratio.multiplier])
        under = program.shown([ratio.multiplier / ratio.depthwise, ratio.multiplier / ratio.pointwise])
        return text(f"{tops[0]}/{under[0]} + {tops[0]}/{under[1]}")

    def _facts(self, network: Network) -> str:
        """Return the line of the network's inputs and symbols, as `titles.facts` has it."""
        program, free = self.program, network.free
        values: dict[str, Any] = {**network.symbols}
        if free is not None:
            values |= free.symbols
        order = [name for name in self.analysis.network.symbols if name in values]
        shapes = [sized(program.shown(tensor.shape)) for tensor in network.inputs]
        inputs = f"input {shapes[0]}" if len(shapes) == 1 else f"inputs {', '.join(shapes)}"
        symbols = [f"{name} = {program.shown([values[name]])[0]}" for name in order]
        return " · ".join([inputs, *symbols])

    def _held(self, free: Free | None) -> dict[str, Any]:
        """Return the facts of the symbols and the conditions."""
        if free is None:
            return {"facts": [], "conditions": []}
        named = dict(zip(free.symbols, free_symbols.facts(free), strict=True))
        facts = [
            self.program.condition(fact, f"{name} to be {named[name].removeprefix(name).strip()}")
            for name, symbol in free.symbols.items()
            for fact in symbol.facts
        ]
        return {"facts": facts, "conditions": [self.program.condition(each) for each in free.conditions]}


def _shown(layer: LayerCost, program: ProgramBuilder) -> Any:
    """Return a layer whose fields that are formulas are marks in texts."""
    fields = {
        name: program.shown(value) if isinstance(value, tuple) else program.shown([value])[0]
        for name, value in layer.fields.items()
        if name in ("kernel_size", "stride", "dilation", "groups", "operator")
    }
    shapes = tuple([program.shown(shape) for shape in layer.input_shapes])
    return _Shown(layer.type, fields, shapes, layer.output_shape)


class _Shown(msgspec.Struct, frozen=True):
    type: str
    fields: dict[str, Any]
    input_shapes: tuple[Any, ...]
    output_shape: tuple[Any, ...]


def _symbol(free: Free, name: str) -> dict[str, Any]:
    facts = dict(zip(free.symbols, free_symbols.facts(free), strict=True))
    return {
        "name": name,
        "value": str(free.witness[name]),
        "stops": [*map(str, stops(free, name))],
        "about": facts[name].removeprefix(name).strip(),
    }


def _level(label: str) -> int:
    return (len(label) - len(label.lstrip(" "))) // 2


def _key(point: tuple[Any, ...]) -> str:
    """Return the values of the symbols that are chosen as the script joins them."""
    return "|".join(map(_text, point))


def _text(value: Any) -> str:
    return str(value).lower() if type(value) is bool else str(value)
