"""The best order of layers: against dynamic programming over all sets of layers, and against all orders."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from random_networks import networks, simulated

import convcost
from convcost.errors import OptionError
from convcost.memory.ordering.bound import LowerBound
from convcost.memory.ordering.cut import CutGraph
from convcost.memory.ordering.graph import segments, step_graph
from convcost.memory.ordering.search import Walk, best_order, exact_order, order_within
from convcost.memory.storages import sharing
from convcost.model import Model
from convcost.network import INPUT, NetworkBuilder
from convcost.ops import product

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))


def best(spec, **options):
    return convcost.memory(spec, **({"dtype": "int8", "order": "best"} | options))


def conv(channels, kernel=1, **more):
    return {"conv": {"out_channels": channels, "kernel_size": kernel, "padding": kernel // 2, **more}}


# worked out by hand, a byte a value


def test_a_branch_that_shrinks_runs_before_one_that_grows():
    grows, shrinks = [conv(40), conv(2)], [conv(1), conv(2)]
    spec = {"input": [8, 1, 1], "layers": [{"concat": [grows, shrinks]}]}
    written, found = best(spec, order="file"), best(spec)
    # as written the input 8 lives beside 40 and 2; else it is free once 1 and 40 are there
    assert written.peak_memory == 8 + 40 + 2 == 50
    assert found.peak_memory == 8 + 1 + 40 == 49
    assert found.order.proved


def test_the_order_of_two_hills_matters():
    # behind the input 1: one branch rises to 10 and leaves 8, the other rises to 20 and leaves 1
    small, large = [conv(9), conv(8)], [conv(19), conv(1)]
    spec = {"input": [1, 1, 1], "layers": [{"concat": [small, large]}]}
    written, found = best(spec, order="file"), best(spec)
    # as written the large hill rises on the 8: 8 + 19 + 1; else on nothing but the input, 1 + 19 + 1, or the
    # small one on the 1 that the large leaves: 1 + 9 + 8
    assert written.peak_memory == 8 + 19 + 1 == 28
    assert found.peak_memory == 1 + 19 + 1 == 21
    assert (found.order.kind, found.order.proved, found.order.lower_bound) == ("best", True, 21)
    names = [row.layer.name for row in found.layers]
    assert names.index("branch_2/conv_2") < names.index("branch_1/conv_1")
    assert names[-1] == "concat_1"


def test_what_runs_last_bounds_outputs_that_all_stay():
    layers = [{**conv(size), "from": "input", "name": f"c{size}"} for size in (3, 4, 5)]
    found = best({"input": [2, 1, 1], "layers": layers})
    assert found.peak_memory == 2 + 3 + 4 + 5 == found.order.lower_bound


def test_inputs_that_stay_stay_in_any_order():
    spec = {"input": [7, 1, 1], "layers": [conv(2), conv(9), conv(1)]}
    assert best(spec).peak_memory == 2 + 9
    assert best(spec, keep_inputs=True).peak_memory == 7 + 2 + 9


def test_weights_and_views_are_where_they_can_run():
    layers = [
        {"parameter": {"shape": [4, 3]}, "name": "p"},
        {"matmul": None, "from": ["input", "p"], "name": "m"},
        {"flatten": None, "from": "m", "name": "f"},
    ]
    found = best({"input": {"shape": [2, 4], "layout": "tokens"}, "layers": layers})
    assert [row.layer.name for row in found.layers] == ["p", "m", "f"]
    assert found.peak_memory == 2 * 4 + 2 * 3


# against other programs


@st.composite
def graphs(draw, most=16):
    """Build a random network of layers that each give a new tensor."""
    builder = NetworkBuilder()
    values = [builder.input([draw(st.integers(1, 6)), 1, 1]) for _ in range(draw(st.integers(1, 2)))]
    for _ in range(draw(st.integers(1, most))):
        reads = draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique_by=id))
        if len(reads) == 1:
            values.append(builder.add("pointwise_conv", reads[0], out_channels=draw(st.integers(1, 9))))
        else:
            wide = builder.add("concat", *reads)
            values.append(wide if wide.shape[0] < 30 else builder.add("pointwise_conv", wide, out_channels=1))
    return builder.build()


def smallest_peak(network):
    """Return the smallest peak over all orders: dynamic programming over all sets of layers that can have run."""
    layers = network.layers
    size = [4 * product(layer.outputs[0].shape) for layer in layers]
    inputs = [4 * product(tensor.shape) for tensor in network.inputs]
    reads = [{(tensor.producer, tensor.output) for tensor in layer.inputs} for layer in layers]

    def waits(key, done):
        readers = [index for index in range(len(layers)) if key in reads[index]]
        return any(index not in done for index in readers) or (not readers and key[0] != INPUT)

    def lives(done):
        of_layers = sum(size[index] for index in done if waits((index, 0), done))
        return of_layers + sum(size for number, size in enumerate(inputs) if waits((INPUT, number), done))

    peaks = {frozenset(): 0}
    for _ in layers:
        new = {}
        for done, peak in peaks.items():
            now = lives(done)
            for index in set(range(len(layers))) - done:
                if all(producer == INPUT or producer in done for producer, _ in reads[index]):
                    key = done | {index}
                    new[key] = min(new.get(key, 1 << 60), max(peak, now + size[index]))
        peaks = new
    (peak,) = peaks.values()
    unread = sum(size for number, size in enumerate(inputs) if all((INPUT, number) not in each for each in reads))
    return peak, unread


@given(graphs(12))
@settings(deadline=None, max_examples=100)
def test_the_best_order_is_that_of_dynamic_programming(network):
    found = Model(network).memory(order="best", in_place=False)
    peak, unread = smallest_peak(network)
    if not unread:  # an input that nobody reads lives while the first layer runs, which the program leaves out
        assert found.peak_memory == peak
        assert found.order.lower_bound <= peak
        sizes = [piece.bytes for piece in Model(network).memory(in_place=False).pieces]
        parts = segments(step_graph(sharing(network, in_place=False), sizes, keep_inputs=False))
        walks = [Walk(part) for part in parts]
        exact = [exact_order(walk, 0, 1 << 60, 1 << 20).peak for walk in walks]
        assert max(exact) == peak
        for walk, each in zip(walks, exact, strict=True):
            order = order_within(walk, each, 1 << 20)
            assert sorted(order) == [*range(len(walk.taken))]
            assert walk.peak(order) == each
            assert order_within(walk, each - 1, 1 << 20) == ()
    assert sorted(row.layer.name for row in found.layers) == sorted(layer.name for layer in network.layers)


@given(graphs(7))
@settings(deadline=None, max_examples=40)
def test_of_few_layers_the_bound_is_the_smallest_peak_of_all_orders(network):
    shared = sharing(network, in_place=False)
    sizes = [piece.bytes for piece in Model(network).memory(in_place=False).pieces]
    for segment in segments(step_graph(shared, sizes, keep_inputs=False)):
        walk = Walk(segment)
        count = len(segment.steps)
        orders = [
            order
            for order in (permutations(range(count)) if count < 8 else ())
            if all(not segment.before[step] & ~sum(1 << each for each in order[:at]) for at, step in enumerate(order))
        ]
        if orders:
            peak = min(map(walk.peak, orders))
            assert best_order(segment).peak == peak
            bound = LowerBound(segment, 10_000).by_pairs(0, peak)
            assert bound == peak or (segment.unread and bound < peak)  # it leaves out what nobody reads
            assert LowerBound(segment).simple() <= peak


def test_a_search_that_ends_early_still_gives_an_order_and_a_bound():
    builder = NetworkBuilder()
    values = [builder.input([4, 1, 1])]
    for number in range(20):
        values.append(builder.add("pointwise_conv", values[number // 2], out_channels=1 + number * 7 % 11))
    network = builder.build()
    sizes = [piece.bytes for piece in Model(network).memory(in_place=False).pieces]
    for segment in segments(step_graph(sharing(network, in_place=False), sizes, keep_inputs=False)):
        whole, early = best_order(segment), best_order(segment, most_states=1)
        assert sorted(early.order) == [*range(len(segment.steps))]
        assert Walk(segment).peak(early.order) == early.peak >= whole.peak
        assert order_within(Walk(segment), 1 << 40, 0) is None or len(segment.steps) < 2
        assert LowerBound(segment, 0).by_cuts(0, 1 << 40) <= whole.peak


@pytest.mark.no_cover
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_the_best_order_of_every_shipped_network_is_proved(spec):
    found = convcost.memory(spec, order="best")
    assert found.order.proved
    assert found.order.lower_bound == found.peak_memory <= convcost.memory(spec).peak_memory
    position = {row.layer.name: at for at, row in enumerate(found.layers)}
    for layer in found.network.layers:
        for tensor in layer.inputs:
            if tensor.producer != INPUT:
                assert position[found.network.layers[tensor.producer].name] < position[layer.name]


def test_a_minimum_cut():
    # Cormen et al., Introduction to Algorithms, figure 26.1: a flow of 23
    graph = CutGraph(6)
    for tail, head, capacity in (
        (0, 1, 16), (0, 2, 13), (2, 1, 4), (1, 3, 12), (3, 2, 9), (2, 4, 14), (4, 3, 7), (3, 5, 20), (4, 5, 4),
    ):  # fmt: skip
        graph.add(tail, head, capacity)
    assert graph.minimum(0, 5) == (23, {0, 1, 2, 4})


def test_there_are_two_orders():
    with pytest.raises(OptionError) as caught:
        best("resnet18", order="quick")
    assert caught.value.text() == "error: --order: there is no order 'quick'\n = help: known: file, best"


def test_an_input_that_nobody_reads_lives_while_the_first_layer_runs():
    # the inputs of 4 and 20, of which nobody reads the second; 1 and 9 are given, of which the first is the smaller
    layers = [{**conv(9), "from": "a", "name": "large"}, {**conv(1), "from": "a", "name": "small"}]
    spec = {"inputs": {"a": [4, 1, 1], "b": [20, 1, 1]}, "layers": layers}
    written, found = best(spec, order="file"), best(spec)
    assert written.peak_memory == 4 + 20 + 9
    assert found.peak_memory == 4 + 20 + 1 == found.order.lower_bound
    assert [row.layer.name for row in found.layers] == ["small", "large"]


def reordered(network, order):
    """Return a network whose layers stand in another order."""
    place = {INPUT: INPUT} | {index: at for at, index in enumerate(order)}

    def moved(tensors):
        return tuple([replace(tensor, producer=place[tensor.producer]) for tensor in tensors])

    layers = [network.layers[index] for index in order]
    layers = [replace(layer, inputs=moved(layer.inputs), outputs=moved(layer.outputs)) for layer in layers]
    return replace(network, layers=tuple(layers), named_outputs=moved(network.named_outputs))


def orders(network):
    """Return all orders in which each layer runs behind what it reads."""
    count = len(network.layers)
    edges = [(each, index) for index in range(count) for each in network.layers[index].sources if each != INPUT]
    return [
        order
        for order in permutations(range(count))
        if all(order.index(each) < order.index(index) for each, index in edges)
    ]


@given(networks(6), st.booleans())
@settings(deadline=None, max_examples=60)
def test_with_views_and_in_place_the_best_order_is_the_best_of_all_that_are_simulated(network, in_place):
    found = Model(network).memory(order="best", in_place=in_place)
    peaks = [max(simulated(reordered(network, order), in_place=in_place)) for order in orders(network)]
    assert found.peak_memory == min(peaks)
    names = [layer.name for layer in network.layers]
    run = [names.index(row.layer.name) for row in found.layers]
    assert [row.alive for row in found.layers] == simulated(reordered(network, run), in_place=in_place)
