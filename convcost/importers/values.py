"""What a value of the graph is while it is mapped."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from convcost.importers.graph import Constant
from convcost.network.graph import Tensor


class Unsupported(Exception):
    """An operator does what no layer type does.

    Args:
        reason: What that is, in a few words.
    """


class Moved(Struct, frozen=True):
    """A tensor whose values are only moved so far: reshaped and permuted, or padded with zeros.

    What follows may take the movement into itself: a convolution its padding, a shuffle of channels the whole of it.

    Attributes:
        base: The tensor that is moved.
        steps: `("reshape", shape)`, `("permute", axes)` and `("pad", amounts)`, without the batch axis.
        shape: The shape behind the last step.
        scope: The module of the last step.
    """

    base: Tensor
    steps: tuple[tuple[str, Any], ...]
    shape: tuple[int, ...]
    scope: str = ""


class Unmapped(Struct, frozen=True):
    """A value that an operator without a layer type gives, of a shape that is not known.

    Attributes:
        tensor: What stands for it where it is left out of the count.
    """

    tensor: Tensor | None = None


Value = Tensor | Moved | Constant | Unmapped
