"""The one builder of networks: it names layers, infers their shapes and checks that they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from convcost.errors import ErrorDetail, NetworkError, nearest
from convcost.layers.base import REGISTRY, LayerType
from convcost.layers.fields import MAX_SIZE, NAMES
from convcost.layers.inputs import LayerError, shown
from convcost.layers.layout import FEATURE_MAP, TOKENS, UNKNOWN, VECTOR, Shape
from convcost.network.graph import FLOAT32, INPUT, NO_SPARSITY, Layer, Limit, Network, Tensor, Widths
from convcost.network.inference import Inference

if TYPE_CHECKING:
    from convcost.network.compression import CompressionRule

_SIZE = "a size is a whole number from 1 to 10**15"
_MOST_AXES = 4  # of a feature map: channels and three spatial axes
_LAYOUTS = {"feature_map": FEATURE_MAP, "tokens": TOKENS, "vector": VECTOR, "unknown": UNKNOWN}


class LayerOrigin(Struct, frozen=True, gc=False):
    """What a layer is besides its type and inputs.

    Attributes:
        line: The line where it is written, from 1; 0 where there is none.
        column: The column there.
        former: The name that earlier versions gave it, in parts, where it was another one.
        shares: The name of the layer whose weights it uses.
        trainable: Whether its numbers are learned.
        times: How often it runs with the same weights.
        widths: The types of its numbers.
        sparsity: The share of its weights that are zero.
        origin: The path of its module in the model file that the network was read from.
        item: The line and the column of the item that writes it.
    """

    line: int = 0
    column: int = 0
    former: tuple[str, ...] = ()
    shares: str = ""
    trainable: bool = True
    times: int = 1
    widths: Widths = FLOAT32
    sparsity: Fraction = NO_SPARSITY
    origin: str = ""
    item: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, layer: Layer) -> LayerOrigin:
        """Return that of a layer."""
        return cls(
            layer.line,
            layer.column,
            layer.former,
            layer.shares,
            layer.trainable,
            layer.times,
            layer.widths,
            layer.sparsity,
            layer.origin,
            layer.item,
        )


_NEW = LayerOrigin()


class NetworkBuilder(Inference):
    """Builds a network layer by layer, each from the layers before it.

    Specs, rewrites, the shrinking of `verify` and networks made by hand are all built here, so every shape of a network
    is what its layer types infer.

    Args:
        name: What the network is called.

    >>> builder = NetworkBuilder("tiny")
    >>> x = builder.input([3, 8, 8])
    >>> x = builder.add("conv", x, out_channels=4, kernel_size=3)
    >>> builder.add("global_avg_pool", x, name="pool").shape
    (4, 1, 1)
    >>> [layer.name for layer in builder.build().layers]
    ['conv_1', 'pool']
    """

    def __init__(self, name: str = "") -> None:
        super().__init__()
        self.name = name
        self.layers: list[Layer] = []
        self._names: set[str] = set()
        self._counts: dict[str, int] = {}

    # by hand

    def input(self, shape: Sequence[int], layout: str = "") -> Tensor:
        """Add an input of the network.

        Args:
            shape: Its sizes without the batch: `[C, H, W]`, `[C, L]`, `[C, D, H, W]`, or `[F]`; tokens are `[L, C]`.
            layout: `feature_map`, `tokens`, `vector` or `unknown`; without one a vector or a feature map by its axes.

        Raises:
            NetworkError: A size is no whole number from 1 to 10**15, there are none or more than four, or the layout
                does not fit.
        """
        sizes = tuple(shape)
        if not 1 <= len(sizes) <= _MOST_AXES:
            raise NetworkError(ErrorDetail("an input has 1 to 4 axes", found=f"{len(sizes)} given", help="[C, H, W]"))
        if layout and layout not in _LAYOUTS:
            help = nearest(layout, _LAYOUTS)
            raise NetworkError(ErrorDetail(f"there is no layout {layout!r}", help=help))
        if layout in ("feature_map", "tokens") and len(sizes) == 1:
            raise NetworkError(ErrorDetail(f"{layout} have at least two axes", found=f"the input {shown(sizes)}"))
        for size in sizes:
            if type(size) is not int or not 1 <= size <= MAX_SIZE:
                raise NetworkError(ErrorDetail(_SIZE, found=f"{size!r} in the input {shown(sizes)}"))
        return self.add_input(sizes, _LAYOUTS.get(layout, ""))

    def add(self, type: str, *inputs: Tensor, name: str = "", **fields: Any) -> Any:
        """Add a layer and return what it gives: a tensor, or a tuple of several.

        Args:
            type: The layer type, such as `conv`.
            inputs: What it reads: inputs of this network, or what its earlier layers give.
            name: Its name; without one the type and a count.
            fields: The fields of the type, as a spec may give them.

        Raises:
            NetworkError: There is no such type, an input is none of this network's, the name is taken, or the layer
                cannot work on what it reads.
        """
        if type not in REGISTRY or REGISTRY[type].composite:
            known = [known for known in REGISTRY if not REGISTRY[known].composite]
            raise NetworkError(ErrorDetail(f"there is no layer type {type!r} that runs", help=nearest(type, known)))
        self._check_known(type, inputs)
        if not name:
            self._counts[type] = self._counts.get(type, 0) + 1
            name = f"{type}_{self._counts[type]}"
        elif name in self._names:
            raise NetworkError(
                ErrorDetail(f"the name {name!r} is used twice", help="give each layer a name of its own")
            )
        for field, declared in REGISTRY[type].fields.items():
            if declared.read.form.kind == NAMES and field in fields:
                values = fields[field] if isinstance(fields[field], (list, tuple)) else [fields[field]]
                self._check_known(type, values)
                inputs, fields[field] = (*inputs, *values), [field] * len(values) if declared.read.form.depth else field
        try:
            definition = REGISTRY[type].read(fields, inputs)
            outputs = self.place(definition, inputs, tuple(name.split("/")))
        except LayerError as error:
            raise NetworkError(ErrorDetail(error.message, path=name, found=error.found, help=error.help)) from None
        return outputs[0] if len(outputs) == 1 else outputs

    def _check_known(self, type: str, inputs: Sequence[Tensor]) -> None:
        for tensor in inputs:
            given: Sequence[Tensor] = self.inputs if tensor.producer == INPUT else ()
            if 0 <= tensor.producer < len(self.layers):
                given = self.layers[tensor.producer].outputs
            if not any(tensor is each for each in given):
                raise NetworkError(
                    ErrorDetail(
                        f"{type} reads what no earlier layer of this network gives",
                        found=f"a tensor of shape {shown(tensor.shape)}",
                        help="read what `input` or `add` of the same builder returned",
                    )
                )

    # for all that builds

    def place(
        self,
        definition: LayerType,
        inputs: tuple[Tensor, ...],
        path: tuple[str, ...],
        origin: LayerOrigin = _NEW,
    ) -> tuple[Tensor, ...]:
        """Add a layer whose fields are read, and return what it gives.

        Args:
            definition: The layer type's object.
            inputs: What it reads.
            path: Its name in parts; an apostrophe is added where another layer has it.
            origin: Where it is written, and whatever else it says of itself.

        Raises:
            LayerError: The layer cannot work on what it reads, or its output would be larger than any.
        """
        tensors = self.infer(definition, inputs, origin.widths.activations)
        name = "/".join(path)
        names = self._names
        while name in names:  # a given name may look like the path of another layer
            path = (*path[:-1], f"{path[-1]}'")
            name = "/".join(path)
        names.add(name)
        self.layers.append(
            Layer(
                path,
                name,
                definition,
                inputs,
                tensors,
                origin.line,
                origin.column,
                origin.former,
                origin.shares,
                origin.trainable,
                origin.times,
                origin.widths,
                origin.sparsity,
                origin.origin,
                origin.item,
            )
        )
        return tensors

    def build(
        self,
        *,
        file: str = "",
        source: str = "",
        symbols: Mapping[str, Any] | None = None,
        limits: tuple[Limit, ...] = (),
        named_outputs: tuple[Tensor, ...] = (),
        compression: tuple[CompressionRule, ...] = (),
    ) -> Network:
        """Return the network.

        Args:
            file: The file it was read from.
            source: Where the architecture comes from.
            symbols: The values of its symbols.
            limits: Its own budget.
            named_outputs: Its outputs; without any, every tensor that no layer reads.
            compression: How its weights are compressed.
        """
        return Network(
            self.name,
            file,
            source,
            symbols or {},
            tuple(self.inputs),
            tuple(self.layers),
            limits,
            named_outputs=named_outputs,
            built=True,
            compression=compression,
        )


def checked(network: Network) -> Network:
    """Return a network whose shapes are inferred: itself where the builder made it, else built anew and compared.

    Raises:
        NetworkError: A layer reads what no earlier layer gives, cannot work on it, or says another shape than its type
            infers.
    """
    if network.built:
        return network
    builder = NetworkBuilder(network.name)
    given = {
        (INPUT, number): builder.input(tensor.shape, tensor.layout.replace(" ", "_"))
        for number, tensor in enumerate(network.inputs)
    }
    for index, layer in enumerate(network.layers):
        inputs = []
        for tensor in layer.inputs:
            if (tensor.producer, tensor.output) not in given:
                found = f"output {tensor.output} of layer {tensor.producer}, and this is layer {index}"
                message = f"{layer.name} reads what no layer before it gives"
                raise NetworkError(ErrorDetail(message, found=found, help="build the network with NetworkBuilder"))
            inputs.append(given[tensor.producer, tensor.output])
            if tensor.shape != inputs[-1].shape:
                raise _wrong_shape(layer, "reads", tensor.shape, inputs[-1].shape)
        try:
            outputs = builder.place(layer.definition, tuple(inputs), layer.path, LayerOrigin.of(layer))
        except LayerError as error:
            raise NetworkError(
                ErrorDetail(error.message, path=layer.name, found=error.found, help=error.help)
            ) from None
        for number, output in enumerate(outputs):
            said = layer.outputs[number].shape if number < len(layer.outputs) else ()
            if said != output.shape:
                raise _wrong_shape(layer, "gives", said, output.shape)
            given[index, number] = output
    return replace(network, inputs=tuple(builder.inputs), layers=tuple(builder.layers), built=True)


def _wrong_shape(layer: Layer, verb: str, said: Shape, inferred: Shape) -> NetworkError:
    message = f"{layer.name} {verb} {shown(inferred)}"
    return NetworkError(
        ErrorDetail(message, found=f"the network says {shown(said)}", help="NetworkBuilder infers shapes")
    )
