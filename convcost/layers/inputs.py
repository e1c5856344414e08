"""What layer types take, and the error of a layer that cannot work on what reaches it."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.layers.layout import FEATURE_MAP, TOKENS, UNKNOWN, VECTOR, Input, Shape, merged_layout

SPATIAL, FEATURES, SEQUENCE, POSITIONS, ANY = "spatial", "features", "sequence", "positions", "any"
"""What a type takes, beside `VECTOR`. `SPATIAL`: a feature map; `FEATURES`: vectors, one or many, channels last;
`SEQUENCE`: tokens; `POSITIONS`: a feature map or tokens. A value of unknown layout may be each of these."""


class LayerError(Exception):
    """A layer that cannot work on the shape which reaches it.

    Args:
        message: What must hold.
        found: What was found.
        field: The field to point at; the whole layer where it is empty.
        help: The remedy.
        output: The output shape where it is clear all the same, so that what follows can be checked too.
    """

    def __init__(
        self, message: str, found: str = "", *, field: str = "", help: str = "", output: Shape | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.found = found
        self.field = field
        self.help = help
        self.output = output


_TAKEN = {
    SPATIAL: (FEATURE_MAP, UNKNOWN),
    VECTOR: (VECTOR, UNKNOWN),
    FEATURES: (VECTOR, TOKENS, UNKNOWN),
    SEQUENCE: (TOKENS, UNKNOWN),
    POSITIONS: (FEATURE_MAP, TOKENS, UNKNOWN),
    ANY: (FEATURE_MAP, TOKENS, VECTOR, UNKNOWN),
}
_OF_ONE_AXIS = {
    SPATIAL: (False,),
    VECTOR: (True,),
    FEATURES: (True, False),
    SEQUENCE: (False,),
    POSITIONS: (False,),
    ANY: (True, False),
}
_REMEDIES = {
    (SPATIAL, VECTOR): "a vector has none",
    (POSITIONS, VECTOR): "a vector has none",
    (SPATIAL, TOKENS): "put `feature_map` before it",
    (VECTOR, FEATURE_MAP): "put `flatten` before it",
    (VECTOR, TOKENS): "put `flatten` before it, or average them: global_avg_pool",
    (FEATURES, FEATURE_MAP): "`flatten` for one vector, `pointwise_conv` for each position, `tokens` for a sequence",
    (SEQUENCE, FEATURE_MAP): "put `tokens` before it",
    (SEQUENCE, VECTOR): "tokens have at least two axes: [length, channels]",
}
_TITLES = {
    SPATIAL: "channels and spatial sizes",
    VECTOR: "a vector",
    FEATURES: "a vector or tokens",
    SEQUENCE: "tokens",
    POSITIONS: "channels and spatial sizes",
}


def refusal(type: str, takes: str, value: Input) -> LayerError | None:
    """Return the error of an input of another kind than a layer type takes; None where it takes it."""
    if value.layout in _TAKEN[takes] and (len(value.shape) == 1) in _OF_ONE_AXIS[takes]:
        return None
    found = f"{shown(value.shape)} reaches it" + (", tokens" if value.layout == TOKENS else "")
    help = _REMEDIES.get((takes, value.layout), "")
    if type == value.layout.replace(" ", "_"):
        help = "leave it out: nothing is to be done"
    return LayerError(f"{type} takes {_TITLES[takes]}", found, help=help)


def stated_layout(word: str, shape: Shape) -> str:
    """Return the layout that a field names.

    Raises:
        LayerError: The shape cannot have it.
    """
    axes = {"vector": "one axis", "tokens": "at least two axes", "feature_map": "two to four axes"}
    least, most = {"vector": (1, 1), "tokens": (2, 99), "feature_map": (2, 4)}.get(word, (1, 99))
    if not least <= len(shape) <= most:
        raise LayerError(f"the layout {word} has {axes[word]}", f"the output is {shown(shape)}", field="layout")
    return word.replace("_", " ")


def check_layouts(type: str, inputs: Sequence[Input]) -> str:
    """Return the layout of what a merge makes of its inputs.

    Raises:
        LayerError: One is a feature map, another tokens.
    """
    layout = merged_layout(inputs)
    if layout is None:
        found = " and ".join(f"{shown(value.shape)}, {value.layout}" for value in inputs)
        raise LayerError(f"the inputs of {type} must have one layout", found, help="`tokens` or `feature_map` on one")
    return layout


def count_of_inputs(least: int, most: int | None) -> str:
    """Return how many inputs a type takes, in words."""
    if least == most:
        return "no input" if least == 0 else f"{least} input{'s' * (least != 1)}"
    return f"at least {least} input{'s' * (least != 1)}" if most is None else f"{least} to {most} inputs"


def shown(shape: Shape) -> str:
    """Return a shape as specs write it.

    >>> shown((3, 224, 224))
    '[3, 224, 224]'
    """
    return "[" + ", ".join(map(str, shape)) + "]"
