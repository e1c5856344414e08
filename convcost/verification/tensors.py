"""The tensors of a network, numbered: its inputs first, then what each layer gives."""

from __future__ import annotations

from convcost.network import INPUT, Network, Tensor


class Numbers:
    """The number of each tensor.

    Attributes:
        tensors: Every tensor, at its number.
    """

    def __init__(self, network: Network) -> None:
        self.tensors = [*network.inputs, *(layer.outputs[0] for layer in network.layers)]
        self._inputs = len(network.inputs)

    def of(self, tensor: Tensor) -> int:
        """Return the number of a tensor."""
        return tensor.output if tensor.producer == INPUT else self._inputs + tensor.producer

    def output(self, index: int) -> int:
        """Return the number of what a layer gives."""
        return self._inputs + index
