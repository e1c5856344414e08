"""A network with layers of another form: the graph is built anew, shapes recomputed and held equal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from convcost.layers import REGISTRY, LayerFault, Shape, shown
from convcost.network import INPUT, Layer, Network
from convcost.rewrites.base import ALL, NOTHING, OWN, Fields, Graph, Part, Refusal, Rewrite, Site


class Survey(Struct, frozen=True):
    """Where a rewrite applies in a network: its sites, each by all layers it takes up, and why it does not elsewhere.

    Attributes:
        sites: Each site by its first layer that becomes something.
        refusals: Why it does not apply to a layer.
    """

    sites: Mapping[int, Site]
    refusals: Mapping[int, str]


class Rewritten(Struct, frozen=True):
    """A rewritten network.

    Attributes:
        network: The network.
        origins: For each of its layers the index of the old layer that it is or stands for.
        sites: What was rewritten.
    """

    network: Network
    origins: tuple[int, ...]
    sites: tuple[Site, ...]


def survey(network: Network, rewrite: Rewrite) -> Survey:
    """Return where a rewrite applies and keeps the shape, and why it does not elsewhere."""
    graph = Graph(network)
    sites: dict[int, Site] = {}
    refusals: dict[int, str] = {}
    for index in range(len(network.layers)):
        try:
            site = rewrite.site(graph, index)
            if site is not None:
                site = _with_own(graph, site)
                _check_shapes(graph, site)
                sites[index] = site
        except Refusal as refusal:
            refusals[index] = str(refusal)
    return Survey(sites, refusals)


def apply(network: Network, sites: Sequence[Site]) -> Rewritten:
    """Return the network with the sites rewritten; each layer may belong to one site."""
    graph = Graph(network)
    builder = _Builder(graph, {index: site for site in sites for index in site.becomes})
    builder.build()
    return Rewritten(replace(network, layers=tuple(builder.layers)), tuple(builder.origins), tuple(sites))


def rewrite_all(network: Network, rewrite: Rewrite) -> Rewritten:
    """Return the network rewritten wherever the rewrite applies."""
    return apply(network, list(survey(network, rewrite).sites.values()))


def _with_own(graph: Graph, site: Site) -> Site:
    """Return the site with the norms and activations that are written with its layers: the new parts write them."""
    own = {follower: () for index in site.becomes for follower in graph.own(index) if follower not in site.becomes}
    return replace(site, becomes=dict(sorted({**site.becomes, **own}.items()))) if own else site


def _check_shapes(graph: Graph, site: Site) -> None:
    """Refuse a site that would change a shape.

    Raises:
        Refusal: What would change.
    """
    builder = _Builder(graph, dict.fromkeys(site.becomes, site))
    last = max(site.becomes)
    old = graph.layers[last].output_shape
    for index in sorted((*site.becomes, *site.between)):
        builder.take(index)
    new = builder.values[last][1]
    if new != old:
        raise Refusal(f"its output would be {shown(new)} instead of {shown(old)}")


class _Builder:
    """Copies the layers of a graph one after the other, and writes the parts of those that are rewritten."""

    def __init__(self, graph: Graph, sites: Mapping[int, Site]) -> None:
        self.graph = graph
        self.sites = sites
        self.layers: list[Layer] = []
        self.origins: list[int] = []
        self.names: set[str] = set()
        self.values: dict[int, tuple[int, Shape]] = {}  # each old layer's output: the new index and its shape

    def build(self) -> None:
        for index in range(len(self.graph.layers)):
            self.take(index)

    def take(self, index: int) -> None:
        """Copy a layer, or write what becomes of it."""
        layer = self.graph.layers[index]
        site = self.sites.get(index)
        inputs = [self._value(source, shape) for source, shape in zip(layer.inputs, layer.input_shapes, strict=True)]
        if site is None:
            self.values[index] = self._copy(layer, index, inputs)
            return
        value = inputs[0]
        parts = site.becomes[index]
        root = site.path if site.path is not None and parts else layer.path
        for part in parts:
            path = root if len(parts) == 1 else (*root, part.label)
            value = self._part(part, path, index, value)
        self.values[index] = value

    def _value(self, source: int, shape: Shape) -> tuple[int, Shape]:
        if source == INPUT:
            return INPUT, shape
        return self.values.get(source, (source, shape))  # a site that is tried alone reads the old network

    def _part(self, part: Part, path: tuple[str, ...], index: int, value: tuple[int, Shape]) -> tuple[int, Shape]:
        definition = REGISTRY[part.type]
        if part.branches:
            ends = [value] * len(part.branches)
            for number, branch in enumerate(part.branches):
                for inner in branch:
                    place = (*path, f"branch_{number + 1}", inner.label)
                    ends[number] = self._part(inner, place, index, ends[number])
            value = self._emit(part.type, part.fields, path, index, ends)
            return self._followers(part.behind, path, index, value)
        if definition.composite:
            stages = definition(part.fields).stages()
            for label, type, fields in stages:
                value = self._emit(type, fields, (*path, label), index, [value])
                behind = part.behind if label == stages[-1][0] else ALL
                value = self._followers(behind, (*path, label), index, value)
            return value
        value = self._emit(part.type, part.fields, path, index, [value])
        return self._followers(part.behind, path, index, value)

    def _followers(self, behind: str, path: tuple[str, ...], index: int, value: tuple[int, Shape]) -> tuple[int, Shape]:
        if behind == NOTHING:
            return value
        for follower in self.graph.own(index) if behind == OWN else self.graph.followers(index):
            old = self.graph.layers[follower]
            value = self._emit(old.type, old.fields, (*path, old.type), index, [value])
        return value

    def _copy(self, layer: Layer, index: int, inputs: list[tuple[int, Shape]]) -> tuple[int, Shape]:
        shapes = tuple(shape for _, shape in inputs)
        output = layer.output_shape if shapes == layer.input_shapes else _output(layer.type, layer.fields, shapes)
        sources = tuple(source for source, _ in inputs)
        self._add(replace(layer, inputs=sources, input_shapes=shapes, output_shape=output), index)
        return len(self.layers) - 1, output

    def _emit(
        self, type: str, fields: Fields, path: tuple[str, ...], index: int, inputs: list[tuple[int, Shape]]
    ) -> tuple[int, Shape]:
        """Add a new layer."""
        sources, shapes = tuple(source for source, _ in inputs), tuple(shape for _, shape in inputs)
        output = _output(type, fields, shapes)
        old = self.graph.layers[index]
        self._add(Layer(path, "/".join(path), type, fields, sources, shapes, output, old.line, old.column), index)
        return len(self.layers) - 1, output

    def _add(self, layer: Layer, origin: int) -> None:
        path = layer.path
        while "/".join(path) in self.names:
            path = (*path[:-1], f"{path[-1]}'")
        if path is not layer.path:
            layer = replace(layer, path=path, name="/".join(path))
        self.names.add(layer.name)
        self.layers.append(layer)
        self.origins.append(origin)


def _output(type: str, fields: Fields, shapes: tuple[Shape, ...]) -> Shape:
    """Return a layer's output shape.

    Raises:
        Refusal: It cannot work on what reaches it.
    """
    try:
        return REGISTRY[type](fields).output_shape(*shapes)
    except LayerFault as fault:
        raise Refusal(f"{fault.message}: {fault.found}") from None
