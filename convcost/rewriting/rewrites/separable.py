"""Standard convolutions to depthwise separable ones."""

from __future__ import annotations

from convcost.layers import shown
from convcost.network import Layer
from convcost.rewriting.base import Part, Rewrite, part, refuse_unless


class Separable(Rewrite):
    """A convolution to a depthwise one and the pointwise one that mixes its channels.

    Kernel, stride, padding and dilation go to the depthwise stage, the bias to both; norm and activation follow both
    stages, as in MobileNet.
    """

    name = "separable"
    summary = "k×k → depthwise k×k, pointwise 1×1"
    loses = "rank: all outputs mix the same filtered inputs"
    source = "Howard et al. 2017, arXiv:1704.04861, section 3.1"

    def check(self, layer: Layer) -> None:
        """Refuse what is no standard convolution over windows."""
        refuse_unless(layer.fields["groups"] == 1, "it has groups")
        kernel = layer.fields["kernel_size"]
        refuse_unless(max(kernel) > 1, f"its kernel {shown(kernel)} has no window to filter")

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return the separable convolution."""
        return (part("separable", "separable_conv", layer),)


REWRITE = Separable
