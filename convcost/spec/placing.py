"""An item to layers: its fields read, composite types written out, norms and activations behind it, shared weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from convcost.layers import FIXED, REGISTRY, LayerError, LayerType
from convcost.layers.fields import CHANNELS
from convcost.layers.inputs import FEATURES, SPATIAL
from convcost.layers.layout import VECTOR
from convcost.network import Layer, LayerOrigin, NetworkBuilder, Tensor
from convcost.network.graph import FLOAT32, INPUT, NO_SPARSITY
from convcost.spec.arithmetic import shown as shown_value
from convcost.spec.collector import ErrorCollector, Positioned
from convcost.spec.document import INVALID, PREVIOUS, Document, Given, Item
from convcost.spec.evaluate import Evaluator, Value
from convcost.spec.expressions import Expression, Missing, Unknown
from convcost.spec.fields import FOLLOWERS, lacks, where_to_give
from convcost.spec.limits import HELP, MOST_LAYERS, watch
from convcost.spec.scope import Path, Scope, SharedWeights, difference, has_weights, is_known
from convcost.spec.unknown import UNKNOWN

Values = tuple[Value, ...]

_TOLD_EVERY = 2_000  # layers
_NOTHING = Value(Tensor(()))  # what reaches a layer that reads nothing


class TooLarge(Exception):
    """The network has too many layers."""


class LayerPlacer:
    """Adds the layers of items to a network; `builder` holds what came of it."""

    def __init__(self, document: Document, symbols: Mapping[str, Any], errors: ErrorCollector, max_layers: int) -> None:
        self.document = document
        self.evaluate = Evaluator(document, symbols, errors)
        self.errors = errors
        self.written = not errors.source.origins  # nobody sees the lines of what is made of a model file
        self.builder = NetworkBuilder(document.name)
        self.max_layers = max_layers
        self.watch = watch()
        self.sharing: list[SharedWeights | None] = []
        self.frozen = 0  # items around that are not trainable
        self.times = 1  # slices that the items around run on
        self.widths = document.widths or FLOAT32
        self.sparsity = NO_SPARSITY

    def place_item(self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], path: Path) -> Values:
        """Add the layers of an item that is a layer type, with what is written behind it."""
        layer = REGISTRY[item.type]
        named = [value for name in item.named for value in named_values(name, scope, feeds[0])]
        least, most = layer.arity
        if len(feeds) < least or (most is not None and len(feeds) > most):  # reported when the file was read
            return (feeds[0].unranked() if feeds else _NOTHING.unranked(),)
        values = self._single(item, layer, item.fields, env, [*feeds, *named], path)
        if layer.weights and not layer.composite:
            return (self._followers(item, item.fields, env, values[0], path), *values[1:])
        return values

    def _single(
        self,
        item: Item,
        layer: type[LayerType],
        given: dict[str, Given],
        env: dict[str, Any],
        feeds: list[Value],
        path: Path,
    ) -> Values:
        """Read a layer's fields and add it, or the layers that it is written for."""
        ranked = feeds[0].ranked if len(feeds) == 1 else all(feed.ranked for feed in feeds)
        if layer.merges() and not ranked:
            self.evaluate.fields(item, layer, given, env, feeds[0].unranked())  # what is wrong in any case
            return (feeds[0].unranked(),)
        for number, feed in enumerate(feeds):
            if refusal := layer.refusal(feed.tensor, number):
                if feed.ranked:
                    self.evaluate.layer_error(self._explained(refusal, layer, feed), item, {})
                if layer.takes not in (VECTOR, FEATURES):
                    return (feed.unranked(),)
                tensor = replace(feed.tensor, shape=(UNKNOWN,), layout=VECTOR)  # as if it were flattened
                feeds[number] = Value(tensor)
        first = feeds[0] if feeds else _NOTHING
        fields, unread = self.evaluate.fields(item, layer, given, env, first)
        if layer.gathers in unread:
            return (first.unranked(),)
        tensors = tuple([feed.tensor for feed in feeds])
        try:
            layer.prepare(fields, tensors)
            definition = layer(fields)
            values = self._placed(item, definition, env, tensors, path, ranked=ranked)
        except LayerError as error:
            if ranked:
                self.evaluate.layer_error(error, item, given)
            if len(item.names) > 1:
                return (first.unranked(),)
            if error.output:
                return (first.reshaped(error.output),)
            return (first.unranked() if layer.channels == FIXED else first.unsized(),)
        if any(layer.fields[name].role != CHANNELS for name in unread):
            return tuple([value.unsized() for value in values])
        return values

    @staticmethod
    def _explained(refusal: LayerError, layer: type[LayerType], value: Value) -> LayerError:
        """Return why a layer does not take a value; an input of one axis may be meant as a signal of one channel."""
        tensor = value.tensor
        if tensor.layout == VECTOR and tensor.producer == INPUT and layer.takes == SPATIAL and value.known:
            refusal.help = f"a signal of one channel is written with its channels: [1, {tensor.shape[0]}]"
        return refusal

    def _placed(
        self,
        item: Item,
        definition: LayerType,
        env: dict[str, Any],
        inputs: tuple[Tensor, ...],
        path: Path,
        *,
        ranked: bool,
    ) -> Values:
        """Add a layer, or the layers that a composite type is written for, each with its norm and activation.

        Raises:
            LayerError: It cannot work on what it reads.
        """
        if not definition.composite:
            values = self.add_layer(item, definition, inputs, path)
            return values if ranked else tuple([replace(value, ranked=False) for value in values])
        stages = definition.stages()
        middle = dict(item.fields)
        for name in ("norm", "activation"):
            if f"mid_{name}" in item.fields:
                middle[name] = item.fields[f"mid_{name}"]

        def add(label: str, type: str, fields: Mapping[str, Any], *reads: Tensor) -> tuple[Tensor, ...]:
            inner = path.to(label)
            values = self.add_layer(item, REGISTRY[type].on(fields, reads), reads, inner)
            if stages:
                given = item.fields if label == stages[-1][0] else middle
                values = (self._followers(item, given, env, values[0], inner),)
            return tuple([value.tensor for value in values])

        return tuple([Value(tensor, ranked) for tensor in definition.unroll(inputs, add)])

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
            fields = self.document.defaults.of(type) | fields
            if lacking := lacks(type, fields):
                self.evaluate.detail(f"{type} needs {lacking}", item, entry.at, help=where_to_give(name, type, lacking))
                continue
            env["in_channels"] = self.channels_of(value)
            (value,) = self._single(item, REGISTRY[type], fields, env, [value], path.to(type))
        return value

    def add_layer(self, item: Item, definition: LayerType, inputs: tuple[Tensor, ...], path: Path) -> Values:
        """Add a layer and return what it gives.

        Raises:
            LayerError: It cannot work on what it reads, or its output is larger than any.
        """
        layers = self.builder.layers
        count = len(layers)
        if count >= self.max_layers:
            self.refuse_size(item)
        if self.watch is not None and count % _TOLD_EVERY == 0:
            self.watch(count, False)
        former = () if path.former is path.parts else path.former
        sparsity = self.sparsity if definition.macs else NO_SPARSITY
        learned = self.frozen == 0
        at = (item.line + 1, item.column + 1)
        line, column = at if self.written else (0, 0)
        origin = LayerOrigin(line, column, former, "", learned, self.times, self.widths, sparsity, item=at)
        tensors = self.builder.place(definition, inputs, path.parts, origin)
        if self.sharing:
            self._share(layers[-1])
        return tuple([Value(tensor) for tensor in tensors])

    def _share(self, layer: Layer) -> None:
        """Let the layer that was just added use the next weights of those that are shared."""
        if not has_weights(layer) or not is_known(layer):
            return
        owner = None
        for around in self.sharing:  # each passes over the weights of what has its own, or another's
            owner = around.next() if around is not None else None
        sharing = self.sharing[-1]
        if owner is None or sharing is None:
            return
        if why := difference(layer, owner):
            of = sharing.item.weights
            message = f"the weights of {of!r} do not fit here" if of else "all repetitions must have the same weights"
            if not sharing.wrong:
                self.errors.add(message, sharing.at, path=sharing.item.where, found=why)
            sharing.wrong = True
            return
        self.builder.layers[-1] = replace(layer, shares=owner.shares or owner.name)

    def channels_of(self, value: Value) -> Any:
        """Return the channels of a value, which may be unknown."""
        channels = value.channels
        return Missing() if channels is UNKNOWN or not value.ranked else channels

    def refuse_size(self, item: Item, at: Positioned | None = None, found: str = "") -> None:
        """Report that the network has too many layers, and stop."""
        help = HELP if self.max_layers < MOST_LAYERS else ""
        self.refuse(item, f"the network unrolls beyond {self.max_layers:,} layers", at, found, help)

    def refuse(self, item: Item, message: str, at: Positioned | None = None, found: str = "", help: str = "") -> None:
        """Report what is too large in the network, and stop.

        Raises:
            TooLarge: Always.
        """
        self.errors.add(message, at or item, path=item.where, found=found, help=help, note=self.evaluate.note())
        raise TooLarge


def named_values(name: str, scope: Scope, value: Value) -> Values:
    """Return the value that has a name; `previous` is what reaches the item unless an item has that name."""
    found = scope.find(name)
    if found is None and name == PREVIOUS:
        found = value
    return (value.unranked() if found is None else found,)
