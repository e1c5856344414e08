"""What is valid in a spec and is rarely meant: a fixed list of conditions, each with its place and remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from convcost.errors import Place, WarningDetail
from convcost.layers import LayerType, Shape
from convcost.layers.convolution import Conv, DepthwiseConv
from convcost.layers.layout import FEATURE_MAP
from convcost.network import Layer, Network
from convcost.network.completeness import incomplete_warning
from convcost.spec.collector import ErrorCollector, Positioned
from convcost.spec.document import INPUT_NAME, Document, Given, Symbol
from convcost.spec.expressions import Expression
from convcost.spec.source import Source

_COLORS = (1, 3, 4)  # the channels of pictures: grey, RGB, RGBA
_PICTURE = 16  # the least height and width of what is taken for a picture
_LISTED = 5  # places that a warning lists beside its own


def warnings_of(
    document: Document, network: Network, settings: Mapping[str, Any], source: Source
) -> tuple[WarningDetail, ...]:
    """Return the warnings about a spec, in the order of the file.

    Args:
        document: The spec, without errors.
        network: Its network.
        settings: The values that its symbols were given.
        source: Its text.
    """
    found = _Found(source)
    _find_symbols(document, settings, found)
    for unread in document.unread:
        help = "remove it, or use it" if unread.kind == "block" else "remove it, or read it in the block"
        found.add(f"nothing {_VERBS[unread.kind]} the {unread.kind} {unread.name!r}", unread.at, unread.path, help=help)
    for tensor, (name, given) in zip(network.inputs, document.inputs.items(), strict=True):
        if not given.layout and (warning := input_warning(tensor.shape, tensor.layout)):
            message, read_as, help = warning
            path = "input" if name == INPUT_NAME else f"inputs.{name}"
            found.add(message, given.shape.at, path, read_as, help)
    _find_layers(network, found)
    incomplete = incomplete_warning(network)
    return (*found.in_order(), *((incomplete,) if incomplete else ()), *_declared_in_vain(source))


def _declared_in_vain(source: Source) -> list[WarningDetail]:
    """Return warnings about the costs that are declared of a model file's operators, where there is a spec instead."""
    help = "in a spec, an item of the type `declared` has costs of its own"
    return [
        WarningDetail(
            f"a cost is declared of the operator {name!r}, and a spec has none", Place(source.file), help=help
        )
        for name in source.declared
    ]


_VERBS = {"block": "uses", "parameter": "reads"}


class _Found:
    """The warnings of one source."""

    def __init__(self, source: Source) -> None:
        self._lines = ErrorCollector(source)
        self._details: list[WarningDetail] = []

    def add(self, message: str, at: Positioned, path: str, found: str = "", help: str = "", note: str = "") -> None:
        """Add a warning at a place of the text, counted from 0."""
        place = Place(self._lines.source.file, at.line + 1, at.column + 1)
        self._details.append(WarningDetail(message, place, path, found, help, note, self._lines.line(at.line)))

    def add_layers(self, message: str, layers: Iterable[Layer], described: Callable[[Layer], str], help: str) -> None:
        """Add one warning for all layers that it is about, at the first place where one is written."""
        places = {layer.item: layer for layer in reversed([*layers])}
        if not places:
            return
        (line, column), *others = sorted(places)
        layer = places[line, column]
        lines = [str(each) for each, _ in others]
        more = f" and {len(lines) - _LISTED} more" if len(lines) > _LISTED else ""
        note = f"also in line{'s' if len(lines) > 1 else ''} {', '.join(lines[:_LISTED])}{more}" if lines else ""
        place = Place(self._lines.source.file, line, column)
        found = described(layer)
        self._details.append(WarningDetail(message, place, layer.name, found, help, note, self._lines.line(line - 1)))

    def in_order(self) -> tuple[WarningDetail, ...]:
        """Return them in the order of the file."""
        return tuple(sorted(self._details, key=lambda each: (each.place.line, each.place.column) if each.place else ()))


def _find_symbols(document: Document, settings: Mapping[str, Any], found: _Found) -> None:
    """Find symbols that nothing reads, and those that are set where nothing depends on them."""
    symbols = document.symbols
    reads = {name: _names(symbol, is_set=name in settings) for name, symbol in symbols.items()}
    read = document.reads.union(*(_names(symbol) - {name} for name, symbol in symbols.items()))
    reached: set[str] = set()
    pending = [name for name in symbols if name in document.reads]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending += [each for each in reads[name] if each in symbols]
    for name, symbol in symbols.items():
        if name in settings and name not in reached:
            help = (
                "remove it, or read it" if name not in read else "what depends on it is set itself, or read by nothing"
            )
            found.add(f"setting the symbol {name!r} changes nothing", symbol.at, f"symbols.{name}", help=help)
        elif name not in read:
            help = "remove it, or read it"
            found.add(f"nothing reads the symbol {name!r}", symbol.at, f"symbols.{name}", help=help)


def _names(symbol: Symbol, *, is_set: bool = False) -> frozenset[str]:
    """Return the symbols that one reads; the default is not read where it is set."""
    return frozenset().union(*map(_read_by, (None if is_set else symbol.value, symbol.multiple_of)))


def _read_by(given: Given | None) -> frozenset[str]:
    return frozenset() if given is None else frozenset(_names_in(given.value))


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, Expression):
        yield from value.names
    elif isinstance(value, list):
        for part in value:
            yield from _names_in(part)


def input_warning(shape: Shape, layout: str = FEATURE_MAP) -> tuple[str, str, str] | None:
    """Return the message, what was found and the remedy for an input whose axes seem to be in another order, or None.

    >>> input_warning((224, 224, 3))[0], input_warning((1, 3, 224, 224))[0], input_warning((3, 224, 224))
    ('the input looks like [H, W, C]', 'the input looks like [N, C, H, W], with a batch axis', None)
    """
    if layout != FEATURE_MAP or not all(size.__class__ is int for size in shape):
        return None
    sizes, channels = shape[1:], shape[-1]
    if len(shape) == 3 and _is_picture(shape[:2], channels):
        right: Shape = (channels, *shape[:2])
        message = "the input looks like [H, W, C]"
    elif len(shape) == 4 and shape[0] == 1 and _is_picture(sizes[1:], sizes[0]):
        right = sizes
        message = "the input looks like [N, C, H, W], with a batch axis"
    elif len(shape) == 4 and shape[0] == 1 and _is_picture(sizes[:2], channels):
        right = (channels, *sizes[:2])
        message = "the input looks like [N, H, W, C], with a batch axis"
    else:
        return None
    read_as = f"read as {shape[0]} channel{'s' if shape[0] > 1 else ''} of {'×'.join(map(str, sizes))}"
    return message, read_as, f"channels come first, without a batch axis: [{', '.join(map(str, right))}]"


def _is_picture(sizes: Shape, channels: int) -> bool:
    """Return whether these may be the height and width, and the channels, of a picture; only RGB ones may be oblong."""
    height, width = sizes
    return channels in _COLORS and min(sizes) >= _PICTURE and (channels == 3 or height == width)


def _find_layers(network: Network, found: _Found) -> None:
    """Find layers whose fields, or inputs, are rarely meant."""
    padded: list[Layer] = []
    single: list[Layer] = []
    for layer in network.layers:
        if _pads_no_window(layer.definition):
            padded.append(layer)
        elif layer.type == "depthwise_conv" and layer.path[-1] == "depthwise" and _is_one(layer.inputs[0].shape[0]):
            single.append(layer)
    found.add_layers(
        "padding around a kernel of size 1 adds positions that see only zeros",
        padded,
        lambda layer: f"padding: {_written(layer.fields['padding'])}",
        "padding: 0, or pointwise_conv, here; a default reaches 1×1 kernels too",
    )
    follows = {layer.path[:-1] for layer in network.layers if layer.type == "pointwise_conv"} if single else ()
    found.add_layers(
        "a separable convolution of one input channel gives multiples of one feature map",
        [layer for layer in single if layer.path[:-1] in follows and _is_one(layer.fields["depth_multiplier"])],
        lambda layer: "1 channel reaches it",
        "conv: {…} gives as many different ones as out_channels",
    )
    found.add_layers(
        "nothing reads what this item gives",
        unread_layers(network),
        lambda layer: "the network's `outputs` do not name it",
        "name it under `outputs`, or remove the item",
    )


_PADDING = (Conv, DepthwiseConv)


def _pads_no_window(layer: LayerType) -> bool:
    """Return whether a convolution pads an axis along which its kernel has one value."""
    if not isinstance(layer, _PADDING) or layer.padding.__class__ is str:
        return False
    for size, pair in zip(layer.kernel_size, layer.padding, strict=True):
        if size.__class__ is int and size == 1 and any(map(_is_some, pair)):  # formulas are not decided here
            return True
    return False


def _is_one(size: Any) -> bool:
    return size.__class__ is int and bool(size == 1)


def _written(padding: Any) -> str:
    """Return a padding as a spec may write it."""
    sides = {side for pair in padding for side in pair}
    if len(sides) == 1:
        return str(*sides)
    return str([pair[0] if pair[0] == pair[1] else list(pair) for pair in padding])


def _is_some(amount: Any) -> bool:
    return amount.__class__ is int and amount > 0


def unread_layers(network: Network) -> Iterator[Layer]:
    """Yield the layers of which nothing reads an output, where the network names its outputs."""
    if not network.named_outputs:
        return
    read = {(tensor.producer, tensor.output) for layer in network.layers for tensor in layer.inputs}
    read |= {(tensor.producer, tensor.output) for tensor in network.named_outputs}
    for index, layer in enumerate(network.layers):
        if not any((index, tensor.output) in read for tensor in layer.outputs):
            yield layer
