"""Linear layers behind a flatten to 1×1 convolutions and global average pooling."""

from __future__ import annotations

from typing import Any

from convcost.layers import Activation, Norm
from convcost.network import INPUT, Layer
from convcost.rewriting.base import NOTHING, OWN, Graph, Part, Rewrite, Site, fields, refuse_unless


class FullyConvolutional(Rewrite):
    """A flatten and the linear layers behind it to 1×1 convolutions at every position, averaged at the end.

    Norms, activations and dropout between them stay. The first layer keeps its multiplications and has H·W times fewer
    parameters; the others work at H·W places instead of one.
    """

    name = "fully_convolutional"
    summary = "flatten, linear → 1×1, global average pooling"
    loses = "a weight for each position; all but the first multiply H·W times"
    source = "Lin et al. 2013, arXiv:1312.4400, section 3.2"

    def site(self, graph: Graph, index: int) -> Site | None:
        """Return the site of a chain of linear layers, found at its first."""
        layer = graph.layers[index]
        if layer.type != "linear":
            return None
        flatten, before = self._flatten(graph, index)
        refuse_unless(len(graph.layers[flatten].input_shapes[0]) > 1, "what is flattened is a vector already")
        chain, between = [index], before
        waiting: list[int] = []
        at = index
        while at in graph.next:
            at = graph.next[at]
            if graph.layers[at].type == "linear":
                chain.append(at)
                between = [*between, *waiting]
                waiting = []
            elif _passes(graph, at):
                waiting.append(at)
            else:
                break
        rank = len(graph.layers[flatten].input_shapes[0]) - 1
        becomes: dict[int, tuple[Part, ...]] = {flatten: ()}
        becomes |= {linear: self._point(graph.layers[linear], rank, OWN) for linear in chain[:-1]}
        last = self._point(graph.layers[chain[-1]], rank, NOTHING)
        becomes[chain[-1]] = (
            *last,
            Part("global_avg_pool", "global_avg_pool", {}, NOTHING),
            Part("flatten", "flatten", {}, OWN),
        )
        own = {follower for linear in chain for follower in graph.own(linear)}
        return Site(becomes, between=tuple(each for each in between if each not in own))

    def _flatten(self, graph: Graph, index: int) -> tuple[int, list[int]]:
        """Return the flatten that a linear layer reads, and the layers between them.

        Raises:
            Refusal: It reads none, or is not the first that does.
        """
        between: list[int] = []
        at = graph.layers[index].sources[0]
        linear = False
        while at != INPUT and graph.readers[at] == 1 and (_passes(graph, at) or graph.layers[at].type == "linear"):
            linear |= graph.layers[at].type == "linear"
            between.insert(0, at)
            at = graph.layers[at].sources[0]
        found = at != INPUT and graph.layers[at].type == "flatten" and graph.readers[at] == 1
        refuse_unless(found, "no flatten stands before it that nothing else reads")
        refuse_unless(not linear, "it goes with the first linear layer behind the flatten")
        return at, between

    def _point(self, layer: Layer, rank: int, behind: str) -> tuple[Part, ...]:
        given: dict[str, Any] = {"out_channels": layer.fields["out_features"], "bias": layer.fields["bias"]}
        given |= {"stride": (1,) * rank, "groups": 1}
        return (Part("conv", "pointwise_conv", fields("pointwise_conv", layer, **given), behind),)


def _passes(graph: Graph, index: int) -> bool:
    """Return whether a layer works on each value, or on the channels of each position, whatever the shape."""
    layer = graph.layers[index]
    return layer.type in ("dropout", "identity") or isinstance(layer.definition, (Norm, Activation))


REWRITE = FullyConvolutional
