"""Convolutions to fire modules."""

from __future__ import annotations

from typing import Any, ClassVar

from convcost.network import Layer
from convcost.rewriting.base import ALL, NOTHING, Part, Rewrite, part, refuse_unless


class Fire(Rewrite):
    """A k×k convolution to a fire module: a 1×1 that squeezes the channels, then a 1×1 beside a k×k, joined.

    The squeeze gives N/s channels, each of the two that expand N/2; norm and activation that are written with the layer
    follow each of them. The stride stands in both.
    """

    name = "fire"
    summary = "k×k → 1×1 to N/s, then 1×1 beside k×k to N/2 each"
    loses = "rank: N/s channels; half of the output sees no neighbours"
    source = "Iandola et al. 2016, arXiv:1602.07360, section 3.2"
    defaults: ClassVar = {"squeeze": 8}

    def check(self, layer: Layer) -> None:
        """Refuse what has groups or no window, and channels that cannot be divided."""
        refuse_unless(layer.fields["groups"] == 1, "it has groups")
        refuse_unless(max(layer.fields["kernel_size"]) > 1, "it has no window")
        channels = layer.output_shape[0]
        for share in self.options["squeeze"], 2:
            refuse_unless(channels % share == 0, f"{share} does not divide its {channels} output channels")

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return the squeeze and the two that expand."""
        share: Any = self.options["squeeze"]
        channels = layer.fields["out_channels"]
        point: dict[str, Any] = {"kernel_size": 1, "dilation": 1}
        if layer.fields["padding"] != "same":  # which pads a 1×1 by nothing
            point["padding"] = 0
        squeeze = part("squeeze", "conv", layer, ALL, share=share, out_channels=channels // share, stride=1, **point)
        half: dict[str, Any] = {"share": 2, "out_channels": channels // 2}
        branches = (part("conv_1", "conv", layer, **half, **point),), (part("conv_1", "conv", layer, **half),)
        return squeeze, Part("expand", "concat", {}, NOTHING, branches=branches)


REWRITE = Fire
