"""Which layers have the same weights, as far as the file says."""

from __future__ import annotations

from collections.abc import Sequence

from convcost.importers.graph import Constant
from convcost.importers.items import MappedItem
from convcost.importers.values import Unsupported


class WeightSharing:
    """Finds the layers that share their weights.

    Where the file does not say which tensors are one, exporters keep equal tensors once: a kernel or matrix that
    several layers read is theirs. A vector, such as a norm's, often equals another one by chance, and an exporter may
    work it out for each layer anew. It is shared where the layers follow different uses of one kernel and are, by their
    names, one module that is called again, `conv.1` and `conv.1_1`; else each layer has its own.
    """

    def __init__(self) -> None:
        self._kernels: dict[str, tuple[MappedItem, str]] = {}  # by the tensor: its first use, and its vectors
        self._modules: dict[tuple[str, str], tuple[MappedItem, tuple[Constant, ...]]] = {}  # that have vectors alone
        self._uses: dict[str, int] = {}  # of vectors
        self._items: dict[int, MappedItem] = {}  # by what the builder calls the layer

    @property
    def counted_again(self) -> int:
        """How many vectors count though the file holds them once."""
        return sum(count - 1 for count in self._uses.values())

    def add(self, item: MappedItem, weights: Sequence[Constant | None]) -> None:
        """Note a layer, and let it share the weights of the one that had them first.

        Raises:
            Unsupported: The two do not share all of their weights.
        """
        if item.outputs:
            self._items[item.outputs[0].producer] = item
        if not weights:
            return
        kernel = weights[0]
        vectors = [each.name for each in weights[1:] if each is not None]
        held = [each for each in weights if each is not None]
        if any([each.stored and each.trainable is not None for each in held]):  # noqa: C419 -- a list is faster
            kernel = held[0]  # the file says which tensors are one
            vectors = [each.name for each in held if each is not kernel]
        if kernel is not None and (len(kernel.shape) >= 2 or kernel.trainable is not None):
            if self._shares_kernel(item, kernel, "\n".join(vectors)):
                return
        else:
            vectors += [kernel.name] if kernel is not None else []
            if self._shares_module(item, tuple(held)):
                return
        for name in vectors:
            self._uses[name] = self._uses.get(name, 0) + 1

    def _shares_kernel(self, item: MappedItem, kernel: Constant, vectors: str) -> bool:
        first, own = self._kernels.setdefault(kernel.name, (item, vectors))
        if first is item:
            return False
        tied = (first.type, item.type) == ("embedding", "linear")
        is_turned = not tied and first.fields.get("out_features") != item.fields.get("out_features")
        if (first.type != item.type and not tied) or is_turned or own != vectors:
            raise Unsupported(f"it shares the tensor {kernel.name!r} with {first.name or first.type}, not all")
        item.shares = first
        return True

    def _shares_module(self, item: MappedItem, vectors: tuple[Constant, ...]) -> bool:
        """Let a layer that has vectors alone share those of the module that is called again, if it is one."""
        base, _, call = item.name.rpartition("_")
        name = base if call.isdigit() and (item.type, base) in self._modules else item.name
        first, own = self._modules.setdefault((item.type, name), (item, vectors))
        if not name or first is item or not self._follow_one_kernel(first, item):
            return False
        if not all(_are_one(*pair) for pair in zip(own, vectors, strict=False)) or len(own) != len(vectors):
            return False
        item.shares = first
        return True

    def _follow_one_kernel(self, first: MappedItem, item: MappedItem) -> bool:
        """Return whether two layers follow different layers that share their weights."""
        before, other = self._before(first), self._before(item)
        if before is None or other is None or before is other:
            return False
        return (before.shares or before) is (other.shares or other)

    def _before(self, item: MappedItem) -> MappedItem | None:
        """Return the layer with weights behind which a layer stands, with others between that read one value."""
        found: MappedItem | None = item
        while found is not None and len(found.inputs) == 1:
            found = self._items.get(found.inputs[0].producer)
            if found is not None and found.has_weights:
                return found
        return None


def _are_one(first: Constant, other: Constant) -> bool:
    """Return whether two vectors are one tensor, or made by the exporter, in whose names `::` stands, of one shape."""
    made = "::" in first.name and "::" in other.name
    return first.shape == other.shape and (first.name == other.name or made)
