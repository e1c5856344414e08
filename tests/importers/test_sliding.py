"""Convolutions whose kernel is a value: what they cost is what a convolution with such a kernel costs."""

from __future__ import annotations

import onnx_writer as w
import pytest
import yaml
from test_operators import ints

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.spec import load
from convcost.spec.source import Source


def network(content):
    """Return a model's network, read again from its spec, and the text."""
    found = import_model(IMPORTERS["onnx"], content, "net.onnx")
    network = load(Source("net.onnx", found.text), found.sizes)
    assert found.difference(network) == ""
    return network, found.text


def sliding(inputs, shape, *, before="x z", nodes=(), tensors=(), **attributes):
    """Return a model of a convolution over `x`, whose kernel of this shape is made of `z` or of weights."""
    reshape = w.node("Reshape", "k0 s", "k")
    conv = w.node("Conv", before.replace("z", "k"), "y", **attributes)
    return w.model([*nodes, reshape, conv], inputs, "y", [ints("s", *shape), *tensors])


CASES = [  # inputs, the kernel's shape, attributes, the layers that it is, positions of the output
    ({"x": (1, 8, 10, 9), "k0": (1, 8, 3, 2)}, (1, 8, 3, 2), {}, ["cross_correlation: {mode: full}"], 8 * 8),
    ({"x": (1, 8, 10, 9), "k0": (1, 48, 3, 2)}, (6, 8, 3, 2), {"pads": [1, 0, 1, 0]},
     ["cross_correlation: {mode: full, padding: [1, 0]}"], 10 * 8),
    ({"x": (1, 8, 10, 9), "k0": (1, 8, 3, 2)}, (8, 1, 3, 2), {"group": 8}, ["cross_correlation"], 8 * 8),
    ({"x": (1, 8, 10, 9), "k0": (1, 48, 3, 2)}, (6, 8, 3, 2), {"strides": [2, 1]},
     ["unfold: {kernel_size: [3, 2], stride: [2, 1]}", "matmul"], 4 * 8),
    ({"x": (1, 8, 10, 9), "k0": (1, 24, 3, 2)}, (6, 4, 3, 2), {"group": 2, "dilations": [2, 1], "pads": [0, 1, 0, 1]},
     ["unfold: {kernel_size: [3, 2], padding: [0, 1], dilation: [2, 1]}", "matmul"], 6 * 10),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "shape", "attributes", "layers", "positions"), CASES)
def test_a_kernel_that_is_a_value(inputs, shape, attributes, layers, positions):
    read, text = network(sliding(inputs, shape, **attributes))
    items = [item if isinstance(item, str) else next(iter(item.items())) for item in yaml.safe_load(text)["layers"]]
    found = [item if isinstance(item, str) or item[1] is not None else item[0] for item in items]
    expected = [yaml.safe_load(each) for each in layers]
    expected = [each if isinstance(each, str) else next(iter(each.items())) for each in expected]
    assert [each for each in found if each[0] != "reshape"] == expected
    out, inner, *taps = shape
    total = convcost.Model(read).analyze().total
    assert total.macs == out * inner * taps[0] * taps[1] * positions  # the products of a convolution
    assert total.params == 0


def test_it_has_a_bias_of_its_own(tmp_path):
    inputs = {"x": (1, 8, 10, 9), "k0": (1, 48, 1, 1)}
    bias = [w.tensor("m.bias", [6])]
    path = tmp_path / "net.onnx"
    path.write_bytes(sliding(inputs, (6, 8, 1, 1), before="x z m.bias", tensors=bias))
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs) == (6, 90 * 48)
    assert total.ops.add == 90 * 48 + 90 * 6


def test_a_bias_that_is_a_value_is_a_sum(tmp_path):
    inputs = {"x": (1, 8, 10, 9), "k0": (1, 48, 1, 1), "b": (1, 6)}
    nodes = [w.node("Squeeze", "b zero", "c")]
    path = tmp_path / "net.onnx"
    path.write_bytes(sliding(inputs, (6, 8, 1, 1), before="x z c", nodes=nodes, tensors=[ints("zero", 0)]))
    total = convcost.load(path).analyze().total
    assert (total.params, total.ops.add) == (0, 90 * 48 + 90 * 6)


def test_a_kernel_of_other_channels_is_refused(refused):
    model = sliding({"x": (1, 8, 10, 9), "k0": (1, 6, 1, 1)}, (2, 3, 1, 1))
    assert refused(model).splitlines()[0] == (
        "error: the operator Conv cannot be mapped: its kernel takes 3 × 1 channels, 8 reach it"
    )
