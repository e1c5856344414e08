"""The document to a network: values computed, blocks and repetitions unrolled, shapes passed from item to item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any

from convcost.layers import REGISTRY, LayerError
from convcost.layers.fields import MAX_SIZE
from convcost.network import Network, Tensor
from convcost.spec.arithmetic import shown as shown_value
from convcost.spec.collector import ErrorCollector
from convcost.spec.document import (
    DENSE,
    EACH,
    INPUT_NAME,
    INVALID,
    MOST_SIZES,
    OWN,
    PREVIOUS,
    RESIDUAL,
    Document,
    InputGiven,
    Item,
)
from convcost.spec.evaluate import WHOLE, Value, size_of
from convcost.spec.expressions import RESOLVER, Missing, Unknown
from convcost.spec.least import DEEPEST, LeastLayers
from convcost.spec.limits import DEFAULT_LAYERS, MOST_LAYERS
from convcost.spec.placing import LayerPlacer, TooLarge, Values, named_values
from convcost.spec.residuals import check_equal
from convcost.spec.scope import ROOT, Path, Scope, SharedWeights, counted, has_weights
from convcost.spec.unknown import UNKNOWN

_VISITS, _VISITS_PER_LAYER = 100_000, 4  # items looked at before layers must have come of it


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
    values = expander.inputs()
    scope = Scope(values)
    if not document.closed:
        with suppress(TooLarge):
            expander.check_least(document.items)
            first = next(iter(values.values()))
            expander.run(document.items, scope, expander.evaluate.symbols, (first,), ROOT)
    if expander.watch is not None:
        expander.watch(len(expander.builder.layers), True)
    return expander.builder.build(
        file=errors.source.file,
        source=document.source,
        symbols={name: value for name, value in symbols.items() if not isinstance(value, Missing)},
        limits=document.limits,
        compression=document.compression,
        named_outputs=expander.outputs(scope),
    )


class Expander(LayerPlacer):
    """Unrolls a document; `builder` holds what came of it."""

    def __init__(self, document: Document, symbols: Mapping[str, Any], errors: ErrorCollector, max_layers: int) -> None:
        super().__init__(document, symbols, errors, max_layers)
        self.blocks = document.blocks
        self.visits = 0
        self.depth = 0  # lists within each other

    # the flow

    def inputs(self) -> dict[str, Value]:
        """Return the network's inputs by name."""
        return {name: self._input(name, given) for name, given in self.document.inputs.items()}

    def _input(self, name: str, given: InputGiven) -> Value:
        path = "input" if name == INPUT_NAME and len(self.document.inputs) == 1 else f"inputs.{name}"
        layout, width = given.layout.replace("_", " "), given.width or self.widths.activations
        nodes = getattr(given.shape.at, "items", ())
        try:
            sizes = self.evaluate.value(given.shape, self.evaluate.symbols, path)
        except Unknown:
            sizes = INVALID
        if sizes is INVALID:
            known = 1 <= len(nodes) <= MOST_SIZES
            shape = (UNKNOWN,) * (len(nodes) if known else 3)
            return Value(self.builder.add_input(shape, layout, width), known)
        known_sizes = []
        for size, node in zip(sizes, nodes, strict=True):
            if not self.is_input_size(size):
                self.errors.add(
                    "a size of the input is a whole number from 1 to 10**15",
                    node,
                    path=path,
                    found=f"found {shown_value(size)}",
                    help=WHOLE if isinstance(size, Fraction) else "",
                )
                size = UNKNOWN
            known_sizes.append(size)
        return Value(self.builder.add_input(tuple(known_sizes), layout, width))

    def outputs(self, scope: Scope) -> tuple[Tensor, ...]:
        """Return the outputs that the document names; none where it names none."""
        found = [scope.find(name) for name, _ in self.document.outputs]
        return tuple([value.tensor for value in found if value is not None])

    def is_input_size(self, size: Any) -> bool:
        """Return whether a size can be one of the input."""
        return type(size) is int and 1 <= size <= MAX_SIZE

    def run(self, items: list[Item], scope: Scope, env: dict[str, Any], values: Values, path: Path) -> Values:
        """Run a list's items one after the other and return what the last one gives."""
        self.depth += 1
        for item in items:
            if self.depth > DEEPEST:
                self.refuse(item, f"blocks and branches nest deeper than {DEEPEST} levels")
            start = len(self.builder.layers)
            values = self.item(item, scope, env, values, path)
            if item.names:
                values = self._bind(item, scope, values, range(start, len(self.builder.layers)))
        self.depth -= 1
        return values

    def _bind(self, item: Item, scope: Scope, values: Values, layers: range) -> Values:
        """Give an item's outputs their names, and return them."""
        named = values
        if len(values) != len(item.names):
            named = (values[0].unranked(),) * len(item.names)
            if values[0].ranked:
                given = f"{item.type} gives {counted(len(values), 'value')}"
                found = counted(len(item.names), "name")
                help = f"name: [{', '.join('abcdefgh'[: len(values)])}]; _ for one that is not needed"
                self.evaluate.detail(given, item, item, found=found, help=help if 1 < len(values) <= 8 else "")
        for name, value in zip(item.names, named, strict=True):
            if name != "_":
                scope.here[name] = value
                scope.layers[name] = layers
        return values if named is values else named[:1]

    def item(self, item: Item, scope: Scope, env: dict[str, Any], values: Values, path: Path) -> Values:
        """Run an item, as often as it is repeated, and return what it gives at last."""
        self._visit(item)
        feeds = self._feeds(item, scope, values) if item.type else None
        if feeds is None:
            return (values[0].unranked(),)
        here = feeds[0] if feeds else values[0]
        self._look_up(env, scope, here, len(feeds) < 2)
        if item.weights or item.frozen or item.widths is not None or item.sparsity is not None:
            return self._marked(item, scope, env, feeds, here, path)
        return self._repeated(item, scope, env, feeds, here, path)

    def _look_up(self, env: dict[str, Any], scope: Scope, value: Value, single: bool) -> None:
        """Let expressions find the sizes of what reaches an item, and of the values that it can see."""
        env["in_channels"] = self.channels_of(value) if single else Missing("in_channels")
        env[RESOLVER] = lambda name, size: size_of(value if not name else scope.find(name), size)

    def _feeds(self, item: Item, scope: Scope, values: Values) -> list[Value] | None:
        """Return the inputs of an item; None where an error hides them."""
        if not item.sources:
            is_layer = item.type not in self.blocks and item.type not in (RESIDUAL, EACH)
            if is_layer and item.type in REGISTRY and REGISTRY[item.type].arity[1] == 0:
                return []
            if len(values) == 1 or (item.branches is None and item.type == ""):
                return [values[0]]
            self._several(item, values)
            return None
        feeds: list[Value] = []
        for name in item.sources:
            found_value = scope.find(name)
            if found_value is None and name == PREVIOUS and len(values) == 1:
                found_value = values[0]
            if found_value is None and name == PREVIOUS:
                self._several(item, values)
                return None
            if found_value is None:
                return None  # reported when the file was read
            feeds.append(found_value)
        if len(feeds) > 1 and not item.merges and item.type not in self.blocks:
            return None
        return feeds

    def _several(self, item: Item, values: Values) -> None:
        """Report that an item would read several values at once."""
        if values[0].ranked:
            found = f"{len(values)} values"
            help = "name them, name: [a, b, …], and read one of them: from: a"
            self.evaluate.detail("the item before gives several values", item, item, found=found, help=help)

    def _marked(
        self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], here: Value, path: Path
    ) -> Values:
        """Run an item whose layers share weights, are not trainable, sparse, or have numbers of their own type."""
        widths, self.widths = self.widths, item.widths or self.widths
        sparsity = self.sparsity
        self.sparsity = sparsity if item.sparsity is None else item.sparsity
        self.frozen += item.frozen
        sharing: SharedWeights | None = None
        if item.weights and item.weights != OWN:
            layers = [self.builder.layers[index] for index in scope.layers_of(item.weights)]
            sharing = SharedWeights(item, item.weights_at, [layer for layer in layers if has_weights(layer)])
        if item.weights:
            self.sharing.append(sharing)
        errors = len(self.errors)
        values = self._repeated(item, scope, env, feeds, here, path)
        if item.weights:
            self.sharing.pop()
        if sharing is not None and values[0].known and len(self.errors) == errors:
            self._check_shared(item, sharing)
        self.frozen -= item.frozen
        self.widths = widths
        self.sparsity = sparsity
        return values

    def _check_shared(self, item: Item, sharing: SharedWeights) -> None:
        """Refuse weights that do not meet one by one."""
        if not sharing.layers:
            message = f"{item.weights!r} has no weights"
            self.evaluate.detail(message, item, sharing.at, help="weights names an item that has some")
        elif not sharing.taken:
            help = f"weights stands beside an item that has some, as {item.weights!r} has"
            self.evaluate.detail(f"{item.type} has no weights", item, sharing.at, help=help)
        elif sharing.taken != len(sharing.layers):
            found = f"{counted(sharing.taken, 'layer')} here, {counted(len(sharing.layers), 'layer')} there"
            message = f"as many layers with weights as {item.weights!r} has must use them"
            self.evaluate.detail(message, item, sharing.at, found=found)

    def _repeated(
        self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], here: Value, path: Path
    ) -> Values:
        repeat = item.repeat
        if repeat is None:
            if item.condition is not None and not self._holds(item, env):
                return self._otherwise(item, scope, env, here, path)
            return self._once(item, scope, env, feeds, path.to(item.segment, item.former))
        if not repeat.index and item.condition is not None and not self._holds(item, env):
            return self._otherwise(item, scope, env, here, path)
        times = self._times(item, env)
        if times == 0:
            if repeat.collect:
                self.evaluate.detail("collect needs at least one repetition", item, repeat.at, found="repeat is 0")
            return (here,)
        return self._turns(item, scope, env, feeds, here, path, times)

    def _turns(
        self,
        item: Item,
        scope: Scope,
        env: dict[str, Any],
        feeds: list[Value],
        here: Value,
        path: Path,
        times: int,
    ) -> Values:
        """Run an item so many times; what a repetition gives replaces the first inputs of the next."""
        repeat = item.repeat
        assert repeat is not None
        errors, layers = len(self.errors), self.builder.layers
        values: Values = (here,)
        outputs: list[Value] = feeds[:1] if repeat.collect == DENSE else []
        first = range(0)
        for turn in range(1, times + 1):
            if repeat.index:
                env[repeat.index] = turn - 1
            start = len(layers)
            if repeat.collect == DENSE and feeds and turn > 1:
                (here,) = feeds[:1] = self._collected(item, DENSE, outputs, path.to(f"{item.segment}.{turn}"))
                self._look_up(env, scope, here, len(feeds) < 2)
            if repeat.shared and turn > 1:
                owners = [layers[index] for index in first if has_weights(layers[index])]
                self.sharing.append(SharedWeights(item, repeat.at, owners))
            if repeat.index and item.condition is not None and not self._holds(item, env):
                values = self._otherwise(item, scope, env, here, path)
            else:
                inner = path.to(f"{item.segment}.{turn}", f"{item.former}.{turn}")
                values = self._once(item, scope, env, feeds, inner)
            if repeat.shared:
                first = range(start, len(layers)) if turn == 1 else first
                if turn > 1:
                    self.sharing.pop()
            outputs.append(values[0])
            feeds = [*values, *feeds[len(values) :]] if feeds else feeds
            here = values[0]
            self._look_up(env, scope, here, len(feeds) < 2)
            self._visit(item)
            if not here.known or len(self.errors) > errors:  # the other turns would report the same errors
                break
        if repeat.index:
            env.pop(repeat.index, None)
        if repeat.collect and len(outputs) > 1:
            return self._collected(item, repeat.collect, outputs, path.to(item.segment))
        return values

    def _collected(self, item: Item, collect: str, outputs: list[Value], path: Path) -> Values:
        """Merge what all repetitions give."""
        type = "concat" if collect == DENSE else collect
        if not all(value.ranked for value in outputs):
            return (outputs[-1],)
        tensors = tuple([value.tensor for value in outputs])
        try:
            return self.add_layer(item, REGISTRY[type].on({}, tensors), tensors, path.to("collect"))
        except LayerError as error:
            self.evaluate.layer_error(error, item, {})
            return (outputs[0].unsized(),)

    def _otherwise(self, item: Item, scope: Scope, env: dict[str, Any], here: Value, path: Path) -> Values:
        """Run the items of `else`; without any, pass on the first input."""
        if item.otherwise is None:
            return (here,)
        return self.run(item.otherwise, Scope(around=scope), env, (here,), path)

    def check_least(self, items: list[Item]) -> None:
        """Refuse at once what is sure to unroll into too many layers, whatever cannot be known yet."""
        bound = LeastLayers(self.blocks, self.evaluate.symbols)
        total = 0
        for item in items:
            total += bound.of([item])
            if total > self.max_layers:
                repeat = item.repeat and item.repeat.times
                found = self.evaluate.described(repeat, bound.constant(repeat)) if repeat else ""
                self.refuse_size(item, repeat.at if repeat else item, found)

    def _visit(self, item: Item) -> None:
        self.visits += 1
        if self.visits > _VISITS + _VISITS_PER_LAYER * len(self.builder.layers):
            self.refuse_size(item)

    def _holds(self, item: Item, env: dict[str, Any]) -> bool:
        """Return whether an item runs, by its `if`."""
        assert item.condition is not None
        try:
            holds = self.evaluate.value(item.condition, env, item.where, item)
        except Unknown:
            return True
        if holds is not INVALID and not isinstance(holds, bool):
            self.evaluate.detail(
                "if takes true or false",
                item,
                item.condition.at,
                found=self.evaluate.described(item.condition, holds),
            )
        return holds is not False

    def _times(self, item: Item, env: dict[str, Any]) -> int:
        """Return how often an item runs."""
        assert item.repeat is not None
        given = item.repeat.times
        try:
            times = self.evaluate.value(given, env, item.where, item)
        except Unknown:
            return 1
        if times is INVALID:
            return 1
        if type(times) is not int or times < 0:
            help = WHOLE if isinstance(times, Fraction) else "0 leaves the item out"
            found = self.evaluate.described(given, times)
            self.evaluate.detail("repeat is a whole number, at least 0", item, given.at, found=found, help=help)
            return 1
        if times > MOST_LAYERS:
            self.refuse_size(item, given.at, self.evaluate.described(given, times))
        return times

    def _once(self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], path: Path) -> Values:
        if item.type in self.blocks:
            return self._block(item, env, feeds, path)
        if item.type == EACH:
            return self._each(item, scope, env, feeds[0], path)
        if item.merges:
            return self._merge(item, scope, env, feeds, path)
        return self.place_item(item, scope, env, feeds, path)

    def _block(self, item: Item, env: dict[str, Any], feeds: list[Value], path: Path) -> Values:
        block = self.blocks[item.type]
        if block.broken:
            return (feeds[0].unranked(),)
        if len(feeds) != max(len(block.inputs), 1):
            return (feeds[0].unranked(),)  # reported when the file was read
        inner = dict(self.evaluate.symbols)
        scope = Scope(dict(zip(block.inputs, feeds, strict=False)))
        self._look_up(inner, scope, feeds[0], True)
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
        values = self.run(block.items, scope, inner, (feeds[0],), path)
        self.evaluate.uses.pop()
        if not block.outputs:
            return values
        found = [scope.find(name) for name in block.outputs]
        return tuple([value or feeds[0].unranked() for value in found])

    def _each(self, item: Item, scope: Scope, env: dict[str, Any], value: Value, path: Path) -> Values:
        """Run items on every slice of an axis: the layers inside run as often as there are slices."""
        assert item.branches is not None
        fields, unread = self.evaluate.fields(item, REGISTRY["each_slice"], item.fields, env, value)
        if unread or not value.ranked:
            return (value.unranked(),)
        try:
            slices = REGISTRY["each_slice"].on(fields, (value.tensor,))
            (part,) = self.add_layer(item, slices, (value.tensor,), path.to("slice"))
        except LayerError as error:
            self.evaluate.layer_error(error, item, item.fields)
            return (value.unranked(),)
        number = vars(slices)["axis"]
        count = value.shape[number]
        around, self.times = self.times, self.times * count
        ends = self.run(item.branches[0].items, Scope(around=scope), env, (part,), path)
        self.times = around
        if not all(end.ranked for end in ends):
            return (ends[0].unranked(),)
        stacked: list[Value] = []
        for index, end in enumerate(ends):
            label = "stack" if len(ends) == 1 else f"stack_{index + 1}"
            layer = REGISTRY["each_stack"]({"axis": min(number, len(end.shape)), "size": count})
            stacked += self.add_layer(item, layer, (end.tensor,), path.to(label))
        return tuple(stacked)

    def _merge(self, item: Item, scope: Scope, env: dict[str, Any], feeds: list[Value], path: Path) -> Values:
        value = feeds[0]
        inner = path if item.opens_level else Path(path.parts[:-1], path.former)
        if item.branches is not None:
            feeds = []
            for branch in item.branches:
                place = inner.to(branch.label, branch.former) if branch.label else inner.formerly(branch.former)
                if branch.source:
                    ends: Values = named_values(branch.source, scope, value)
                else:
                    ends = self.run(branch.items, Scope(around=scope), env, (value,), place)
                if len(ends) > 1:
                    found = f"{len(ends)} values"
                    self.evaluate.detail(f"a branch of {item.type} gives one value", item, item, found=found)
                    ends = (ends[0].unranked(),)
                feeds += ends
        if item.type != RESIDUAL:
            self._look_up(env, scope, feeds[0], len(feeds) < 2)
            return self.place_item(item, scope, env, feeds, path)
        if len(feeds) < 2 or not all(feed.ranked for feed in feeds):  # reported before
            return (feeds[0].unranked(),)
        tensors = tuple([feed.tensor for feed in feeds])
        try:
            check_equal(tensors[0], tensors[1], value.tensor, self.builder.layers)
            return self.add_layer(item, REGISTRY["add"].on({}, tensors), tensors, path)
        except LayerError as error:
            self.evaluate.layer_error(error, item, item.fields)
            return (feeds[0].unsized(),)
