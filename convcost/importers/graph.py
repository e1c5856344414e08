"""The graph that every importer fills: what a model file says, before any of it is a layer.

A format is one module that reads a file into a `ModelGraph`. Operators, their inputs and their attributes are ONNX's,
with ONNX's defaults, whatever the format: https://onnx.ai/onnx/operators/. Shapes here have the batch axis, which is
the first; axes that are open have a name instead of a size. Weights are never read: a constant has its shape, and its
values only where they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

Shape = tuple[int | str | None, ...]
"""Sizes; a name where an axis is open, None where nothing is known of it."""


class Constant(Struct, frozen=True):
    """A tensor that the file holds.

    Attributes:
        name: The tensor that holds the numbers: a copy of another one has its name.
        shape: Its sizes.
        dtype: The type of its numbers, such as `float32`.
        values: Its numbers in order; None where they are many, or not in the file.
        stored: Whether it is one of the file's tensors, as weights are, and not a number of the program.
        trainable: Whether it is learned; None where the file does not say.
        absent: The other file that its numbers are in, which cannot be read, where sizes may depend on them.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    values: tuple[Any, ...] | None = None
    stored: bool = True
    trainable: bool | None = None
    absent: str = ""


class Node(Struct, frozen=True):
    """One operation.

    Attributes:
        operator: What it does, such as `Conv`; with its domain where that is none of ONNX's.
        inputs: The names of the values that it reads; an empty one where an optional input is left out.
        outputs: The names of the values that it gives.
        attributes: Numbers, texts, constants, or tuples of these.
        name: Its name in the file.
        scope: The module that it belongs to, such as `layer1.0.conv1`; empty where the file does not say.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = {}
    name: str = ""
    scope: str = ""


class InnerGraph(Struct, frozen=True):
    """A graph in a node, which reads values of the graph around it by their names.

    Attributes:
        nodes: Its nodes, in an order in which each stands behind those that it reads.
        constants: The tensors that it holds.
        outputs: What it gives.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, Constant]
    outputs: tuple[str, ...]


class ModelGraph(Struct, frozen=True):
    """A model.

    Attributes:
        format: The format and its version, for people.
        inputs: What it takes: names and shapes.
        outputs: The names of what it gives.
        nodes: Its operations, each behind those that it reads.
        constants: The tensors of the file, by the names under which nodes read them.
        shapes: The shapes that the file records, by the names of values.
        opset: The version of ONNX's operators that `nodes` are written in.
        dtypes: The types of the values' numbers, where the file says them: names of values to types such as `int8`.
            Without any, every number is of type `float32`.
        tokens: The inputs of several axes whose last axis holds the channels; of others it is the first.
        turned: The inputs whose channels are last in the file, and first here.
        sizes: The sizes of open axes in the example that it was made with, where it says them.
        notes: What a reader of the spec should know, each a sentence without a full stop.
        containers: The modules in which what runs is called as a function.
        alone: The names of values that activations give which run by themselves, not with the layer before them.
    """

    format: str
    inputs: Mapping[str, Shape]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    constants: Mapping[str, Constant] = {}
    shapes: Mapping[str, Shape] = {}
    opset: int = 13
    dtypes: Mapping[str, str] = {}
    tokens: tuple[str, ...] = ()
    turned: tuple[str, ...] = ()
    sizes: Mapping[str, int] = {}
    notes: tuple[str, ...] = ()
    containers: frozenset[str] = frozenset()
    alone: frozenset[str] = frozenset()


class Importer(Struct, frozen=True):
    """A format of model files.

    Attributes:
        name: The format.
        recognises: Returns whether the first bytes of a file are of this format.
        read: Returns the graph of a file, given its bytes and its name for messages; raises `SpecError`.
    """

    name: str
    recognises: Callable[[bytes], bool]
    read: Callable[[Any, str], ModelGraph]


def title(node: Node) -> str:
    """Return how messages call a node."""
    return f"the node {node.name!r} ({node.operator})" if node.name else f"a {node.operator} without a name"


def shape_text(shape: Shape) -> str:
    """Return a shape as messages have it."""
    return "×".join("?" if size is None else str(size) for size in shape) or "a number"
