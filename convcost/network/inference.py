"""Shape inference: the outputs of layers, each with its shape, its layout, and the number of its layer."""

from __future__ import annotations

from convcost.layers.base import LayerType
from convcost.layers.declared import NOT_KNOWN
from convcost.layers.fields import MAX_SIZE
from convcost.layers.inputs import LayerError, shown
from convcost.layers.layout import Shape, layout_of
from convcost.network.graph import INPUT, Tensor


class Inference:
    """Infers the outputs of layers, one after the other.

    Attributes:
        inputs: The inputs.
        count: How many layers there are so far.
    """

    def __init__(self) -> None:
        self.inputs: list[Tensor] = []
        self.count = 0

    def add_input(self, shape: Shape, layout: str = "", width: str = "float32") -> Tensor:
        """Add an input whose sizes are checked, or symbolic numbers."""
        tensor = Tensor(shape, INPUT, len(self.inputs), layout or layout_of(shape), width)
        self.inputs.append(tensor)
        return tensor

    def infer(self, definition: LayerType, inputs: tuple[Tensor, ...], width: str = "float32") -> tuple[Tensor, ...]:
        """Return the outputs of the next layer.

        Args:
            definition: The layer type's object.
            inputs: What it reads.
            width: The type of the numbers that it gives.

        Raises:
            LayerError: The layer cannot work on what it reads, or its output would be larger than any.
        """
        shapes = (inputs[0].shape,) if len(inputs) == 1 else tuple([tensor.shape for tensor in inputs])
        for shape in shapes:
            if shape is NOT_KNOWN and not definition.unknown:
                help = "`unknown` stands for it, too"
                raise LayerError(f"{definition.type} reads a value whose shape is not known", help=help)
        definition.check_inputs(inputs)
        outputs = definition.output_shapes(*shapes)
        for shape in outputs:
            for size in shape:
                if size.__class__ is int and size > MAX_SIZE:
                    raise LayerError("a size is at most 10**15", f"the output would be {shown(shape)}")
        layouts = definition.layouts(inputs, outputs)
        number = self.count
        self.count = number + 1
        if len(outputs) == 1:
            return (Tensor(outputs[0], number, 0, layouts[0], width),)
        return tuple([Tensor(shape, number, at, layouts[at], width) for at, shape in enumerate(outputs)])
