"""What a document holds: symbols, defaults, blocks and items, values and shapes still open."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from convcost.layers import REGISTRY
from convcost.network import Limit, Widths
from convcost.network.widths import BITS
from convcost.spec.tree import Node

if TYPE_CHECKING:
    from convcost.network.compression import CompressionRule
    from convcost.spec.fields import Defaults

RESIDUAL = "residual"
"""The merge that is written as one item and runs as an `add`."""


def is_merge(type: str) -> bool:
    """Return whether an item of a type takes several inputs."""
    return type == RESIDUAL or (type in REGISTRY and REGISTRY[type].merges())


FIRST_TYPES = frozenset((
    "adaptive_avg_pool", "add", "avg_pool", "batch_norm", "channel_shuffle", "concat", "conv", "crop", "depthwise_conv",
    "dropout", "flatten", "gelu", "global_avg_pool", "group_norm", "hard_sigmoid", "hard_swish", "identity",
    "layer_norm", "leaky_relu", "linear", "local_response_norm", "max_pool", "multiply", "pad", "pixel_shuffle",
    "pointwise_conv", "prelu", "relu", "relu6", RESIDUAL, "scale", "separable_conv", "sigmoid", "silu", "slice",
    "softmax", "tanh", "transposed_conv", "upsample",
))  # fmt: skip
"""The types that no block can be called; those that came later yield to a block of the file."""

KEYS = {
    "convcost": "The version of the language: 1, or 2; without it 1.",
    "name": "What the network is called.",
    "source": "Where the architecture comes from.",
    "symbols": "What a run may change: names and their defaults.",
    "input": "The shape of the input, channels first: [C, H, W], [C, L], [C, D, H, W], or [F] for a vector.",
    "inputs": "Several inputs instead of one: names and shapes, or {shape: …, layout: tokens}.",
    "outputs": "The names of the network's outputs; without them everything that no item reads.",
    "dtype": "The type of the numbers, such as int8, or {weights: …, activations: …, biases: …}; no count changes.",
    "defaults": "The fields that a layer type takes where a layer does not give them.",
    "blocks": "Layer types of this file, made of others.",
    "layers": "The items of the network, one after the other.",
    "budget": "The largest totals allowed, such as `params: 4.3M`.",
    "compression": "How weights are compressed: `layers`, a mapping of patterns of names to what is done with them.",
}
"""The keys of a spec, with what they are; so are those of its parts."""
SYMBOL_KEYS = {
    "value": "The default; without one the symbol stays a letter until `--set` gives it a value.",
    "multiple_of": "What every value of the symbol is a multiple of.",
}
INPUT_KEYS = {
    "shape": "The sizes without the batch axis.",
    "layout": "What the axes are: feature_map, tokens, vector or unknown.",
    "dtype": "The type of its numbers.",
}
BLOCK_KEYS = {
    "inputs": "The names of what it reads; `from` gives them in this order.",
    "outputs": "The names of what it gives; without them what the last item gives.",
    "params": "The parameters with their defaults; an empty default must be given where the block is used.",
    "layers": "The items of the block, one after the other.",
}
ITEM_KEYS = {
    "name": "Names the output, for `from` of later items; a list where there are several outputs.",
    "from": "Reads an earlier item instead of the one before; a list of names where several are read.",
    "repeat": "How often it runs, one after the other; 0 leaves it out. Or {times, index, collect, weights}.",
    "if": "Leaves it out unless this holds; what is left out passes its input on.",
    "else": "The items that run instead where `if` leaves it out.",
    "weights": "The name of an earlier item whose weights it uses; `own` inside a block that shares.",
    "trainable": "Whether its numbers are learned; those that are not count as buffers.",
    "dtype": "The type of its numbers, such as int8; no count changes.",
    "sparsity": "The share of its weights that are zero, such as 90%; only effective_macs changes.",
}
REPEAT_KEYS = {
    "times": "How often it runs.",
    "index": "A word that stands for the number of the repetition, from 0, in the item.",
    "collect": "Merges the outputs of all repetitions, by `concat` or `add`; by `dense` each reads all before it.",
    "weights": "`shared`: all repetitions use the weights of the first.",
}
LATER_ITEM_KEYS = frozenset(("else", "weights", "trainable", "dtype", "sparsity"))
"""Keys of items that yield to blocks and parameters of the file."""
DTYPE_KEYS = ("weights", "activations", "biases")
DTYPES = tuple(BITS)
"""The types of numbers."""
LAYOUTS = ("feature_map", "tokens", "vector", "unknown")
PREVIOUS = "previous"
"""The name by which `from` reads the item before, where no item has it."""
OWN = "own"
"""What `weights` says of an item inside a block that shares its weights and has its own."""
EACH = "each"
"""The item that runs its layers on every slice of an axis."""
EACH_KEYS = {"axis": "The axis along which slices are taken.", "layers": "The items that run on each slice."}
INPUT_NAME = "input"
"""The name by which `from` reads the input of the network."""
BRANCHES = "branches"
"""The key of a merge with fields that holds its branches."""
RESIDUAL_KEYS = {
    "body": "The items whose output is added.",
    "shortcut": "The items on the way around them; the input itself without it.",
}
MOST_SIZES = 4  # of an input: channels and three spatial axes


class Invalid:
    """Stands for a value whose error is reported."""


INVALID = Invalid()


class Given(Struct, gc=False):
    """A value as a spec gives it.

    Attributes:
        value: A constant, a `Formula`, a list of these, an `Item` (a norm or activation with fields), or `INVALID`.
        at: The node that an error points to.
        outer: Whether it stands in `defaults`, outside every block.
    """

    value: Any
    at: Node
    outer: bool = False


class Item(Struct, gc=False):
    """One item of a list.

    Attributes:
        type: A layer type, a merge or a block of the file; empty where that is a reported error.
        segment: Its part of a layer's name: its own name, or its type and a count.
        where: Its path in the file, for errors.
        fields: What is given to a layer (the defaults of its type included) or a block.
        branches: A merge's lists; None where it names its inputs.
        merges: Whether it takes several inputs.
        opens_level: Whether the names of the layers inside a merge begin with its own.
        names: The names of its outputs; `_` for one that is not needed.
        sources: The names it reads instead of the item before.
        named: The names that its fields give, which it reads too.
        repeat: How often it runs.
        condition: Whether it runs.
        otherwise: The items that run where it does not.
        weights: The name of the item whose weights it uses; `own` where it has its own inside one that shares.
        weights_at: The node that errors about these point to.
        frozen: Whether its numbers are not learned.
        widths: The types of its numbers, where it says them.
        sparsity: The share of its weights that are zero, where it says that.
        former: The part of a layer's name that earlier versions gave it.
    """

    type: str
    segment: str
    where: str
    line: int
    column: int
    fields: dict[str, Given]
    branches: list[Branch] | None = None
    merges: bool = False
    opens_level: bool = True
    names: tuple[str, ...] = ()
    former: str = ""
    sources: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    repeat: Repeat | None = None
    condition: Given | None = None
    otherwise: list[Item] | None = None
    weights: str = ""
    weights_at: Node | None = None
    frozen: bool = False
    widths: Widths | None = None
    sparsity: Fraction | None = None


DENSE = "dense"
"""How repetitions are collected of which each reads the input and the outputs of all before it, concatenated."""


class Repeat(Struct, gc=False):
    """How often an item runs, and what becomes of it.

    Attributes:
        times: How often.
        at: The node that an error points to.
        index: The word for the number of the repetition; empty without one.
        collect: The merge of all repetitions' outputs, or `DENSE`; empty where the last one is passed on.
        shared: Whether all use the weights of the first.
    """

    times: Given
    at: Node
    index: str = ""
    collect: str = ""
    shared: bool = False


class Branch(Struct, gc=False):
    """A branch of a merge.

    Attributes:
        items: Its items.
        source: The name of the value that it is instead of items; empty where it has items.
        label: Its part of the names of the layers inside; empty where they are counted with the merge's own list.
        former: The part that earlier versions gave it.
    """

    items: list[Item]
    label: str
    former: str
    source: str = ""


class Block(Struct, gc=False):
    """A block: its parameters (None where one is required), its items, and the names of its inputs and outputs.

    Attributes:
        broken: Whether errors hide what it is.
    """

    parameters: dict[str, Given | None]
    items: list[Item]
    broken: bool = False
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


class InputGiven(Struct, gc=False):
    """An input: its shape, its layout where it says one, and the type of its numbers."""

    shape: Given
    layout: str = ""
    width: str = ""


class Symbol(Struct, gc=False):
    """A symbol: its default (None where it has none), the fact about it, and where it stands."""

    value: Given | None
    multiple_of: Given | None
    at: Node


class Unread(Struct, frozen=True, gc=False):
    """A block or a parameter that nothing reads: its kind, its name, its path, and where it stands."""

    kind: str
    name: str
    path: str
    at: Node


class Document(Struct, gc=False):
    """A whole spec, values and shapes still open; `closed` when an error hides too much to unroll it.

    Attributes:
        version: The version of the language that it is written in.
        reads: The symbols that anything but another symbol reads.
        unread: The blocks and the parameters that nothing reads.
    """

    name: str
    source: str
    symbols: dict[str, Symbol]
    inputs: dict[str, InputGiven]
    blocks: dict[str, Block]
    items: list[Item]
    defaults: Defaults
    limits: tuple[Limit, ...]
    compression: tuple[CompressionRule, ...] = ()
    closed: bool = False
    version: int = 1
    outputs: tuple[tuple[str, Node], ...] = ()
    widths: Widths | None = None
    reads: frozenset[str] = frozenset()
    unread: tuple[Unread, ...] = ()
