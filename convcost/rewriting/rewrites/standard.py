"""Depthwise separable convolutions back to standard ones."""

from __future__ import annotations

from convcost.network import Layer
from convcost.network.patterns import is_depthwise, is_pointwise
from convcost.rewriting.base import Graph, Part, Refusal, Rewrite, Site, fields


class Standard(Rewrite):
    """A depthwise convolution and the pointwise one behind it to the standard one with the same window and shape.

    The norm and activation of the pointwise stage stay; what stood between the stages goes.
    """

    name = "standard"
    summary = "depthwise k×k, pointwise 1×1 → k×k"
    loses = "norm and activation between the stages"
    source = "Howard et al. 2017, arXiv:1704.04861, Table 4"

    def site(self, graph: Graph, index: int) -> Site | None:
        """Return the site of a pair, found at its pointwise stage."""
        layer = graph.layers[index]
        if is_depthwise(layer):
            if index in graph.depthwise:
                return None
            raise Refusal("no pointwise convolution alone reads it, through norms and activations only")
        if not is_pointwise(layer):
            return None
        depthwise = graph.pairs.get(index)
        if depthwise is None:
            raise Refusal("no depthwise convolution feeds it alone, through norms and activations only")
        between = []
        at = layer.sources[0]
        while at != depthwise:
            between.append(at)
            at = graph.layers[at].sources[0]
        first = graph.layers[depthwise]
        becomes: dict[int, tuple[Part, ...]] = {depthwise: (), **dict.fromkeys(reversed(between), ())}
        becomes[index] = self.parts(first, layer)
        one_item = first.item == layer.item and first.path[:-1] == layer.path[:-1]
        return Site(becomes, path=layer.path[:-1] if one_item else None)

    def parts(self, layer: Layer, pointwise: Layer | None = None) -> tuple[Part, ...]:
        """Return the standard convolution with the window of the depthwise stage and the pointwise one's channels."""
        assert pointwise is not None
        mixing = {name: pointwise.fields[name] for name in ("out_channels", "bias")}
        return (Part("conv", "conv", fields("conv", layer, groups=1, **mixing)),)


REWRITE = Standard
