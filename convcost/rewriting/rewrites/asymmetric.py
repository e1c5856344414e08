"""Square kernels to a row and a column."""

from __future__ import annotations

from typing import Any

from convcost.network import Layer
from convcost.rewriting.base import ALL, OWN, Part, Rewrite, part, refuse_unless


class Asymmetric(Rewrite):
    """A k×k convolution to a 1×k and a k×1 one; in three dimensions to one for each axis.

    Norm and activation follow each, as in Inception-v3. Stride, padding and dilation of an axis stay with its kernel.
    The first maps to all output channels.
    """

    name = "asymmetric"
    summary = "k×k → 1×k, then k×1"
    loses = "rank of the kernel; poor on early layers, says the paper"
    source = "Szegedy et al. 2015, arXiv:1512.00567, section 3.2"

    def check(self, layer: Layer) -> None:
        """Refuse what has groups or only one axis to speak of."""
        refuse_unless(layer.fields["groups"] == 1, "it has groups")
        wide = [size for size in layer.fields["kernel_size"] if size > 1]
        refuse_unless(len(wide) > 1, "its kernel has only one axis wider than 1" if wide else "it has no window")

    def parts(self, layer: Layer) -> tuple[Part, ...]:
        """Return one convolution for each axis that is wider than 1, the last axis first."""
        kernel = layer.fields["kernel_size"]
        axes = [axis for axis in reversed(range(len(kernel))) if not isinstance(kernel[axis], int) or kernel[axis] > 1]
        parts = []
        for number, axis in enumerate(axes, 1):
            mine = [axis] if number < len(axes) else [other for other in range(len(kernel)) if other not in axes[:-1]]

            def only(name: str, rest: Any, mine: list[int] = mine) -> tuple[Any, ...]:
                return tuple(each if place in mine else rest for place, each in enumerate(layer.fields[name]))

            changed: dict[str, Any] = {name: only(name, 1) for name in ("kernel_size", "stride", "dilation")}
            if layer.fields["padding"] != "same":
                changed["padding"] = only("padding", (0, 0))
            behind = OWN if number == len(axes) else ALL
            parts.append(part(f"conv_{number}", "conv", layer, behind, axes=tuple(mine), **changed))
        return tuple(parts)


REWRITE = Asymmetric
