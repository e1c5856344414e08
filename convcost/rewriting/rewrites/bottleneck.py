"""Convolutions to bottlenecks."""

from __future__ import annotations

from typing import Any, ClassVar

from convcost.network import Layer
from convcost.rewriting.base import ALL, Part, Rewrite, part, refuse_unless


class Bottleneck(Rewrite):
    """A k×k convolution to one on fewer channels between a 1×1 that reduces them and a 1×1 that restores them.

    Stride, padding and dilation stay with the k×k; norm and activation follow each of the three.
    """

    name = "bottleneck"
    summary = "k×k → 1×1 to N/r channels, k×k, 1×1 to N"
    loses = "rank: all passes through N/r channels"
    source = "He et al. 2015, arXiv:1512.03385, Figure 5"
    defaults: ClassVar = {"reduction": 4}

    def check(self, layer: Layer) -> None:
        """Refuse what has groups or no window, and channels that cannot be divided."""
        refuse_unless(layer.fields["groups"] == 1, "it has groups")
        refuse_unless(max(layer.fields["kernel_size"]) > 1, "it has no window")
        channels, share = layer.output_shape[0], self.options["reduction"]
        refuse_unless(channels % share == 0, f"{share} does not divide its {channels} output channels")

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return the three convolutions."""
        share: Any = self.options["reduction"]
        few: dict[str, Any] = {"out_channels": layer.fields["out_channels"] // share}
        point: dict[str, Any] = {"kernel_size": 1, "stride": 1, "dilation": 1}
        if layer.fields["padding"] != "same":  # which pads a 1×1 by nothing
            point["padding"] = 0
        return (
            part("reduce", "conv", layer, ALL, share=share, **few, **point),
            part("conv", "conv", layer, ALL, share=share, **few),
            part("restore", "conv", layer, **point),
        )


REWRITE = Bottleneck
