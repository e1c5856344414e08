"""What is known of constants: whether they are learned, their numbers, and the axes and shapes that they name."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from convcost.importers.graph import Constant, ModelGraph, Node

_WITH_BIAS = frozenset(("Conv", "Gemm", "MatMul"))


class Unfoldable(Exception):
    """A node's constants are not known, or the operator is not worked out here."""


def numbers(constant: Constant) -> tuple[Any, ...]:
    """Return the values of a constant.

    Raises:
        Unfoldable: They are not known.
    """
    if constant.values is None and 0 not in constant.shape:
        raise Unfoldable
    return constant.values or ()


def is_learned(constant: Constant) -> bool:
    """Return whether a constant is one of the weights, as far as the file says."""
    is_float = constant.stored and "float" in constant.dtype and (prod(constant.shape) > 1 or bool(constant.trainable))
    return is_float and not is_worked_out(constant.name)


def is_worked_out(name: str) -> bool:
    """Return whether PyTorch's newer exporter worked a constant out itself: it calls it `val_12`."""
    return name.startswith("val_") and name[4:].isdecimal()


def learns_nothing(constants: Sequence[Constant | None]) -> bool:
    """Return whether the factor and the summand of a norm are ones and zeros that an exporter put there."""
    held = [each.values for each in constants if each is not None]
    return len(held) == 2 and _are_all(held[0], 1.0) and _are_all(held[1], 0.0)


def _are_all(values: tuple[Any, ...] | None, number: float) -> bool:
    """Return whether there are numbers, and all are one and the same."""
    return values is not None and len(values) > 0 and values[0] == number and values.count(number) == len(values)


def axes_of(node: Node, inputs: Sequence[Constant | None], at: int = 1) -> tuple[int, ...] | None:
    """Return the axes that a node names, as an attribute or as an input."""
    if "axes" in node.attributes:
        axes: tuple[int, ...] = node.attributes["axes"]
        return axes
    given = inputs[at] if len(inputs) > at else None
    return tuple(numbers(given)) if given is not None else None


def target(shape: Sequence[int], wanted: Sequence[int], allow_zero: int = 0) -> tuple[int, ...]:
    """Return the shape that a reshape gives.

    Args:
        shape: The shape before.
        wanted: The sizes; 0 keeps that of the axis, one may be −1.
        allow_zero: Whether 0 is a size.

    Raises:
        ValueError: The values do not fit.
    """
    sizes = [shape[at] if size == 0 and not allow_zero else int(size) for at, size in enumerate(wanted)]
    count, known = prod(shape), prod(size for size in sizes if size != -1)
    if sizes.count(-1) > 1 or known == 0 or count % known:
        raise ValueError
    sizes = [count // known if size == -1 else size for size in sizes]
    if prod(sizes) != count:
        raise ValueError
    return tuple(sizes)


def kernels_of_other_biases(graph: ModelGraph) -> frozenset[str]:
    """Return the kernels that several nodes read, with other biases, by the names of their tensors."""
    biases: dict[str, set[str]] = {}
    for node in graph.nodes:
        if node.operator in _WITH_BIAS and len(node.inputs) > 1 and node.inputs[1] in graph.constants:
            bias = graph.constants.get(node.inputs[2]) if len(node.inputs) > 2 else None
            kernel = graph.constants[node.inputs[1]].name
            biases.setdefault(kernel, set()).add(bias.name if bias is not None else "")
    return frozenset([name for name, others in biases.items() if len(others) > 1])
