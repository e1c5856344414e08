"""Items as the text of a spec: names from the file, norms and activations written with their layer."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from convcost.importers.items import Mapped, MappedItem
from convcost.layers.base import REGISTRY, Activation, Norm
from convcost.layers.layout import layout_of
from convcost.network.graph import FLOAT32, INPUT, Network, Tensor, Widths
from convcost.network.widths import bias_width

_PLAIN = re.compile(r"[A-Za-z][\w.-]*")
_YAML_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "none"))
_UNFIT = re.compile(r"[^\w.-]+")
_INPUT = "input"
_TAKEN = frozenset((_INPUT, "previous", "_"))


class _Row(Struct):
    """One item of the text, with the norm and the activation that are written with it.

    Attributes:
        item: The layer.
        norm: Its norm.
        activation: Its activation.
    """

    item: MappedItem
    norm: MappedItem | None = None
    activation: MappedItem | None = None

    @property
    def items(self) -> list[MappedItem]:
        """The layers in their order."""
        return [each for each in (self.item, self.norm, self.activation) if each is not None]

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """What the last of them gives."""
        return self.items[-1].outputs


class WrittenSpec(Struct, frozen=True):
    """The text of a spec, and the items in the order of its network's layers."""

    text: str
    items: tuple[MappedItem, ...]


def write(
    mapped: Mapped, name: str, comments: Sequence[str], symbols: Mapping[str, Mapping[int, str]], flat: bool
) -> WrittenSpec:
    """Return a model as the text of a spec.

    Args:
        mapped: The model.
        name: What it is called.
        comments: Lines for the top.
        symbols: The symbols by which the inputs' open axes go: for each input the axes that have one.
        flat: Whether every layer is an item of its own.
    """
    return _Writer(mapped, symbols, flat).text(name, [*comments, *mapped.notes])


class _Writer:
    def __init__(self, mapped: Mapped, symbols: Mapping[str, Any], flat: bool) -> None:
        self.mapped = mapped
        self.symbols = symbols
        self.reads = Counter(_key(tensor) for item in mapped.items for tensor in item.inputs)
        self.reads.update(_key(tensor) for tensor in mapped.outputs)
        self.shared = {id(item.shares) for item in mapped.items if item.shares is not None}
        self.rows = [_Row(item) for item in mapped.items] if flat else self._joined()
        self.names: dict[tuple[int, int], str] = {}  # of values, by what gives them
        self.rows_of = {id(item): row for row in self.rows for item in row.items}
        self.widths = _most_common(mapped.items)

    def text(self, name: str, comments: Sequence[str]) -> WrittenSpec:
        body = self._layers()
        lines = [f"# {_one_line(comment)}" for comment in comments]
        lines += [f"name: {_json(name)}", *_dtype(self.widths, FLOAT32), "", *self._inputs()]
        outputs = self._outputs()
        lines += [f"outputs: [{', '.join(map(quoted, outputs))}]"] if outputs else []
        items = tuple([item for row in self.rows for item in row.items])
        return WrittenSpec("\n".join([*lines, "", "layers:", *body, ""]), items)

    def _joined(self) -> list[_Row]:
        """Return the items with norms and activations joined to the layer that alone they read."""
        rows: list[_Row] = []
        last: dict[tuple[int, int], _Row] = {}  # rows that may take more, by what they give
        for item in self.mapped.items:
            row = last.get(_key(item.inputs[0])) if len(item.inputs) == 1 else None
            if row is not None and self.reads[_key(item.inputs[0])] == 1 and _joins(row, item):
                if issubclass(REGISTRY[item.type], Norm):
                    row.norm = item
                else:
                    row.activation = item
            else:
                row = _Row(item)
                rows.append(row)
                if not REGISTRY[item.type].weights or item.shares is not None or id(item) in self.shared:
                    continue
            last[_key(item.outputs[0])] = row
        return rows

    def _layers(self) -> list[str]:
        self._choose_names()
        lines: list[str] = []
        previous: Tensor | None = next(iter(self.mapped.inputs.values())) if len(self.mapped.inputs) == 1 else None
        for row in self.rows:
            lines += self._row(row, previous)
            previous = row.outputs[0] if len(row.outputs) == 1 else None
        return lines

    def _choose_names(self) -> None:
        names = list(self.mapped.inputs)
        for number in range(len(names)):
            self.names[INPUT, number] = _INPUT if len(names) == 1 else _fit(names[number])
        taken = {*_TAKEN, *self.names.values()}
        counts: Counter[str] = Counter()
        for number, row in enumerate(self.rows):
            wanted = _fit(row.item.name) or f"{row.item.type}_{number + 1}"
            for at, tensor in enumerate(row.outputs):
                if len(row.outputs) > 1 and not self.reads[_key(tensor)]:
                    self.names[_key(tensor)] = "_"
                    continue
                part = wanted if len(row.outputs) == 1 else f"{wanted}.{at}"
                name = part if part not in taken else f"{part}.{row.item.type}"
                while name in taken:
                    counts[part] += 1
                    name = f"{part}.{row.item.type}_{counts[part] + 1}"
                taken.add(name)
                self.names[_key(tensor)] = name

    def _row(self, row: _Row, previous: Tensor | None) -> list[str]:
        fields = dict(row.item.fields)
        if row.norm is not None:
            fields["norm"] = {row.norm.type: row.norm.fields} if row.norm.fields else row.norm.type
        if row.activation is not None:
            activation = row.activation
            fields["activation"] = {activation.type: activation.fields} if activation.fields else activation.type
        more = self._more(row, previous)
        head = row.item.type
        if fields:
            head += f": {flow(fields)}"
        elif more:
            head += ":"
        return [f"  - {head}", *more]

    def _more(self, row: _Row, previous: Tensor | None) -> list[str]:
        """Return the lines below an item: what it reads, its name, and whose weights it uses."""
        item, lines = row.item, []
        plain = [_key(previous)] if previous is not None else []
        if item.inputs and [_key(tensor) for tensor in item.inputs] != plain:
            names = [quoted(self.names[_key(tensor)]) for tensor in item.inputs]
            lines.append(f"    from: {names[0]}" if len(names) == 1 else f"    from: [{', '.join(names)}]")
        widths = item.widths
        if not item.has_weights:  # the types of weights that it has not
            given = widths.activations
            same = given == self.widths.activations
            widths = self.widths if same else Widths(given, given, bias_width(given))
        lines += [f"    {line}" for line in _dtype(widths, self.widths)]
        if item.shares is not None:
            first = self.rows_of[id(item.shares)]
            lines.append(f"    weights: {quoted(self.names[_key(first.outputs[0])])}")
        if not item.trainable:
            lines.append("    trainable: false")
        if len(row.outputs) > 1:
            lines.append(f"    name: [{', '.join(quoted(self.names[_key(tensor)]) for tensor in row.outputs)}]")
        elif self._is_named(row):
            lines.append(f"    name: {quoted(self.names[_key(row.outputs[0])])}")
        return lines

    def _is_named(self, row: _Row) -> bool:
        return bool(row.item.name) or self._is_read_elsewhere(row)

    def _is_read_elsewhere(self, row: _Row) -> bool:
        """Return whether an item behind the next reads what a row gives, or the next beside others."""
        key = _key(row.outputs[0])
        if self.mapped.outputs and self._outputs_named and key in {_key(each) for each in self.mapped.outputs}:
            return True
        if id(row.item) in self.shared:
            return True
        return key in self._from

    @property
    def _outputs_named(self) -> bool:
        return bool(self._outputs())

    @property
    def _from(self) -> set[tuple[int, int]]:
        """The values that `from` names."""
        if not hasattr(self, "_named"):
            named: set[tuple[int, int]] = set()
            previous: Tensor | None = None
            for row in self.rows:
                keys = [_key(tensor) for tensor in row.item.inputs]
                if keys != ([_key(previous)] if previous is not None else []):
                    named.update(keys)
                previous = row.outputs[0] if len(row.outputs) == 1 else None
            self._named = named
        return self._named

    def _inputs(self) -> list[str]:
        if len(self.mapped.inputs) == 1:
            ((name, tensor),) = self.mapped.inputs.items()
            return [*self._symbols(), f"input: {self._sizes(name, tensor)}"]
        lines = [*self._symbols(), "inputs:"]
        for number, (name, tensor) in enumerate(self.mapped.inputs.items()):
            lines.append(f"  {quoted(self.names[INPUT, number])}: {self._sizes(name, tensor)}")
        return lines

    def _symbols(self) -> list[str]:
        names = dict.fromkeys(symbol for axes in self.symbols.values() for symbol in axes.values())
        return ["symbols:", *(f"  {name}:" for name in names), ""] if names else []

    def _sizes(self, name: str, tensor: Tensor) -> str:
        axes = self.symbols.get(name, {})
        sizes = f"[{', '.join(str(axes.get(axis, size)) for axis, size in enumerate(tensor.shape))}]"
        more = "" if tensor.layout == layout_of(tensor.shape) else f", layout: {tensor.layout.replace(' ', '_')}"
        more += "" if tensor.width == self.widths.activations else f", dtype: {tensor.width}"
        return f"{{shape: {sizes}{more}}}" if more else sizes

    def _outputs(self) -> list[str]:
        """Return the names of the outputs, where they are not simply what nothing reads."""
        if not hasattr(self, "_output_names"):
            wanted = list(dict.fromkeys(_key(tensor) for tensor in self.mapped.outputs))
            read = {_key(tensor) for item in self.mapped.items for tensor in item.inputs}
            unread = [_key(tensor) for row in self.rows for tensor in row.outputs if _key(tensor) not in read]
            self._output_names = [] if wanted == unread else [self.names[key] for key in wanted]
        return self._output_names


def _most_common(items: Sequence[MappedItem]) -> Widths:
    """Return the types of numbers that most layers have, of those with weights where there are any."""
    counts = Counter(item.widths for item in items if item.has_weights) or Counter(item.widths for item in items)
    return max(counts, key=counts.__getitem__)


def _dtype(widths: Widths, usual: Widths) -> list[str]:
    """Return the line that says the types of numbers; none where they are the usual ones."""
    if widths == usual:
        return []
    if widths == Widths(widths.weights, widths.weights, bias_width(widths.weights)):
        return [f"dtype: {widths.weights}"]
    given = {"weights": widths.weights, "activations": widths.activations, "biases": widths.biases}
    return [f"dtype: {{{', '.join(f'{name}: {width}' for name, width in given.items() if width != 'float32')}}}"]


def _joins(row: _Row, item: MappedItem) -> bool:
    type = REGISTRY[item.type]
    if item.alone or item.widths.activations != row.item.widths.activations:
        return False
    if issubclass(type, Norm):
        return row.norm is None and row.activation is None
    return issubclass(type, Activation) and row.activation is None


def _key(tensor: Tensor) -> tuple[int, int]:
    return tensor.producer, tensor.output


def _fit(name: str) -> str:
    """Return a name that `from` can have."""
    return _UNFIT.sub("_", name)[:100].strip("_.")


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def quoted(name: str) -> str:
    """Return a name as YAML has it.

    >>> quoted("layer1.0.conv1"), quoted("0.1"), quoted("yes")
    ('layer1.0.conv1', '"0.1"', '"yes"')
    """
    return name if _PLAIN.fullmatch(name) and name.lower() not in _YAML_WORDS else _json(name)


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())


def flow(value: Any) -> str:
    """Return a field's value in YAML's flow style.

    >>> flow({"padding": [[0, 1], [0, 1]], "bias": False, "activation": {"leaky_relu": {"negative_slope": 0.1}}})
    '{padding: [[0, 1], [0, 1]], bias: false, activation: {leaky_relu: {negative_slope: 0.1}}}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {flow(each)}" for name, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


def difference(text: WrittenSpec, mapped: Mapped, network: Network) -> str:
    """Return how a network that was read from the text differs from the model; nothing where it does not.

    Args:
        text: The text.
        mapped: The model.
        network: The network that the text gives.
    """
    inputs = [(tensor.shape, tensor.layout, tensor.width) for tensor in network.inputs]
    if inputs != [(tensor.shape, tensor.layout, tensor.width) for tensor in mapped.inputs.values()]:
        return "its inputs"
    if len(network.layers) != len(text.items):
        return f"{len(network.layers)} layers instead of {len(text.items)}"
    places = {_key(item.outputs[0])[0]: place for place, item in enumerate(text.items)}
    names = {id(item): layer.name for item, layer in zip(text.items, network.layers, strict=True)}
    for item, layer in zip(text.items, network.layers, strict=True):
        reads = [(places.get(tensor.producer, INPUT), tensor.output) for tensor in item.inputs]
        same = (
            layer.definition == REGISTRY[item.type].read(item.fields, item.inputs)
            and reads == [_key(tensor) for tensor in layer.inputs]
            and [tensor.shape for tensor in item.outputs] == [tensor.shape for tensor in layer.outputs]
            and layer.trainable == item.trainable
            and layer.shares == (names[id(item.shares)] if item.shares is not None else "")
            and layer.widths.activations == item.widths.activations
            and (layer.widths == item.widths or not item.has_weights)
        )
        if not same:
            return layer.name
    outputs = [(places.get(tensor.producer, INPUT), tensor.output) for tensor in mapped.outputs]
    return "" if [_key(each) for each in network.outputs] == list(dict.fromkeys(outputs)) else "its outputs"
