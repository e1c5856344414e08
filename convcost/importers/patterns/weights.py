"""Biases and weights that are written in parts."""

from __future__ import annotations

from msgspec.structs import replace

from convcost.importers.graph import Node
from convcost.importers.patterns.parts import Found, Parts, Pattern


def _biased(node: Node, parts: Parts) -> Found:
    """Join a matrix product or a convolution without a bias, and a constant per output added to it."""
    constant = next((each for each in node.inputs if each in parts.constants), "")
    value = next((each for each in node.inputs if each not in parts.constants), "")
    if not constant or not value:
        return None
    shape = parts.constants[constant].shape
    product = parts.only(value, "MatMul")
    if product is not None and product.inputs[1] in parts.constants and len(product.inputs) == 2:
        if shape != parts.constants[product.inputs[1]].shape[1:]:
            return None
    else:
        product = parts.only(value, "Conv")
        kernel = parts.constants.get(product.inputs[1]) if product is not None and len(product.inputs) == 2 else None
        if product is None or kernel is None or len(kernel.shape) < 3:
            return None
        per_channel = (kernel.shape[0], *(1 for _ in kernel.shape[2:]))
        if shape not in (per_channel, (1, *per_channel)):
            return None
    inputs = (*product.inputs, constant)
    return replace(product, inputs=inputs, outputs=node.outputs), [product]


PATTERNS: dict[str, tuple[Pattern, ...]] = {"Add": (_biased,)}
"""The patterns, by the operator of their last node."""
