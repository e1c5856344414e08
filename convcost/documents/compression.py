"""The document of a network's size after pruning, weight sharing and Huffman coding."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from convcost.documents import VERSION
from convcost.documents.analysis import NetworkDocument
from convcost.documents.numbers import Count
from convcost.documents.warnings import Warning


class StageDocument(Struct, frozen=True, kw_only=True):
    """The bytes of weights after a stage.

    Attributes:
        name: `original`, `pruned`, `quantised` or `huffman`.
        bytes: Its bytes; those of uniformly random positions where they are not known.
        lower: The fewest.
        upper: The most; equal to the fewest where the bytes are known.
        rate: How many times smaller it is than the original; null where nothing is left.
    """

    name: str
    bytes: Count
    lower: Count
    upper: Count
    rate: float | None


class RuleDocument(Struct, frozen=True, kw_only=True):
    """What is done with the weights of a layer; null where nothing is said.

    Attributes:
        density: The share that pruning keeps, exact.
        weight_bits: The bits of a weight's code.
        index_bits: The bits of a distance.
        weight_code_bits: The bits of a weight's Huffman code on average, exact.
        index_code_bits: The bits of a distance's Huffman code on average, exact.
    """

    density: str | None
    weight_bits: Count | None
    index_bits: Count | None
    weight_code_bits: str | None
    index_code_bits: str | None


class LayerCompressionDocument(Struct, frozen=True, kw_only=True):
    """The weights of a layer.

    Attributes:
        name: The layer's name.
        type: Its type.
        line: The line where it is written; null of a model file.
        origin: The path of its module in the model file, where the file says it.
        weights: How many weights it has, biases apart.
        kept: How many pruning keeps.
        fillers: How many filler zeros are stored; those of uniformly random positions where that is not known.
        observed: Whether a file of weights says where they are zero.
        rule: What is done with them.
        stages: Its weights after each stage.
        other_bytes: The bytes of its biases, which stay as they are.
    """

    name: str
    type: str
    line: Count | None
    origin: str | UnsetType = UNSET
    weights: Count
    kept: Count
    fillers: Count
    observed: bool
    rule: RuleDocument
    stages: list[StageDocument]
    other_bytes: Count


class CompressionDocument(Struct, frozen=True, kw_only=True):
    """The size of a network after pruning, weight sharing and Huffman coding, as `convcost compress` shows it.

    Attributes:
        schema_version: The version of this structure.
        network: The network.
        layers: The layers with weights of their own.
        kept: How many weights pruning keeps.
        other_bytes: The bytes of biases and norms, which stay as they are; 0 where they are left out.
        stages: The network after each stage.
        warnings: What is valid in the spec and rarely meant.
    """

    schema_version: int = VERSION
    network: NetworkDocument
    layers: list[LayerCompressionDocument]
    kept: Count
    other_bytes: Count
    stages: list[StageDocument]
    warnings: list[Warning] = []
