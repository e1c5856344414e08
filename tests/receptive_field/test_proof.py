"""Receptive fields against perturbation: each position of a network's input changed, and what changes with it."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from random_graphs import graph

import convcost
from convcost.receptive_field import flow
from convcost.verification import receptive_fields
from convcost.verification.perturbation import Perturbation, line
from convcost.verification.receptive_fields import FieldDifference

DILATED = {"conv": {"out_channels": 2, "kernel_size": 3, "dilation": 2}}
CHAIN = {"name": "chain", "input": [2, 9], "layers": [DILATED, "relu", {"max_pool": {"kernel_size": 2}}]}


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs_agree(seed):
    found = graph(seed).verify_receptive_field(max_products=10**9)
    assert [layer.difference for layer in found.layers if layer.difference] == []


@pytest.mark.parametrize("seed", range(200))
def test_what_is_called_a_product_is_one(seed):
    network = graph(seed).network
    if len(network.inputs[0].shape) != 3 or network.inputs[0].layout != "feature map":
        return
    shape = network.inputs[0].shape
    perturbation = Perturbation(network)
    changes = {
        (y, x): perturbation.spread({0: line(shape, 1, y) & line(shape, 2, x)})
        for y in range(shape[1])
        for x in range(shape[2])
    }
    for index, (layer, _, (view, *_)) in enumerate(flow.patterns(network)):
        if view.by_value or view.unknown or view.slices or not view.product or not all(t.digits for t in view.terms):
            continue
        for place in range(prod(layer.output_shape)):
            seen = {at for at, found in changes.items() if found[index, 0][0] >> place & 1}
            rows, columns = ({each[axis] for each in seen} for axis in (0, 1))
            assert seen == {*product(rows, columns)}, (layer.name, place)


def test_what_is_compared():
    found = convcost.load(CHAIN).verify_receptive_field()
    assert found.ok
    # 9 positions; fields of 2·5, 2·5 and 2·2 values, all of which see no padding
    assert (found.positions, [(layer.compared, layer.interior) for layer in found.layers]) == (
        9, [(10, 10), (10, 10), (4, 4)])  # fmt: skip
    assert repr(found) == "<FieldVerification: chain: 24 receptive fields agree>"


def test_a_wrong_rule_is_found(monkeypatch):
    from convcost.layers.pooling import MaxPool
    from convcost.layers.reading import AxisWindow, along

    def wrong(self, inputs, outputs, number):
        return ((along(inputs[0], outputs[0], {1: AxisWindow(2, ((0, 1, 3),))}),),)

    monkeypatch.setattr(MaxPool, "readings", wrong)
    found = convcost.load(CHAIN).verify_receptive_field()
    assert not found.ok
    # output 0 of the pool reads 0 and 1 of the map, which see 0, 2, 4 and 1, 3, 5; a third would see 2, 4, 6
    axis = flow.SourceAxis(0, 1, "length", 9)
    assert found.layers[2].difference == FieldDifference(0, (0, 0), axis, (0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5, 6))
    assert "✗ max_pool_1 (max_pool): the value at [0, 0] changes with length 0 – 5, and is said to see 0 – 6" in str(
        found
    )


def test_a_wrong_stride_is_found_in_the_interior(monkeypatch):
    from convcost.receptive_field.patterns import FieldPattern

    at = FieldPattern.at
    monkeypatch.setattr(FieldPattern, "at", lambda self, index: at(self, index).moved(index))
    found = convcost.load(CHAIN).verify_receptive_field()
    assert not found.ok


def test_what_numbers_decide_is_not_compared():
    spec = {"input": [2, 6, 6], "layers": [
        {"deform_conv": {"out_channels": 2, "kernel_size": 3, "padding": 1}}, "relu",
        {"declared": {"output_shape": [2, 6, 6]}}]}  # fmt: skip
    found = convcost.load(spec).verify_receptive_field()
    assert [layer.reason for layer in found.layers] == [
        "numbers decide which positions it reads",
        "it reads a layer that was not compared",
        "declared: nothing verifies it",
    ]


def test_too_large_a_network_is_refused():
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(CHAIN).verify_receptive_field(max_products=100)
    # 2 · 5 values of 2 · 3 products at 9 positions
    assert caught.value.text() == (
        "error: the network is too large to perturb each position of its input\n"
        " = found: about 666 products for 9 positions, at most 100\n"
        " = help: give symbols smaller values, such as --set r=32, or --max-products 666 allows more"
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_smallest_input_is_the_first_with_an_interior_output(seed):
    import random

    source = random.Random(seed)
    layers = []
    for _ in range(source.randint(1, 4)):
        kernel = source.choice((1, 2, 3, 5))
        window = {
            "kernel_size": kernel,
            "stride": source.choice((1, 1, 2, 3)),
            "padding": source.randint(0, kernel // 2),
        }
        layers.append(source.choice((
            {"conv": {"out_channels": 1, "dilation": source.choice((1, 2)), **window}},
            {"avg_pool": window},
            {"transposed_conv": {"out_channels": 1, "kernel_size": 3, "stride": 2, "padding": source.choice((0, 1))}},
        )))  # fmt: skip
    smallest = convcost.receptive_field({"input": [1, 500], "layers": layers}).every[-1].axes[0].smallest_input

    def interior(size):
        """Return whether a value sees its whole field, nothing of which lies beyond a border."""
        try:
            network = convcost.load({"input": [1, size], "layers": layers}).network
        except convcost.ConvcostError:
            return False
        *_, (_, _, (whole,)) = flow.patterns(network)
        *_, (_, _, (clipped,)) = flow.tables(network)
        spans = [whole.terms[0].sight.at(index) for index in range(len(clipped.terms[0].sight.sets))]
        return any(
            0 <= span.low <= span.high < size and span.mask() << span.low == seen
            for span, seen in zip(spans, clipped.terms[0].sight.sets, strict=True)
        )

    if smallest is not None:
        assert interior(smallest)
        assert not interior(smallest - 1)


def test_progress_is_told():
    calls = []
    receptive_fields.verify(convcost.load(CHAIN).network, watch=lambda amount, total: calls.append((amount, total)))
    assert calls == [(1, 9)] * 9
