"""An exported program of PyTorch, as a `.pt2` file and a live module give it: calls of ATen's operators.

Both readers fill a `Program`; `translation` makes the graph of it. Source of the operators:
https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/native_functions.yaml
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from msgspec import Struct

from convcost.importers.graph import Shape

INLINED = frozenset(("wrap_with_set_grad_enabled", "wrap_with_autocast", "hints_wrapper", "run_const_graph"))
"""Operators that run a graph as it is, which belongs to the graph around it then."""
_REPEATED = re.compile(r"@\d+$")
_PART = re.compile(r"\.slice\([^()]*\)")  # of a sequence of modules: these have paths of their own
_ROOT = re.compile(r"^L\['\w+'\]\.?")


class Reference(Struct, frozen=True, tag=True):
    """A value of the program, where a call reads it.

    Attributes:
        name: The value.
    """

    name: str


def references(value: object) -> list[Reference]:
    """Return the values that arguments name."""
    if not isinstance(value, (list, tuple)):
        return [value] if isinstance(value, Reference) else []
    found: list[Reference] = []
    for part in value:
        if isinstance(part, Reference):
            found.append(part)
        elif isinstance(part, (list, tuple)):
            found += references(part)
    return found


class OperatorCall(Struct, frozen=True):
    """One call of an operator.

    Attributes:
        operator: The operator with its overload, such as `aten.conv2d.default`.
        arguments: Its arguments by their names in the operator's schema; those with their default may be left out. A
            value is a `Reference`, a type of numbers its name.
        outputs: The names of the values that it gives.
        scope: The path of the module that it belongs to; empty for the outermost.
    """

    operator: str
    arguments: dict[str, Any]
    outputs: tuple[str, ...]
    scope: str = ""


class TensorType(Struct, frozen=True):
    """What is recorded of a tensor.

    Attributes:
        shape: Its sizes; an expression as text where an axis is open.
        dtype: The type of its numbers, such as `float32`.
    """

    shape: Shape
    dtype: str = "float32"


class StoredTensor(Struct, frozen=True):
    """A parameter, a buffer or a constant of the module.

    Attributes:
        path: Its path, such as `layer1.0.conv1.weight`.
        name: Its path, or that of the first one where several are the same tensor.
        trainable: Whether it is a parameter with a gradient.
        values: Its numbers, where they are few and known.
    """

    path: str
    name: str
    trainable: bool
    values: tuple[Any, ...] | None = None


class Program(Struct, frozen=True):
    """An exported program.

    Attributes:
        producer: What wrote it, such as `torch 2.14.1`.
        inputs: The names of the tensors that it takes.
        outputs: The names of those that it gives.
        calls: Its calls in order.
        stored: The module's own tensors, by the names under which calls read them.
        types: What is recorded of the tensors, by name.
        sizes: The sizes of the open axes in the example that it was exported with.
        name: What it is called; nothing for that of a file.
        containers: The scopes whose modules are of no class of `torch.nn`: what runs in them is called as a function.
    """

    producer: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    calls: tuple[OperatorCall, ...]
    stored: dict[str, StoredTensor] = {}
    types: dict[str, TensorType] = {}
    sizes: dict[str, int] = {}
    name: str = ""
    containers: frozenset[str] = frozenset()


def is_container(module_class: str) -> bool:
    """Return whether a class of modules is none of PyTorch's own layers.

    >>> is_container("torchvision.models.resnet.BasicBlock"), is_container("torch.nn.modules.activation.ReLU")
    (True, False)
    """
    return not module_class.startswith(("torch.nn.", "torch.ao.nn."))


@lru_cache(maxsize=1024)
def scope_of(path: str) -> str:
    """Return the path of a module without what the exporter adds.

    >>> scope_of("layer1.0.relu@1"), scope_of("L['self'].stem"), scope_of("_empty_nn_module_stack_from_metadata_hook")
    ('layer1.0.relu', 'stem', '')
    >>> scope_of("features.slice(1, 4, None).conv")
    'features.conv'
    """
    path = _PART.sub("", _REPEATED.sub("", _ROOT.sub("", path)))
    return "" if path.startswith("_empty_nn_module_stack") else path
