"""Which module an operator belongs to, as the names of its tensors say."""

from __future__ import annotations

import re
from collections import Counter

from convcost.importers.tflite.model import FileGraph, FileOperator

_LEAVES = {
    "CONV_2D": ("Conv2D", "convolution"),
    "DEPTHWISE_CONV_2D": ("depthwise", "Conv2D"),
    "TRANSPOSE_CONV": ("conv2d_transpose",),
    "FULLY_CONNECTED": ("MatMul", "Tensordot"),
}
"""What TensorFlow calls the operators with weights at the end of their names."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NO_NAMES = frozenset(("Identity", "PartitionedCall", "StatefulPartitionedCall"))
_MADE_UP = "_transform"  # what TinyNeuralNetwork's converter puts into the names of its own
_DIGITS = "0123456789"


class ModulePaths:
    """The modules of a graph.

    Args:
        graph: The graph.
    """

    def __init__(self, graph: FileGraph) -> None:
        self._tensors = graph.tensors
        self.title = ""
        paths = [path for each in graph.operators for path in self._paths(each)[:1] if len(path) > 1]
        first, count = Counter(path[0] for path in paths).most_common(1)[0] if paths else ("", 0)
        self._model = first if 2 * count > len(paths) else ""

    def title_of(self, operator: FileOperator) -> str:
        """Return how messages call an operator: the name of what it gives."""
        return self._tensors[operator.outputs[0]].name if operator.outputs and operator.outputs[0] >= 0 else ""

    def scope(self, operator: FileOperator) -> str:
        """Return the path of an operator's module, such as `conv2d_1`; empty where the names do not say it."""
        paths = self._paths(operator)
        leaves = _LEAVES.get(operator.name, ())
        own = [path for path in paths if path[-1].rstrip(_DIGITS) in leaves and len(path) > 1]
        path = own[0] if own else self.title_of(operator).partition(";")[0].split("/")
        if len(path) > 1:
            path = path[:-1]
        elif path[0] in _NO_NAMES or _MADE_UP in path[0] or not _PLAIN.fullmatch(path[0]):
            return ""
        return ".".join(path[1:] if path[0] == self._model and len(path) > 1 else path)

    def of_constant(self, name: str) -> str:
        """Return the name of a constant as a path of modules: the first, where the converter joined several."""
        path = name.partition(";")[0].split("/")
        return ".".join(path[1:] if path[0] == self._model and len(path) > 1 else path)

    def _paths(self, operator: FileOperator) -> list[list[str]]:
        """Return the paths that the converter joined in the names of an operator's weights and of what it gives."""
        titles = [self.title_of(operator)]
        if operator.name in _LEAVES and len(operator.inputs) > 1 and operator.inputs[1] >= 0:
            titles.insert(0, self._tensors[operator.inputs[1]].name)  # an operator's name may have its neighbours'
        return [path.split("/") for each in titles for path in each.split(";") if path]
