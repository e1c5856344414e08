"""The size of a network's weights after pruning, weight sharing and Huffman coding, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod
from pathlib import Path
from typing import ClassVar, Self

from msgspec import Struct

from convcost.compression.rules import chosen
from convcost.compression.sizes import Bits, LayerSizes, Observed, observed, sizes
from convcost.cost.weights import biases_of, weight_bytes
from convcost.errors import ErrorDetail, OptionError, WarningDetail
from convcost.network import Layer, Network
from convcost.network.compression import CompressionRule
from convcost.network.widths import BITS
from convcost.reports.result import Result

STAGES = ("original", "pruned", "quantised", "huffman")


class Stage(Struct, frozen=True):
    """The bytes of weights after a stage.

    Attributes:
        name: `original`, `pruned`, `quantised` or `huffman`.
        bytes: Its bytes; those of uniformly random positions where they are not known.
        lower: The fewest.
        upper: The most.
        rate: How many times smaller it is than the original.
    """

    name: str
    bytes: int
    lower: int
    upper: int
    rate: Fraction | None

    @property
    def exact(self) -> bool:
        """Whether its bytes are known."""
        return self.lower == self.upper


class LayerCompression(Struct, frozen=True):
    """The weights of a layer.

    Attributes:
        layer: The layer.
        rule: What is done with them.
        sizes: Their sizes in bits.
        other: The bytes of its biases, and of what else stays as it is.
        observed: Whether a file says where they are zero.
    """

    layer: Layer
    rule: CompressionRule
    sizes: LayerSizes
    other: int
    observed: bool = False

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Its weights after each stage, biases apart."""
        return _stages([_bytes(bits) for bits in self.sizes.stages])


class Compression(Result, frozen=True):
    """The size of a network's weights after pruning, weight sharing and Huffman coding.

    Attributes:
        network: The network.
        layers: The layers with weights of their own.
        other: The bytes of what is not compressed: biases and norms; 0 where they are left out.
        biases: Whether these are counted.
    """

    shown_by: ClassVar[str] = "convcost.compression.report:CompressionReport"

    network: Network
    layers: tuple[LayerCompression, ...]
    other: int
    biases: bool

    @classmethod
    def of(
        cls,
        network: Network,
        rules: Sequence[CompressionRule],
        *,
        weights: str | Path | None = None,
        biases: bool = True,
    ) -> Self:
        """Work out the size of a network.

        Args:
            network: The network.
            rules: What is done with the weights of layers; a later rule wins.
            weights: A file of weights, `.npz` or `.safetensors`: where they are zero, and how often values occur.
            biases: Whether biases and norms, which stay as they are, are counted.

        Raises:
            OptionError: A rule is for no layer with weights, contradicts itself, or the file does not fit.
        """
        costs = [layer.cost() for layer in network.layers]
        stored = weight_bytes(network, costs)
        rows = [
            _Row(layer, cost.params - biases_of(layer), own)
            for layer, cost, own in zip(network.layers, costs, stored, strict=True)
            if layer.definition.macs and not layer.shares and cost.params
        ]
        each = chosen(network, [row.layer for row in rows], [row.weights for row in rows], rules)
        known = _observations(weights, rows, each) if weights is not None else {}
        found = [_layer(row, rule, known.get(row.layer.name)) for row, rule in zip(rows, each, strict=True)]
        other = sum(stored) - sum(_kernel(row) for row in rows) if biases else 0
        return cls(network, tuple(found), other, biases)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The network after each stage."""
        sums = []
        for index in range(len(STAGES)):
            total = Bits(self.other, self.other, self.other)
            for layer in self.layers:
                total += _bytes(layer.sizes.stages[index])
            sums.append(total)
        return _stages(sums)

    @property
    def kept(self) -> int:
        """The parameters that pruning keeps, those that are not compressed included."""
        return sum(layer.sizes.kept for layer in self.layers)

    @property
    def warnings(self) -> tuple[WarningDetail, ...]:
        """What is valid in the spec and rarely meant."""
        return self.network.warnings

    def summary(self) -> str:
        """Return the result in one line."""
        from convcost.reports import titles

        first, *_, last = self.stages
        rate = f", {float(last.rate):.1f} × smaller" if last.rate else ""
        about = "" if last.exact else "about "
        return f"{titles.title(self.network)}: {first.bytes:,} → {about}{last.bytes:,} bytes{rate}"


class _Row(Struct, frozen=True):
    """A layer with its weights, and the bytes of all of its numbers."""

    layer: Layer
    weights: int
    stored: int


def _kernel(row: _Row) -> int:
    return -(-row.weights * BITS[row.layer.widths.weights] // 8)


def _layer(row: _Row, rule: CompressionRule, known: Observed | None) -> LayerCompression:
    if known is not None and known.kept < row.weights and rule.index_bits is None:
        found = f"{row.weights - known.kept:,} of {row.weights:,} weights of {row.layer.name!r} are zero"
        help = "give index_bits, such as --index-bits 5"
        raise OptionError(ErrorDetail("pruned weights need the bits of a distance", found=found, help=help))
    found_sizes = sizes(row.weights, rule, known, BITS[row.layer.widths.weights])
    return LayerCompression(row.layer, rule, found_sizes, row.stored - _kernel(row), known is not None)


def _observations(path: str | Path, rows: Sequence[_Row], rules: Sequence[CompressionRule]) -> dict[str, Observed]:
    """Return what a file says of the weights of each layer that it has.

    Raises:
        OptionError: It has none, or others than the layers have.
    """
    from convcost.compression import weights

    places = {name: place for place, row in enumerate(rows) for name in weights.names_of(row.layer.name)}
    found: dict[str, Observed] = {}
    names, details = [], []
    for tensor in weights.read(path, {name: rows[place].weights for name, place in places.items()}):
        names.append(tensor.name)
        place = places.get(weights.plain(tensor.name))
        if place is None:
            continue
        row = rows[place]
        size = prod(tensor.shape)
        if size != row.weights:
            message = f"the weights of {row.layer.name!r} in {str(path)!r} have another size"
            shape = " × ".join(map(str, tensor.shape))
            details.append(ErrorDetail(message, found=f"{shape} are {size:,}, the layer has {row.weights:,}"))
        else:
            found[row.layer.name] = observed(tensor.values, rules[place])
    if details:
        raise OptionError(details)
    if not found:
        help = f"they are called as layers: {rows[0].layer.name}, with .weight or without" if rows else ""
        message = f"no weights in {str(path)!r} belong to a layer"
        raise OptionError(ErrorDetail(message, found=f"it has {', '.join(names[:5]) or 'nothing'}", help=help))
    return found


def _bytes(bits: Bits) -> Bits:
    return Bits(*(-(-number // 8) for number in (bits.lower, bits.value, bits.upper)))


def _stages(found: Sequence[Bits]) -> tuple[Stage, ...]:
    first = found[0].value
    return tuple(
        [
            Stage(name, size.value, size.lower, size.upper, Fraction(first, size.value) if size.value else None)
            for name, size in zip(STAGES, found, strict=True)
        ]
    )
