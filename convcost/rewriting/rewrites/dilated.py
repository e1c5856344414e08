"""Large kernels to small ones with holes."""

from __future__ import annotations

from convcost.network import Layer
from convcost.rewriting.base import Part, Rewrite, part, refuse_unless


class Dilated(Rewrite):
    """A convolution with a large kernel to one with 3 taps on each axis, spread over the same extent.

    Everything else stays; the dilation of an axis is multiplied by (k − 1)/2.
    """

    name = "dilated"
    summary = "k×k → 3×3 with dilation (k − 1)/2"
    loses = "the values between the taps"
    source = "Yu and Koltun 2015, arXiv:1511.07122, section 2"

    def check(self, layer: Layer) -> None:
        """Refuse kernels without a middle, or without room for holes."""
        kernel = layer.fields["kernel_size"]
        refuse_unless(max(kernel) > 3, f"its kernel of {max(kernel)} has no room for holes")
        refuse_unless(all(size % 2 for size in kernel), "an even kernel has no middle tap")

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return the convolution with holes."""
        sizes, dilations = layer.fields["kernel_size"], layer.fields["dilation"]
        kernel = tuple(3 if not isinstance(size, int) or size > 3 else size for size in sizes)
        spread = tuple(
            d * ((size - 1) // 2) if taps == 3 else d for size, taps, d in zip(sizes, kernel, dilations, strict=True)
        )
        return (part("conv", "conv", layer, kernel_size=kernel, dilation=spread),)


REWRITE = Dilated
