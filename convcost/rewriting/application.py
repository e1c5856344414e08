"""Rewritten networks: the graph is built again, its shapes are recomputed and must stay equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from convcost.layers import REGISTRY, LayerError, LayerType, shown
from convcost.layers.layout import FEATURE_MAP, TOKENS, VECTOR
from convcost.network import INPUT, LayerOrigin, Network, NetworkBuilder, Tensor
from convcost.rewriting.base import ALL, NOTHING, OWN, Graph, Part, Refusal, Rewrite, Site


class Survey(Struct, frozen=True):
    """The sites of a rewrite in a network, and the reasons where it does not apply.

    Attributes:
        sites: The sites, by the index of the layer at which they were found.
        refusals: The reasons why it does not apply, by the index of the layer.
    """

    sites: Mapping[int, Site]
    refusals: Mapping[int, str]


class Rewritten(Struct, frozen=True):
    """A rewritten network.

    Attributes:
        network: The network.
        origins: For each layer, the index of the old layer that it copies or replaces.
        sites: The sites that were rewritten.
    """

    network: Network
    origins: tuple[int, ...]
    sites: tuple[Site, ...]


def survey(network: Network, rewrite: Rewrite) -> Survey:
    """Return the sites where a rewrite applies and keeps the shape, and the reasons elsewhere."""
    graph = Graph(network)
    sites: dict[int, Site] = {}
    refusals: dict[int, str] = {}
    for index in range(len(network.layers)):
        try:
            site = rewrite.site(graph, index)
            if site is not None:
                site = _with_own(graph, site)
                _check_alone(graph, site)
                _check_shapes(graph, site)
                sites[index] = site
        except Refusal as refusal:
            refusals[index] = str(refusal)
    return Survey(sites, refusals)


def apply(network: Network, sites: Sequence[Site]) -> Rewritten:
    """Return the network with the sites rewritten; each layer may belong to one site."""
    graph = Graph(network)
    writer = _Writer(graph, {index: site for site in sites for index in site.becomes})
    writer.write()
    built = writer.builder.build(
        file=network.file,
        source=network.source,
        symbols=network.symbols,
        limits=network.limits,
        named_outputs=writer.outputs(),
    )
    return Rewritten(built, tuple(writer.origins), tuple(sites))


def rewrite_all(network: Network, rewrite: Rewrite) -> Rewritten:
    """Return the network rewritten wherever the rewrite applies."""
    return apply(network, list(survey(network, rewrite).sites.values()))


def _with_own(graph: Graph, site: Site) -> Site:
    """Return the site extended by the norms and activations that are written with its layers."""
    own = {follower: () for index in site.becomes for follower in graph.own(index) if follower not in site.becomes}
    return replace(site, becomes=dict(sorted({**site.becomes, **own}.items()))) if own else site


def _check_alone(graph: Graph, site: Site) -> None:
    """Refuse layers whose weights others use too, and those that read something else than pictures and vectors.

    Raises:
        Refusal: There is such a layer.
    """
    for index in site.becomes:
        layer = graph.layers[index]
        if partner := layer.shares or graph.sharers.get(layer.name, ""):
            raise Refusal(f"its weights are those of {partner}, too")
        for tensor in layer.inputs:
            if tensor.layout not in (FEATURE_MAP, VECTOR):
                raise Refusal("it reads tokens" if tensor.layout == TOKENS else "it reads values of unknown layout")


def _check_shapes(graph: Graph, site: Site) -> None:
    """Refuse a site that would change the output shape.

    Raises:
        Refusal: The output shape would change.
    """
    writer = _Writer(graph, dict.fromkeys(site.becomes, site))
    last = max(site.becomes)
    old = graph.layers[last].output_shape
    for index in sorted((*site.becomes, *site.between)):
        writer.take(index)
    new = writer.values[last, 0].shape
    if new != old:
        raise Refusal(f"its output would be {shown(new)} instead of {shown(old)}")


class _Writer:
    """Copies the layers of a graph in order, and writes the parts of the rewritten ones."""

    def __init__(self, graph: Graph, sites: Mapping[int, Site]) -> None:
        self.graph = graph
        self.sites = sites
        self.builder = NetworkBuilder(graph.network.name)
        self.inputs = [
            self.builder.add_input(tensor.shape, tensor.layout, tensor.width) for tensor in graph.network.inputs
        ]
        self.origins: list[int] = []
        self.values: dict[tuple[int, int], Tensor] = {}  # the new tensor for each output of an old layer

    def write(self) -> None:
        """Write all layers."""
        for index in range(len(self.graph.layers)):
            self.take(index)

    def take(self, index: int) -> None:
        """Copy a layer, or write the parts that replace it."""
        layer = self.graph.layers[index]
        site = self.sites.get(index)
        inputs = tuple([self._value(tensor) for tensor in layer.inputs])
        if site is None:
            tensors = self._copy(layer.definition, layer.path, index, inputs, layer.former)
            self.values |= {(index, number): tensor for number, tensor in enumerate(tensors)}
            return
        value = inputs[0]
        parts = site.becomes[index]
        root = site.path if site.path is not None and parts else layer.path
        for part in parts:
            path = root if len(parts) == 1 else (*root, part.label)
            value = self._part(part, path, index, value)
        self.values[index, 0] = value

    def outputs(self) -> tuple[Tensor, ...]:
        """Return the outputs that the network names, as they are now."""
        return tuple(map(self._value, self.graph.network.named_outputs))

    def _value(self, tensor: Tensor) -> Tensor:
        if tensor.producer == INPUT:
            return self.inputs[tensor.output]
        return self.values.get(
            (tensor.producer, tensor.output), tensor
        )  # a site that is tried alone reads the old network

    def _part(self, part: Part, path: tuple[str, ...], index: int, value: Tensor) -> Tensor:
        if part.branches:
            ends = [value] * len(part.branches)
            for number, branch in enumerate(part.branches):
                for inner in branch:
                    place = (*path, f"branch_{number + 1}", inner.label)
                    ends[number] = self._part(inner, place, index, ends[number])
            definition = REGISTRY[part.type].on(part.fields, ends)
            value = self._place(definition, path, index, tuple(ends))
            return self._followers(part.behind, path, index, value)
        definition = REGISTRY[part.type].on(part.fields, (value,))
        if definition.composite:
            stages = definition.stages()
            for label, type, fields in stages:
                value = self._place(REGISTRY[type].on(fields, (value,)), (*path, label), index, (value,))
                behind = part.behind if label == stages[-1][0] else ALL
                value = self._followers(behind, (*path, label), index, value)
            return value
        value = self._place(definition, path, index, (value,))
        return self._followers(part.behind, path, index, value)

    def _followers(self, behind: str, path: tuple[str, ...], index: int, value: Tensor) -> Tensor:
        if behind == NOTHING:
            return value
        for follower in self.graph.own(index) if behind == OWN else self.graph.followers(index):
            old = self.graph.layers[follower]
            value = self._place(old.definition, (*path, old.type), index, (value,))
        return value

    def _place(
        self,
        definition: LayerType,
        path: tuple[str, ...],
        index: int,
        inputs: tuple[Tensor, ...],
        former: tuple[str, ...] = (),
    ) -> Tensor:
        """Add a layer of one output that copies or replaces an old one.

        Raises:
            Refusal: The layer cannot take its input.
        """
        (tensor,) = self._copy(definition, path, index, inputs, former)
        return tensor

    def _copy(
        self,
        definition: LayerType,
        path: tuple[str, ...],
        index: int,
        inputs: tuple[Tensor, ...],
        former: tuple[str, ...] = (),
    ) -> tuple[Tensor, ...]:
        """Add a layer that copies or replaces an old one and return what it gives.

        Raises:
            Refusal: The layer cannot take its input.
        """
        old = self.graph.layers[index]
        try:
            tensors = self.builder.place(definition, inputs, path, replace(LayerOrigin.of(old), former=former))
        except LayerError as error:
            raise Refusal(f"{error.message}: {error.found}") from None
        self.origins.append(index)
        return tensors
