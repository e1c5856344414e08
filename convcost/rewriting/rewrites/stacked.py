"""Large kernels to stacks of 3×3."""

from __future__ import annotations

from typing import Any, ClassVar

from convcost.network import Layer
from convcost.rewriting.base import ALL, OWN, Part, Rewrite, part, refuse_unless


class Stacked(Rewrite):
    """A k×k convolution to (k − 1)/2 stacked 3×3 ones, which see the same window.

    Norm and activation follow each of them, so there are more non-linearities, as in VGG. The stride stands in the
    last, the dilation in all, the padding is dealt out. Each layer before the last works on more places than the k×k
    one where that does not pad: parameters and multiplications move apart. The first maps to all output channels.
    """

    name = "stacked"
    summary = "k×k → (k − 1)/2 stacked 3×3"
    loses = "kernels that no stack of small ones makes"
    source = "Simonyan and Zisserman 2014, arXiv:1409.1556, section 2.3"
    example: ClassVar = {"Dk": 5}

    def check(self, layer: Layer) -> None:
        """Refuse kernels that no 3×3 add up to, and groups."""
        kernel = layer.fields["kernel_size"]
        refuse_unless(layer.fields["groups"] == 1, "it has groups")
        refuse_unless(len(set(kernel)) == 1, "its kernel is not square")
        refuse_unless(kernel[0] % 2 == 1 and kernel[0] >= 5, f"no 3×3 add up to its kernel of {kernel[0]}")

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return the stack."""
        count = (layer.fields["kernel_size"][0] - 1) // 2
        parts = []
        for number in range(1, count + 1):
            last = number == count
            changed: dict[str, Any] = {"kernel_size": 3}
            if layer.fields["padding"] != "same":
                changed["padding"] = _share(layer, number, count)
            if not last:
                changed["stride"] = 1
            parts.append(part(f"conv_{number}", "conv", layer, OWN if last else ALL, **changed))
        return tuple(parts)


def _share(layer: Layer, number: int, count: int) -> Any:
    """Return a stacked layer's part of the padding: what its dilation reaches, the first one whatever is left."""
    result = []
    for pair, d in zip(layer.fields["padding"], layer.fields["dilation"], strict=True):
        sides = []
        for whole in pair:
            later = [min(d, max(0, whole - d * place)) for place in range(1, count)]
            sides.append(whole - sum(later) if number == 1 else later[number - 2])
        result.append(tuple(sides))
    return tuple(result)


REWRITE = Stacked
