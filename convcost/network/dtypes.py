"""The types of a network's numbers, given for all of it or for some layers: what `--dtype` takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, OptionError, nearest
from convcost.network.graph import Layer, Network, Tensor
from convcost.network.widths import BITS, bias_width

_WORDS = ("weights", "activations", "biases")
_FORM = "--dtype int8, --dtype weights=int8,activations=int16, or --dtype 'head*:float32' for some layers"


class Dtype(Struct, frozen=True):
    """The types of some layers' numbers.

    Attributes:
        pattern: Which layers; an empty text for all of them and the inputs.
        widths: The types by what has them.
    """

    pattern: str
    widths: Mapping[str, str]

    def __str__(self) -> str:
        widths = dict(self.widths)
        of_all = widths.get("weights", "")
        text = of_all if widths == _of_all(of_all) else ",".join(f"{word}={width}" for word, width in widths.items())
        return f"{self.pattern}:{text}" if self.pattern else text


Given = str | Dtype | Mapping[str, str] | Sequence[str | Dtype | Mapping[str, str]]
"""A type, types by what has them, or several of these, such as `"int8"` or `["int8", "head:float32"]`."""


def with_dtypes(network: Network, given: Given) -> Network:
    """Return a network with other types of numbers; a later type wins.

    Raises:
        OptionError: There is no such type, or no layer matches a pattern.
    """
    dtypes = read(given)
    if not dtypes:
        return network
    from convcost.network.matching import matching  # where types are given only

    every = frozenset(range(len(network.layers)))
    meant = [(frozenset(matching(each.pattern, network.layers)) if each.pattern else every, each) for each in dtypes]
    for indices, dtype in meant:
        if dtype.pattern and not indices:
            help = nearest(dtype.pattern, [layer.name for layer in network.layers])
            raise OptionError(ErrorDetail(f"--dtype: no layer matches {dtype.pattern!r}", help=help))
    everywhere = {word: width for dtype in dtypes if not dtype.pattern for word, width in dtype.widths.items()}
    inputs = network.inputs
    if "activations" in everywhere:
        inputs = tuple([replace(tensor, width=everywhere["activations"]) for tensor in inputs])
    new: dict[tuple[int, int], Tensor] = {(each.producer, each.output): each for each in inputs}
    layers = []
    for index, layer in enumerate(network.layers):
        widths = layer.widths
        for indices, dtype in meant:
            if index in indices:
                widths = replace(widths, **dtype.widths)
        outputs = tuple([replace(tensor, width=widths.activations) for tensor in layer.outputs])
        new |= {(tensor.producer, tensor.output): tensor for tensor in outputs}
        reads = tuple([new[tensor.producer, tensor.output] for tensor in layer.inputs])
        layers.append(replace(layer, inputs=reads, outputs=outputs, widths=widths))
    named = tuple([new[tensor.producer, tensor.output] for tensor in network.named_outputs])
    return replace(network, inputs=inputs, layers=tuple(layers), named_outputs=named)


def read(given: Given) -> list[Dtype]:
    """Return types as they are given.

    Raises:
        OptionError: One is unknown, or not of the form.
    """
    if isinstance(given, Mapping):
        return [Dtype("", _checked(given, str(dict(given))))]
    if isinstance(given, str):
        return [_read(given)]
    if isinstance(given, Dtype):
        return [given]
    return [dtype for each in given for dtype in read(each)]


def _read(text: str) -> Dtype:
    pattern, colon, types = text.rpartition(":")
    pattern, types = pattern.strip(), types.strip()
    if not types or (colon and not pattern):
        raise OptionError(ErrorDetail("--dtype takes a type of numbers", found=f"--dtype {text!r}", help=_FORM))
    if "=" not in types:
        _check_type(types, text)
        return Dtype(pattern, _of_all(types))
    found: dict[str, str] = {}
    for part in types.split(","):
        word, equals, width = (each.strip() for each in part.partition("="))
        if not equals or word in found:
            message = f"--dtype: {word} is given twice" if word in found else "--dtype takes WHAT=TYPE behind a comma"
            raise OptionError(ErrorDetail(message, found=f"--dtype {text!r}", help=_FORM))
        found[word] = width
    return Dtype(pattern, _checked(found, text))


def _of_all(width: str) -> dict[str, str]:
    """Return the types by what has them where one type is given for all numbers."""
    return {"weights": width, "activations": width, "biases": bias_width(width)}


def _checked(widths: Mapping[str, str], text: str) -> Mapping[str, str]:
    for word, width in widths.items():
        if word not in _WORDS:
            help = nearest(word, _WORDS)
            raise OptionError(ErrorDetail(f"--dtype: no numbers are called {word!r}", found=text, help=help))
        _check_type(width, text)
    return widths


def _check_type(width: Any, text: str) -> None:
    if width not in BITS:
        found, help = "" if width == text else text, nearest(str(width), BITS)
        raise OptionError(ErrorDetail(f"--dtype: there is no type of numbers {width!r}", found=found, help=help))


def types_of(network: Network) -> dict[str, tuple[str, ...]]:
    """Return the types of a network's numbers by what has them, each once: of activations, weights and biases.

    What nothing of the network has is left out.
    """
    activations = dict.fromkeys([tensor.width for tensor in network.inputs])
    weights: dict[str, None] = {}
    biases: dict[str, None] = {}
    with network.free.conditions if network.free is not None else nullcontext():
        for layer in network.layers:
            widths = layer.widths
            activations |= dict.fromkeys([tensor.width for tensor in layer.outputs])
            if layer.definition.weights:
                weights[widths.weights] = biases[widths.biases] = None
            elif widths.weights not in weights and _has_numbers(layer):
                weights[widths.weights] = None
    found = {"activations": activations, "weights": weights, "biases": biases}
    return {what: tuple(types) for what, types in found.items() if types}


def is_float32(types: Mapping[str, Iterable[str]]) -> bool:
    """Return whether all types of numbers are `float32`, as they are where nothing is said."""
    return all(each == "float32" for found in types.values() for each in found)


def types_text(types: Mapping[str, Iterable[str]]) -> str:
    """Return types of numbers by what has them as text.

    >>> types_text({"activations": ("int8", "int16"), "weights": ("int8",)})
    'int8 and int16 activations, int8 weights'
    >>> types_text({"activations": ("int8",), "weights": ("int8",)})
    'int8'
    """
    texts = {what: " and ".join(each) for what, each in types.items()}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return ", ".join(f"{text} {what}" for what, text in texts.items())


def _has_numbers(layer: Layer) -> bool:
    """Return whether a layer has parameters or buffers; formulas are some."""
    cost = layer.cost()
    numbers = cost.params + cost.buffers
    return numbers.__class__ is not int or bool(numbers)
