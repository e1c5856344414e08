"""A model's configuration to a graph: each layer is called in its turn, once what it reads is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, Place, SpecError
from convcost.importers.keras import translated
from convcost.importers.keras.builder import GraphBuilder
from convcost.importers.keras.calls import LayerCall, ValueReference, calls_of, mapped, references
from convcost.importers.keras.registry import IN_PLACE, rule_of
from convcost.importers.keras.values import MASKS, KerasLayer, KerasValue, Sizes, learns, sizes_of, values_in
from convcost.model_options import EVERY, current

MOST_LAYERS = 100_000
"""How many calls of layers a model may have, those within its models too."""
_DEEPEST = 50  # models within models
_AXES = ("length",), ("height", "width"), ("depth", "height", "width")


class KerasScope(Struct, frozen=True):
    """Where a model lies.

    Attributes:
        path: The names of the models around its layers, each with a point behind it.
        owner: The same of the models that have the weights.
        trainable: Whether they learn.
        lead: How many axes are handled one slice at a time around it.
        depth: How many models are around it.
    """

    path: str = ""
    owner: str = ""
    trainable: bool = True
    lead: int = 0
    depth: int = 0


class ModelTranslator:
    """Translates one model.

    Args:
        file: The name of the file, for messages.
        sized: Whether sizes that the file leaves open are those of `--input`.

    Attributes:
        builder: The graph.
        tokens: The names of inputs that are sequences.
        turned: The names of inputs whose channels the graph has first, and the file last.
        called: What each call of a model within the model reads and gives.
    """

    def __init__(self, file: str, *, sized: bool = False) -> None:
        self.file = file
        self.sized = sized
        self.builder = GraphBuilder()
        self.tokens: list[str] = []
        self.turned: list[str] = []
        self.called: list[tuple[Sequence[KerasValue], Sequence[KerasValue]]] = []
        self._left = MOST_LAYERS
        self._shared: dict[int, str] = {}  # the paths of layers that stand in several models, by Keras' number of them

    def outputs(self, model: Mapping[str, Any]) -> list[KerasValue]:
        """Return what a model gives, its graph being in `builder`.

        Args:
            model: Its class and its configuration.

        Raises:
            SpecError: It is none that Keras writes.
        """
        return self._model(model, KerasScope(), None)

    def error(self, message: str, found: str = "", help: str = "") -> SpecError:
        """Return an error of the file."""
        return SpecError(ErrorDetail(message, Place(self.file), found=found, help=help))

    # models

    def _model(
        self, model: Mapping[str, Any], scope: KerasScope, given: Sequence[KerasValue] | None
    ) -> list[KerasValue]:
        """Return what a model gives.

        Args:
            model: Its class and its configuration.
            scope: Where it lies.
            given: What it is called with; None for the file's own model, whose inputs are the graph's.
        """
        if scope.depth > _DEEPEST:
            raise self.error(f"models are nested more than {_DEEPEST} deep")
        config = model.get("config")
        if model.get("class_name") == "Sequential":
            return self._sequential(config, model, scope, given)
        if not isinstance(config, dict):
            raise self.error("a model has no configuration")
        layers = self._layers(config.get("layers"))
        named = {str(layer.get("name") or _config(layer).get("name")): layer for layer in layers}
        if len(named) < len(layers):
            raise self.error("two layers of a model have one name")
        calls = {name: calls_of(layer, named) for name, layer in named.items()}
        inputs, outputs = (list(references(config.get(name))) for name in ("input_layers", "output_layers"))
        for each in (*inputs, *outputs):
            if each.layer not in named:
                raise self.error(f"the model reads or gives {each.layer!r}, which it does not have", help=_AGAIN)
        outputs = [_counted_from_0(each, named) for each in outputs]
        first = _first_calls(named, calls, outputs)
        known: dict[tuple[str, int, int], KerasValue] = {}
        if given is not None and len(given) != len(inputs):
            raise self.error(f"a model of {len(inputs)} inputs is called with {len(given)} values")
        for at, reference in enumerate(inputs):
            if given is not None:
                known[reference.key] = given[at]
            elif reference.key not in known:
                followers = self._followers(reference.layer, named, calls)
                known[reference.key] = self._input(reference.layer, _shape(named[reference.layer]), followers)
        scope = replace(scope, trainable=scope.trainable and learns(config))
        self._run(named, calls, known, scope, first, outputs)
        missing = next((reference for reference in outputs if reference.key not in known), None)
        if missing is not None:
            raise self.error(f"the layer {missing.layer!r}, which the model gives, is not reached", help=_AGAIN)
        return [known[reference.key] for reference in outputs]

    def _run(
        self,
        layers: Mapping[str, Mapping[str, Any]],
        calls: Mapping[str, Sequence[LayerCall]],
        known: dict[tuple[str, int, int], KerasValue],
        scope: KerasScope,
        first: Mapping[str, int],
        outputs: Sequence[ValueReference],
    ) -> None:
        """Call all layers, each as soon as what it reads is known."""
        waiting: dict[tuple[str, int, int], list[tuple[str, int]]] = {}
        pending: list[tuple[str, int]] = []
        most: dict[str, int] = {}
        for reference in (*outputs, *(each for group in calls.values() for call in group for each in call.references)):
            layer, _, tensor = reference.key
            most[layer] = max(most.get(layer, 0), tensor)
            if tensor >= _MOST_OUTPUTS:
                read = f"value {tensor} of the layer {layer!r} is read"
                raise self.error(f"a layer gives at most {_MOST_OUTPUTS:,} values", read, _AGAIN)
        for name, each in calls.items():
            pending = [(name, number) for number in reversed(range(len(each)))]
            while pending:
                name, number = pending.pop()
                call = calls[name][number]
                missing = [reference.key for reference in call.references if reference.key not in known]
                if missing:
                    waiting.setdefault(missing[0], []).append((name, number))
                    continue
                found = self._call(layers[name], name, call, known, scope, most.get(name, 0) + 1)
                for at, value in enumerate(found):
                    key = (name, number + first.get(name, 0), at)
                    known[key] = value
                    if key in waiting:
                        pending += reversed(waiting.pop(key))
        if waiting:
            (name, _, _), ((reader, _), *_) = next(iter(waiting.items()))
            what = "is not reached before it" if name in layers else "the model does not have"
            raise self.error(f"the layer {reader!r} reads {name!r}, which {what}", help=_AGAIN)

    def _sequential(
        self, config: Any, model: Mapping[str, Any], scope: KerasScope, given: Sequence[KerasValue] | None
    ) -> list[KerasValue]:
        listed = config.get("layers") if isinstance(config, dict) else config
        layers = self._layers(listed)
        trainable = not isinstance(config, dict) or learns(config)
        scope = replace(scope, trainable=scope.trainable and trainable)
        if given is None:
            shape = next((shape for shape in map(_shape, layers[:1]) if shape is not None), None)
            shape = _built(config, model) if shape is None else shape
            name = str(_config(layers[0]).get("name")) if layers and layers[0].get("class_name") == "InputLayer" else ""
            values = [self._input(name or "input", shape, _flat(layers))]
        else:
            values = list(given)
        seen: set[str] = set()
        for layer in layers:
            if layer.get("class_name") == "InputLayer":
                continue
            name = str(_config(layer).get("name") or layer.get("class_name"))
            if name in seen:
                raise self.error("two layers of a model have one name", found=name)
            seen.add(name)
            argument = values[0] if len(values) == 1 else tuple(values)
            values = self._translated(layer, name, (argument,), {}, scope, 1)
        return values

    def _layers(self, listed: Any) -> list[Mapping[str, Any]]:
        """Return the layers that a configuration lists."""
        if not isinstance(listed, list) or not all(
            isinstance(each, dict) and isinstance(each.get("class_name"), str) for each in listed
        ):
            raise self.error("a model's configuration lists no layers", help=_AGAIN)
        return listed

    # inputs

    def _input(self, name: str, shape: list[Any] | None, followers: Iterator[Mapping[str, Any]]) -> KerasValue:
        """Return an input of the graph: with the channels first where what reads it is made for maps."""
        if shape is None:
            help = "call the model once, or give it an Input, before it is saved"
            raise self.error("the model has no input shape: it was never built", help=help)
        if any(size is not None and type(size) is not int for size in shape):
            raise self.error(f"the shape of the input {name!r} is none", found=f"{shape!r}"[:200], help=_AGAIN)
        sizes: Sizes = tuple(shape[1:])
        if None in sizes and self.sized:
            sizes = _as_given(name, sizes)
        order = _order(len(sizes), followers)
        words = _names(name, len(sizes), order, several=bool(self.builder.inputs))
        held: list[int | str | None] = [
            size if size is not None else word for size, word in zip(sizes, words, strict=True)
        ]
        first = order == "last" and len(sizes) > 1
        held = [held[-1], *held[:-1]] if first else held
        value = KerasValue(self.builder.free(name), sizes, first)
        self.builder.inputs[value.name] = (None, *held)
        if order == "tokens":
            self.tokens.append(value.name)
        if first:
            self.turned.append(value.name)
        return value

    def _followers(
        self, name: str, named: Mapping[str, Mapping[str, Any]], calls: Mapping[str, Sequence[LayerCall]]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the layers that read a value, and those that read what these leave in its order."""
        readers: dict[str, list[str]] = {}
        for reader, each in calls.items():
            for call in each:
                for reference in call.references:
                    readers.setdefault(reference.layer, []).append(reader)
        seen, pending = {name}, [name]
        while pending:
            for reader in readers.get(pending.pop(0), ()):
                if reader not in seen:
                    seen.add(reader)
                    yield from _flat([named[reader]])
                    if named[reader].get("class_name") in _LEFT:
                        pending.append(reader)

    # layers

    def _call(
        self,
        layer: Mapping[str, Any],
        name: str,
        call: LayerCall,
        known: Mapping[tuple[str, int, int], KerasValue],
        scope: KerasScope,
        outputs: int,
    ) -> list[KerasValue]:
        def value_of(reference: ValueReference) -> KerasValue:  # within slices a file records the shape of one
            value = known[reference.key]
            return value if scope.lead or value.sizes is not None else _as_recorded(value, reference)

        args = tuple(
            [value_of(each) if each.__class__ is ValueReference else mapped(each, value_of) for each in call.args]
        )
        kwargs = mapped(call.kwargs, value_of) if call.kwargs else {}
        found = self._translated(layer, name, args, kwargs, scope, outputs)
        for reference in call.references if not (scope.lead or self.builder.has_wrong_shapes) else ():
            self._record(known[reference.key], reference)
        return found

    def _record(self, value: KerasValue, reference: ValueReference) -> None:
        """Keep the shape that the file records for a value, so that what is inferred is compared with it."""
        shapes = self.builder.shapes
        if reference.shape is None or value.flattened or value.name in shapes or value.name in self.builder.inputs:
            return
        sizes = sizes_of(reference.shape)
        shape = self.builder.shape_of(KerasValue(value.name, sizes, value.first)) if sizes else None
        if shape is not None:
            shapes[value.name] = shape

    def _as_built(self, value: Any, item: Mapping[str, Any]) -> Any:
        """Return a value with the sizes for which the layer was built that reads it, where no others are known."""
        if not isinstance(value, KerasValue) or value.sizes is not None:
            return value
        build = item.get("build_config")
        shape = build.get("input_shape") if isinstance(build, dict) else None
        if not isinstance(shape, list) or len(shape) < 2:
            return value
        sizes = sizes_of(shape)
        self.builder.shapes.setdefault(value.name, (None, *sizes))
        return KerasValue(value.name, sizes)

    def _translated(
        self,
        item: Mapping[str, Any],
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        scope: KerasScope,
        outputs: int,
    ) -> list[KerasValue]:
        """Return the output of one call of a layer."""
        self._left -= 1
        if self._left < 0:
            raise self.error(f"more than {MOST_LAYERS:,} calls of layers")
        config = _config(item)
        kind = str(item.get("class_name"))
        path = f"{scope.path}{name}"
        trainable = scope.trainable and learns(config)
        if kind in ("TimeDistributed", "Wrapper") and isinstance(_class(config.get("layer")), str):
            inner = config["layer"]
            lead = scope.lead + (kind == "TimeDistributed")
            return self._translated(inner, name, args, kwargs, replace(scope, trainable=trainable, lead=lead), outputs)
        if not scope.lead and any([each.__class__ is KerasValue and each.sizes is None for each in args]):  # noqa: C419
            args = tuple([self._as_built(value, item) for value in args])
        number = item.get("shared_object_id")
        owner = f"{scope.owner}{name}"
        owner = self._shared.setdefault(number, owner) if type(number) is int else owner
        if is_model(item):
            inside = KerasScope(f"{path}.", f"{owner}.", trainable, scope.lead, scope.depth + 1)
            given = values_in([*args, {name: each for name, each in kwargs.items() if name not in MASKS}])
            values = self._model(item, inside, given)
            self.called.append((given, values))
            return values
        is_plain = len(args) == 1 and not kwargs and args[0].__class__ is KerasValue
        inputs = args if is_plain else tuple(values_in([*args, kwargs]))
        layer = KerasLayer(kind, path, config, args, kwargs, trainable, scope.lead, owner, inputs)
        values = translated.call(self.builder, item, layer, outputs)
        if kind.endswith("Attention") and len(values) > 1:  # who reads the scores has the layer work out the rest
            self.called.append(((), values))
        return values


_AGAIN = "save the model again"
_MOST_OUTPUTS = 10_000
_WRAPPERS = ("TimeDistributed", "Wrapper", "SpectralNormalization")
_LEFT = IN_PLACE | {"Concatenate", "Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum"}
_MAPS = ("Conv", "Pool", "Padding", "Cropping", "UpSampling", "Resizing", "CenterCrop")
_TOKENS = (
    "Dense",
    "LSTM",
    "GRU",
    "RNN",
    "Attention",
    "Bidirectional",
    "EinsumDense",
    "LayerNorm",
    "RMSNorm",
    "Softmax",
)


def is_model(item: Mapping[str, Any]) -> bool:
    """Return whether a layer is a model that lists its layers, of whatever class."""
    if item.get("class_name") == "Sequential":
        return True
    config = item.get("config")
    return isinstance(config, dict) and "output_layers" in config and isinstance(config.get("layers"), list)


def _class(item: Any) -> Any:
    return item.get("class_name") if isinstance(item, dict) else None


def _config(item: Mapping[str, Any]) -> Mapping[str, Any]:
    config = item.get("config")
    return config if isinstance(config, dict) else {}


def _flat(layers: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield layers, those of models and of wrappers too, as long as each leaves the order of its value."""
    pending = list(reversed(layers))
    for _ in range(1000):
        if not pending:
            return
        layer = pending.pop()
        config = _config(layer)
        inner = config.get("layers") if isinstance(layer.get("config"), dict) else layer.get("config")
        if is_model(layer) and isinstance(inner, list):
            pending += reversed([each for each in inner if isinstance(each, dict)])
        elif isinstance(config.get("layer"), dict) and str(layer.get("class_name")) in _WRAPPERS:
            pending.append(config["layer"])
        elif layer.get("class_name") != "InputLayer":
            yield layer
            if str(layer.get("class_name")) not in _LEFT:
                return


def _order(rank: int, followers: Iterator[Mapping[str, Any]]) -> str:
    """Return the order of an input: `last` or `first` is where its channels are, `tokens` are no map."""
    if rank < 2:
        return "vector"
    for layer in followers:
        kind = str(layer.get("class_name"))
        if any(word in kind for word in _MAPS) and rule_of(kind) is None:
            continue
        if any(word in kind for word in _MAPS):
            return "first" if _config(layer).get("data_format") == "channels_first" else "last"
        if rank == 2 and any(kind.startswith(word) or kind.endswith(word) for word in _TOKENS):
            return "tokens"
    return "last" if rank > 2 else "first"


def _names(name: str, rank: int, order: str, *, several: bool) -> list[str]:
    """Return the names of an input's axes, should they be open."""
    axes = rank - 1
    words = [word[0].upper() for word in _AXES[axes - 1]] if 0 < axes <= 3 else [f"S{at}" for at in range(axes)]
    found = ["C", *words] if order == "first" else [*words, "C"]
    found = ["L"][:rank] if rank < 2 else found
    return [f"{name}_{word}" for word in found] if several else found


def _shape(layer: Mapping[str, Any]) -> list[Any] | None:
    """Return the shape, with the batch, that a layer says that it is given; None where it does not."""
    config = _config(layer)
    for name in ("batch_shape", "batch_input_shape"):
        if isinstance(config.get(name), list) and config[name]:
            return list(config[name])
    if isinstance(layer.get("config"), list) or isinstance(config.get("layers"), list):  # a model that comes first
        inner = config.get("layers") if config else layer.get("config")
        if isinstance(inner, list) and inner and isinstance(inner[0], dict) and len(inner) < MOST_LAYERS:
            return _shape(inner[0])
    return None


def _as_given(name: str, sizes: Sizes) -> Sizes:
    """Return the sizes of an input, those that the file leaves open as `--input` gives them."""
    given = current().inputs
    shape = given.get(name, given.get(EVERY, ()))
    if len(shape) != len(sizes) + 1:
        return sizes
    return tuple([new if size is None else size for size, new in zip(sizes, shape[1:], strict=True)])


def _built(config: Any, model: Mapping[str, Any]) -> list[Any] | None:
    """Return the shape that a model was built for."""
    build = model.get("build_config")
    for found in (
        config.get("build_input_shape") if isinstance(config, dict) else None,
        build.get("input_shape") if isinstance(build, dict) else None,
    ):
        if isinstance(found, list) and len(found) > 1:
            return found
    return None


def _first_calls(
    named: Mapping[str, Mapping[str, Any]],
    calls: Mapping[str, Sequence[LayerCall]],
    outputs: Sequence[ValueReference],
) -> dict[str, int]:
    """Return the number of the first call of the models within a model, where that is 1.

    Keras 2 counts from 1 the calls of a model that has inputs of its own: the call that made it is 0.
    """
    found: dict[str, int] = {}
    models = [name for name, layer in named.items() if is_model(layer)]
    if not models:
        return found
    highest: dict[str, int] = {}
    for reference in (*outputs, *(each for group in calls.values() for call in group for each in call.references)):
        name, node, _ = reference.key
        highest[name] = max(highest.get(name, 0), node)
    for name in models:
        layer = named[name]
        nodes = layer.get("inbound_nodes")
        old = isinstance(nodes, list) and any(isinstance(node, list) for node in nodes)
        if old and (_begins_with_input(layer) or highest.get(name) == len(calls[name])):
            found[name] = 1
    return found


def _counted_from_0(reference: ValueReference, named: Mapping[str, Mapping[str, Any]]) -> ValueReference:
    """Return a reference to an output of a model, with the number of the call counted from 0.

    Keras 3 counts there, and only there, the call that made a functional model as its first.
    """
    layer = named[reference.layer]
    nodes = layer.get("inbound_nodes")
    new = isinstance(nodes, list) and all(isinstance(node, dict) for node in nodes)
    name, node, tensor = reference.key
    if not new or not node or not is_model(layer) or layer.get("class_name") == "Sequential":
        return reference
    return replace(reference, key=(name, node - 1, tensor))


def _begins_with_input(model: Mapping[str, Any]) -> bool:
    layers = _config(model).get("layers")
    first = layers[0] if isinstance(layers, list) and layers else None
    return isinstance(first, dict) and first.get("class_name") == "InputLayer"


def _as_recorded(value: KerasValue, reference: ValueReference) -> KerasValue:
    """Return a value with the sizes that the file records, where nothing is known of it."""
    if value.sizes is not None or reference.shape is None:
        return value
    return KerasValue(value.name, sizes_of(reference.shape))
