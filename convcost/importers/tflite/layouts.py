"""Which values of a TensorFlow Lite graph are pictures, whose channels come last there and first in a spec.

A file does not say what the axes of a tensor are; operators do. Convolutions, pools and resizing work on pictures;
what works value by value, joins or cuts leaves a picture a picture. Matrix products do not read pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from convcost.importers.tflite.model import FileGraph, FileOperator

_ON_PICTURES_NAMES = """
CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV CONV_3D CONV_3D_TRANSPOSE AVERAGE_POOL_2D MAX_POOL_2D L2_POOL_2D
RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SPACE_TO_DEPTH DEPTH_TO_SPACE LOCAL_RESPONSE_NORMALIZATION
"""
_ON_PICTURES = frozenset(_ON_PICTURES_NAMES.split())
_NOT_ON_PICTURES = frozenset(("BATCH_MATMUL",))
_KEEPING_NAMES = """
ADD SUB MUL DIV MAXIMUM MINIMUM POW SQUARED_DIFFERENCE ADD_N ABS NEG EXP LOG SQRT RSQRT SQUARE FLOOR CEIL ROUND SIN
COS SIGN LOGISTIC TANH RELU RELU6 RELU_N1_TO_1 RELU_0_TO_1 LEAKY_RELU ELU HARD_SWISH GELU PRELU SOFTMAX LOG_SOFTMAX
L2_NORMALIZATION QUANTIZE DEQUANTIZE CAST PAD PADV2 MIRROR_PAD CONCATENATION SPLIT SPLIT_V SLICE STRIDED_SLICE
REVERSE_V2 TILE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND MEAN SUM REDUCE_MAX REDUCE_MIN REDUCE_PROD
"""
_KEEPING = frozenset(_KEEPING_NAMES.split())
_RANKS = (4, 5)
"""How many axes pictures and volumes have, the batch among them."""


def pictures(graph: FileGraph) -> frozenset[int]:
    """Return the numbers of the tensors whose last axis holds the channels of a picture or a volume."""
    groups = _Groups(len(graph.tensors))
    wanted: set[int] = set()
    unwanted: set[int] = set()
    for operator in graph.operators:
        touched = _of_pictures(graph, operator)
        if operator.name in _ON_PICTURES:
            wanted.update(touched)
        elif operator.name in _NOT_ON_PICTURES:
            unwanted.update(touched)
        elif operator.name in _KEEPING:
            groups.join(touched, [len(graph.tensors[index].shape) for index in touched])
    known = {groups.of(index) for index in wanted}
    likely = {groups.of(index) for index in graph.inputs} - {groups.of(index) for index in unwanted}
    return frozenset(
        index
        for index, tensor in enumerate(graph.tensors)
        if len(tensor.shape) in _RANKS and (groups.of(index) in known or groups.of(index) in likely)
    )


def _of_pictures(graph: FileGraph, operator: FileOperator) -> list[int]:
    """Return the values that an operator reads and gives and that have as many axes as a picture."""
    numbers: Iterable[int] = [index for index in (*operator.inputs, *operator.outputs) if index >= 0]
    tensors = [graph.tensors[index] for index in numbers]
    return [each.index for each in tensors if not each.is_constant and len(each.shape) in _RANKS]


class _Groups:
    """Groups of numbers that are joined one by one.

    Args:
        count: How many numbers there are; each is a group at first.
    """

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def of(self, number: int) -> int:
        """Return the group of a number."""
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    def join(self, numbers: Sequence[int], kinds: Sequence[int]) -> None:
        """Join the groups of numbers of the same kind."""
        first: dict[int, int] = {}
        for number, kind in zip(numbers, kinds, strict=True):
            other = first.setdefault(kind, number)
            self._parents[self.of(number)] = self.of(other)
