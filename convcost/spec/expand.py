"""The document to a network: values computed, blocks and repetitions unrolled, shapes passed from item to item."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any

from msgspec import Struct

from convcost.layers import REGISTRY, LayerError, LayerType, Shape, shown
from convcost.layers.base import FEATURES
from convcost.layers.fields import CHANNELS, MAX_SIZE
from convcost.layers.layout import VECTOR
from convcost.network import Network, NetworkBuilder, Origin, Tensor
from convcost.spec.arithmetic import ExpressionError
from convcost.spec.arithmetic import shown as shown_value
from convcost.spec.collector import ErrorCollector, Positioned
from convcost.spec.document import INPUT_NAME, INVALID, MOST_SIZES, Document, Given, Item
from convcost.spec.evaluate import WHOLE, Evaluator, Value
from convcost.spec.expressions import Expression, Missing, Unknown
from convcost.spec.fields import FOLLOWERS, lacks, where_to_give
from convcost.spec.limits import DEFAULT_LAYERS, HELP, MOST_LAYERS, watch
from convcost.spec.unknown import UNKNOWN

DEEPEST = 100
_VISITS, _VISITS_PER_LAYER = 100_000, 4  # items looked at before layers must have come of it
_TOLD_EVERY = 2_000  # layers


class TooLarge(Exception):
    """The network has too many layers."""


def expand(
    document: Document,
    symbols: Mapping[str, Any],
    errors: ErrorCollector,
    make: Callable[..., Expander] | None = None,
    max_layers: int = DEFAULT_LAYERS,
) -> Network:
    """Return the network that a document describes, given the values of its symbols.

    Errors are added to `errors`; the network is of use only when there are none.

    Args:
        document: The document.
        symbols: The values of its symbols.
        errors: Where errors go.
        make: Makes the expander, where sizes may be formulas.
        max_layers: How many layers it may have.
    """
    expander = (make or Expander)(document, symbols, errors, max_layers)
    value = expander.input()
    if not document.closed:
        with suppress(TooLarge):
            expander.check_least(document.items)
            expander.run(document.items, Scope({INPUT_NAME: value}), expander.evaluate.symbols, value, ROOT)
    if expander.watch is not None:
        expander.watch(len(expander.builder.layers), True)
    return expander.builder.build(
        file=errors.source.file,
        source=document.source,
        symbols={name: value for name, value in symbols.items() if not isinstance(value, Missing)},
        limits=document.limits,
    )


class Path(Struct, frozen=True, gc=False):
    """Where layers are: the parts of their name, and those that earlier versions gave them.

    `former` is the same object as `parts` while both are equal.
    """

    parts: tuple[str, ...]
    former: tuple[str, ...]

    def to(self, part: str, former: str | None = None) -> Path:
        """Return the path one level deeper; without a former part, it is the same."""
        parts = (*self.parts, part)
        if self.former is self.parts and (former is None or former == part):
            return Path(parts, parts)
        return Path(parts, (*self.former, part if former is None else former))

    def formerly(self, label: str) -> Path:
        """Return the path of what had one more level formerly."""
        return Path(self.parts, (*self.former, label)) if label else self


ROOT = Path((), ())  # both the same object


class Scope:
    """The named values of a list and the lists around it."""

    __slots__ = ("around", "here")

    def __init__(self, here: dict[str, Value] | None = None, around: Scope | None = None) -> None:
        self.here: dict[str, Value] = here or {}
        self.around = around

    def find(self, name: str) -> Value | None:
        """Return the value of a name, None where nothing bears it."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.here:
                return scope.here[name]
            scope = scope.around
        return None


class Expander:
    """Unrolls a document; `builder` holds what came of it."""

    def __init__(self, document: Document, symbols: Mapping[str, Any], errors: ErrorCollector, max_layers: int) -> None:
        self.document = document
        self.blocks = document.blocks
        self.evaluate = Evaluator(document, symbols, errors)
        self.errors = errors
        self.builder = NetworkBuilder(document.name)
        self.max_layers = max_layers
        self.watch = watch()
        self.visits = 0
        self.depth = 0  # lists within each other

    # the flow

    def input(self) -> Value:
        """Return the network's input."""
        given = self.document.input
        try:
            sizes = self.evaluate.value(given, self.evaluate.symbols, "input")
        except Unknown:
            sizes = INVALID
        if sizes is INVALID:
            nodes = getattr(given.at, "items", ())
            known = 1 <= len(nodes) <= MOST_SIZES
            return Value(self.builder.add_input((UNKNOWN,) * (len(nodes) if known else 3)), known)
        known_sizes = []
        for size, node in zip(sizes, getattr(given.at, "items", ()), strict=True):
            if not self.is_input_size(size):
                self.errors.add(
                    "a size of the input is a whole number from 1 to 10**15",
                    node,
                    path="input",
                    found=f"found {shown_value(size)}",
                    help=WHOLE if isinstance(size, Fraction) else "",
                )
                size = UNKNOWN
            known_sizes.append(size)
        return Value(self.builder.add_input(tuple(known_sizes)))

    def is_input_size(self, size: Any) -> bool:
        """Return whether a size can be one of the input."""
        return type(size) is int and 1 <= size <= MAX_SIZE

    def run(self, items: list[Item], scope: Scope, env: dict[str, Any], value: Value, path: Path) -> Value:
        """Run a list's items one after the other and return the last one's output."""
        self.depth += 1
        for item in items:
            if self.depth > DEEPEST:
                self._too_large(item, f"blocks and branches nest deeper than {DEEPEST} levels")
            value = self.item(item, scope, env, value, path)
            if item.name:
                scope.here[item.name] = value
        self.depth -= 1
        return value

    def item(self, item: Item, scope: Scope, env: dict[str, Any], value: Value, path: Path) -> Value:
        """Run an item, as often as it is repeated, and return its last output."""
        self._visit(item)
        if not item.type:
            return value.unranked()
        feeds = [value]
        if item.sources:
            feeds = [found for name in item.sources if (found := scope.find(name)) is not None]
            if len(feeds) < len(item.sources) or (len(feeds) > 1 and not item.merges):
                return value.unranked()  # reported when the file was read
            value = feeds[0]
        times = 1
        if item.condition is not None or item.repeat is not None:
            env["in_channels"] = self._channels(value) if len(feeds) == 1 else Missing("in_channels")
            times = self._times(item, env)
            if times == 0:
                return value
            if times > 1 and len(feeds) > 1:
                self.evaluate.detail(
                    "a merge of named inputs cannot repeat",
                    item,
                    item.repeat.at if item.repeat else item,
                    help="its output is one value: name the inputs inside a block",
                )
                times = 1
        if item.repeat is None:
            return self._once(item, scope, env, feeds, path.to(item.segment, item.former))
        errors = len(self.errors)
        for turn in range(1, times + 1):
            value = self._once(item, scope, env, feeds, path.to(f"{item.segment}.{turn}", f"{item.former}.{turn}"))
            feeds = [value]
            self._visit(item)
            if not value.known or len(self.errors) > errors:  # the other turns would report the same errors
                break
        return value

    def check_least(self, items: list[Item]) -> None:
        """Refuse at once what is sure to unroll into too many layers, whatever cannot be known yet."""
        known: dict[str, int] = {}
        total = 0
        for item in items:
            total += self._least([item], known, 0, frozenset())
            if total > self.max_layers:
                repeat = item.repeat
                found = self.evaluate.described(repeat, self._constant(repeat, frozenset())) if repeat else ""
                self._too_many(item, repeat.at if repeat else item, found)

    def _constant(self, given: Given, hidden: Collection[str]) -> Any:
        """Return a value that depends on no more than symbols with values and is not hidden; None for another."""
        value = given.value
        if value.__class__ is not Expression:
            return value
        symbols = {name: self.evaluate.symbols.get(name) for name in value.names}
        if any(name in hidden or type(each) not in (int, Fraction) for name, each in symbols.items()):
            return None
        try:
            return value.value(symbols)
        except (ExpressionError, Unknown):
            return None

    def _least(self, items: list[Item], known: dict[str, int], depth: int, hidden: Collection[str]) -> int:
        """Return how many layers items unroll into at least; what cannot be known yet counts as none."""
        total = 0
        for item in items:
            times = 1 if item.repeat is None else self._constant(item.repeat, hidden)
            if item.condition is not None or type(times) is not int or depth > DEEPEST:
                continue
            if item.type in self.blocks:
                block = self.blocks[item.type]
                if item.type not in known:
                    known[item.type] = self._least(block.items, known, depth + 1, block.parameters)
                total += times * known[item.type]
            else:
                inner = [self._least(branch.items, known, depth + 1, hidden) for branch in item.branches or ()]
                total += times * (1 + sum(inner))
        return total

    def _visit(self, item: Item) -> None:
        self.visits += 1
        if self.visits > _VISITS + _VISITS_PER_LAYER * len(self.builder.layers):
            self._too_many(item)

    def _times(self, item: Item, env: dict[str, Any]) -> int:
        """Return how often an item runs; 0 leaves it out."""
        if item.condition is not None:
            try:
                holds = self.evaluate.value(item.condition, env, item.where, item)
            except Unknown:
                holds = True
            if holds is not INVALID and not isinstance(holds, bool):
                self.evaluate.detail(
                    "if takes true or false",
                    item,
                    item.condition.at,
                    found=self.evaluate.described(item.condition, holds),
                )
            if holds is False:
                return 0
        if item.repeat is None:
            return 1
        try:
            times = self.evaluate.value(item.repeat, env, item.where, item)
        except Unknown:
            return 1
        if times is INVALID:
            return 1
        if type(times) is not int or times < 0:
            help = WHOLE if isinstance(times, Fraction) else "0 leaves the item out"
            found = self.evaluate.described(item.repeat, times)
            self.evaluate.detail("repeat is a whole number, at least 0", item, item.repeat.at, found=found, help=help)
            return 1
        if times > MOST_LAYERS:
            self._too_many(item, item.repeat.at, self.evaluate.described(item.repeat, times))
        return times

    def _once(self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], path: Path) -> Value:
        if item.merges:
            return self._merge(item, scope, env, feeds, path)
        if item.type in self.blocks:
            return self._block(item, env, feeds[0], path)
        return self._layer(item, env, feeds[0], path)

    def _block(self, item: Item, env: dict[str, Any], value: Value, path: Path) -> Value:
        block = self.blocks[item.type]
        if block.broken:
            return value.unranked()
        env["in_channels"] = channels = self._channels(value)
        inner = dict(self.evaluate.symbols)
        inner["in_channels"] = channels
        for name, default in block.parameters.items():
            given = item.fields.get(name)
            try:
                if given is not None:
                    argument = self.evaluate.value(given, env, item.where, item)
                else:
                    assert default is not None  # required ones are checked when the file is read
                    argument = self.evaluate.value(default, inner, f"blocks.{item.type}.params", item)
            except Unknown as unknown:
                argument = Missing(unknown.symbol)
            inner[name] = Missing() if argument is INVALID else argument
        self.evaluate.uses.append(item)
        value = self.run(block.items, Scope(), inner, value, path)
        self.evaluate.uses.pop()
        return value

    def _merge(self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], path: Path) -> Value:
        inner = path if item.opens_level else Path(path.parts[:-1], path.former)
        if item.branches is not None:
            value, feeds = feeds[0], []
            for branch in item.branches:
                place = inner.to(branch.label, branch.former) if branch.label else inner.formerly(branch.former)
                feeds.append(self.run(branch.items, Scope(around=scope), env, value, place))
        if len(feeds) < 2 or not all(feed.ranked for feed in feeds):  # reported before
            return feeds[0].unranked()
        layer = REGISTRY["add" if item.type == "residual" else item.type]
        fields: dict[str, Any] = {}
        if layer.fields:
            env["in_channels"] = Missing("in_channels")
            fields, _ = self.evaluate.fields(item, layer, item.fields, env, feeds[0])
            layer.prepare(fields, [feed.tensor for feed in feeds])
        try:
            if item.type == "residual":
                _check_equal(*[feed.shape for feed in feeds])
            return Value(self._emit(item, layer(fields), tuple([feed.tensor for feed in feeds]), path))
        except LayerError as error:
            self.evaluate.layer_error(error, item, item.fields)
            return feeds[0].unsized()

    # layers

    def _layer(self, item: Item, env: dict[str, Any], value: Value, path: Path) -> Value:
        layer = REGISTRY[item.type]
        env["in_channels"] = self._channels(value)
        result = self._single(item, layer, item.fields, env, value, path)
        if layer.weights and not layer.composite:
            result = self._followers(item, item.fields, env, result, path)
        return result

    def _single(
        self,
        item: Item,
        layer: type[LayerType],
        given: dict[str, Given],
        env: dict[str, Any],
        value: Value,
        path: Path,
    ) -> Value:
        """Read a layer's fields and add it, or its stages."""
        if refusal := layer.refusal(value.tensor):
            if value.ranked:
                self.evaluate.layer_error(refusal, item, {})
            if layer.takes not in (VECTOR, FEATURES):
                return value.unranked()
            value = Value(Tensor((UNKNOWN,), value.tensor.producer, value.tensor.output, VECTOR))  # as if flattened
        fields, unread = self.evaluate.fields(item, layer, given, env, value)
        try:
            layer.prepare(fields, (value.tensor,))
        except LayerError as error:
            if value.ranked:
                self.evaluate.layer_error(error, item, given)
            return value.unranked()
        if layer.composite:
            value = self._stages(item, layer(fields).stages(), env, value, path)
        else:
            value = self._placed(item, given, layer(fields), value, path)
        return value.unsized() if any(layer.fields[name].role != CHANNELS for name in unread) else value

    def _placed(
        self,
        item: Item,
        given: dict[str, Given],
        layer: LayerType,
        value: Value,
        path: Path,
    ) -> Value:
        """Add a layer and return what it gives."""
        try:
            return Value(self._emit(item, layer, (value.tensor,), path), value.ranked)
        except LayerError as error:
            if value.ranked:
                self.evaluate.layer_error(error, item, given)
            return value.reshaped(error.output) if error.output else value.unsized()

    def _stages(
        self,
        item: Item,
        stages: tuple[tuple[str, str, dict[str, Any]], ...],
        env: dict[str, Any],
        value: Value,
        path: Path,
    ) -> Value:
        """Add the layers that a composite type is written for, each with its norm and activation."""
        final = item.fields
        middle = dict(final)
        for name in ("norm", "activation"):
            if f"mid_{name}" in final:
                middle[name] = final[f"mid_{name}"]
        for number, (label, type, fields) in enumerate(stages):
            inner = path.to(label)
            last = number == len(stages) - 1
            value = self._placed(item, item.fields, REGISTRY[type].on(fields, (value.tensor,)), value, inner)
            value = self._followers(item, final if last else middle, env, value, inner)
        return value

    def _followers(self, item: Item, given: dict[str, Given], env: dict[str, Any], value: Value, path: Path) -> Value:
        """Add the norm and the activation that a layer writes behind itself."""
        for name, kind in FOLLOWERS.items():
            entry = given.get(name)
            if entry is None:
                continue
            follower = entry.value
            if follower.__class__ is Expression:
                try:
                    follower = self.evaluate.value(entry, env, item.where, item)
                except Unknown:
                    continue
                if follower is not INVALID and (
                    not isinstance(follower, str) or (follower != "none" and not kind.takes(follower))
                ):
                    self.evaluate.detail(
                        f"there is no {name} {shown_value(follower)!r}",
                        item,
                        entry.at,
                        found=self.evaluate.described(entry, follower),
                    )
                    continue
            if follower is INVALID or follower == "none":
                continue
            type, fields = (follower.type, follower.fields) if isinstance(follower, Item) else (follower, {})
            fields = self.document.defaults.get(type, {}) | fields
            if lacking := lacks(type, fields):
                self.evaluate.detail(f"{type} needs {lacking}", item, entry.at, help=where_to_give(name, type, lacking))
                continue
            env["in_channels"] = self._channels(value)
            value = self._single(item, REGISTRY[type], fields, env, value, path.to(type))
        return value

    def _emit(self, item: Item, definition: LayerType, inputs: tuple[Tensor, ...], path: Path) -> Tensor:
        """Add a layer and return what it gives.

        Raises:
            LayerError: It cannot work on what it reads, or its output is larger than any.
        """
        count = len(self.builder.layers)
        if count >= self.max_layers:
            self._too_many(item)
        if self.watch is not None and count % _TOLD_EVERY == 0:
            self.watch(count, False)
        former = () if path.former is path.parts else path.former
        (tensor,) = self.builder.place(definition, inputs, path.parts, Origin(item.line + 1, item.column + 1, former))
        return tensor

    def _channels(self, value: Value) -> Any:
        channels = value.channels
        return Missing() if channels is UNKNOWN or not value.ranked else channels

    def _too_many(self, item: Item, at: Positioned | None = None, found: str = "") -> None:
        help = HELP if self.max_layers < MOST_LAYERS else ""
        self._too_large(item, f"the network unrolls beyond {self.max_layers:,} layers", at, found, help)

    def _too_large(
        self, item: Item, message: str, at: Positioned | None = None, found: str = "", help: str = ""
    ) -> None:
        self.errors.add(message, at or item, path=item.where, found=found, help=help, note=self.evaluate.note())
        raise TooLarge


def _check_equal(body: Shape, shortcut: Shape) -> None:
    """Refuse a residual that would stretch an axis.

    Raises:
        LayerError: The two shapes differ.
    """
    if body != shortcut:
        raise LayerError(
            "a residual adds equal shapes",
            f"the body gives {shown(body)}, the shortcut {shown(shortcut)}",
            help="project the shortcut: residual: {body: [...], shortcut: [...]}",
        )
