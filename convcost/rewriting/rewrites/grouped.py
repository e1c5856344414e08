"""Convolutions to grouped ones."""

from __future__ import annotations

from typing import Any, ClassVar

from convcost.layers import REGISTRY
from convcost.network import Layer
from convcost.rewriting.base import NOTHING, Part, Rewrite, part, refuse_unless


class Grouped(Rewrite):
    """A convolution to one whose output channels see only the input channels of their group.

    Stride, padding, dilation and bias stay, and the norm and activation behind it. With `shuffle` a channel shuffle
    follows them, so that the next grouped layer sees all groups (ShuffleNet).
    """

    name = "grouped"
    summary = "k×k → k×k in g groups (and a channel shuffle)"
    loses = "exchange between the groups"
    source = "Krizhevsky et al. 2012, section 3.5; the shuffle: Zhang et al. 2017, arXiv:1707.01083, section 3.1"
    defaults: ClassVar = {"groups": 2, "shuffle": False}

    def check(self, layer: Layer) -> None:
        """Refuse what has groups already, and channels that the groups do not divide."""
        refuse_unless(layer.fields["groups"] == 1, "it has groups already")
        groups = self.options["groups"]
        for name, channels in ("input", layer.input_shapes[0][0]), ("output", layer.output_shape[0]):
            refuse_unless(channels % groups == 0, f"{groups} groups do not divide its {channels} {name} channels")

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return the grouped convolution, and the shuffle."""
        groups: Any = self.options["groups"]
        grouped = part("conv", "conv", layer, groups=groups)
        if not self.options["shuffle"]:
            return (grouped,)
        field = REGISTRY["channel_shuffle"].fields["groups"]
        return grouped, Part("shuffle", "channel_shuffle", {"groups": field.read(groups, 0)}, NOTHING)


REWRITE = Grouped
