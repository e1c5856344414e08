"""The one builder: names, shapes and what it refuses."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

import convcost
from convcost import Layer, Network, NetworkBuilder, Tensor
from convcost.layers import REGISTRY

BIG = 10**15 + 1
NO_FIT = "\n = found: kernel_size 9 does not fit into an input of 8"


@pytest.fixture
def builder():
    return NetworkBuilder("tiny")


def message(call, *given, **fields):
    """Return what a call says is wrong."""
    with pytest.raises(convcost.NetworkError) as caught:
        call(*given, **fields)
    return str(caught.value)


def test_a_network_built_by_hand_is_the_one_that_a_spec_describes(builder):
    image = builder.input([3, 8, 8])
    x = builder.add("conv", image, out_channels=4, kernel_size=3, padding="same", stride=[2, 1], name="stem")
    y = builder.add("relu", x)
    z = builder.add("concat", x, y)
    builder.add("add", z, z)
    stem = {"conv": {"out_channels": 4, "kernel_size": 3, "padding": "same", "stride": [2, 1]}, "name": "stem"}
    layers = [
        stem,
        {"relu": None, "name": "relu_1"},
        {"concat": None, "from": ["stem", "relu_1"], "name": "z"},
        {"add": None, "from": ["z", "z"]},
    ]
    model = convcost.Model(builder.build())
    assert [layer.name for layer in model.network.layers] == ["stem", "relu_1", "concat_1", "add_1"]
    assert model.network.outputs[0].shape == (8, 4, 8)  # (8 + 2 − 3) // 2 + 1 = 4 rows; 4 + 4 channels
    assert model.analyze().total == convcost.analyze({"input": [3, 8, 8], "layers": layers}).total
    assert model.analyze().total.params == 4 * 3 * 9 + 4
    assert model.verify(full=True).ok


def test_a_network_may_have_several_inputs_and_outputs(builder):
    a, b = builder.input([2, 4, 4]), builder.input([2, 4, 4])
    x = builder.add("multiply", a, b)
    builder.add("relu", x)
    builder.add("tanh", x)
    network = builder.build()
    assert [(tensor.producer, tensor.output) for tensor in network.inputs] == [(-1, 0), (-1, 1)]
    assert [(tensor.producer, tensor.shape) for tensor in network.outputs] == [(1, (2, 4, 4)), (2, (2, 4, 4))]
    assert network.readers() == [2, 0, 0]
    assert [layer.inputs for layer in network.layers] == [(a, b), (x,), (x,)]
    assert convcost.Model(network).analyze().total.mults == 2 * 4 * 4


@pytest.mark.parametrize(("shape", "layout"), [([3, 8, 8], "feature map"), ([3, 8], "feature map"), ([3], "vector")])
def test_a_tensor_knows_its_producer_layout_and_width(builder, shape, layout):
    image = builder.input(shape)
    assert image == Tensor(tuple(shape), -1, 0, layout, "float32")
    assert builder.add("relu", image) == Tensor(tuple(shape), 0, 0, layout, "float32")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([], "error: an input has 1 to 4 axes\n = found: 0 given\n = help: [C, H, W]"),
        ([1] * 5, "error: an input has 1 to 4 axes\n = found: 5 given\n = help: [C, H, W]"),
        ([3, 0], "error: a size is a whole number from 1 to 10**15\n = found: 0 in the input [3, 0]"),
        ([3, 2.0], "error: a size is a whole number from 1 to 10**15\n = found: 2.0 in the input [3, 2.0]"),
        ([3, True], "error: a size is a whole number from 1 to 10**15\n = found: True in the input [3, True]"),
        ([BIG], f"error: a size is a whole number from 1 to 10**15\n = found: {BIG} in the input [{BIG}]"),
    ],
)  # fmt: skip
def test_an_input_that_cannot_be(builder, shape, said):
    assert message(builder.input, shape) == said


def test_the_largest_size_is_still_one(builder):
    assert builder.add("relu", builder.input([10**15])).shape == (10**15,)


def test_what_cannot_be_added(builder):
    x = builder.input([3, 8, 8])
    other = NetworkBuilder().input([3, 8, 8])
    vector = builder.input([3])
    builder.add("relu", x, name="a")
    said = [
        (("conw", x), {}, "there is no layer type 'conw' that runs\n = help: did you mean 'conv'?"),
        (("separable_conv", x), {}, "there is no layer type 'separable_conv' that runs"),
        (("relu", other), {}, "relu reads what no earlier layer of this network gives"),
        (("relu", Tensor((3, 8, 8), 7)), {}, "relu reads what no earlier layer of this network gives"),
        (("relu", x), {"name": "a"}, "the name 'a' is used twice"),
        (("relu",), {}, "relu takes 1 input\n = found: 0 given"),
        (("relu", x, x), {}, "relu takes 1 input\n = found: 2 given"),
        (("add", x), {}, "add takes at least 2 inputs\n = found: 1 given"),
        (("conv", x), {"kernel_size": 3}, "conv needs out_channels"),
        (("relu", x), {"slope": 3}, "relu has no field 'slope'"),
        (("conv", x), {"out_channels": 0, "kernel_size": 1}, "out_channels must be at least 1\n = found: 0"),
        (("conv", x), {"out_channels": 4, "kernel_size": 9}, f"the kernel must fit into its padded input{NO_FIT}"),
        (("linear", x), {"out_features": 4}, "linear takes a vector or tokens\n = found: [3, 8, 8] reaches it\n = "),
        (("max_pool", vector), {"kernel_size": 2}, "max_pool takes channels and spatial sizes\n = found: [3] reaches"),
        (("upsample", x), {"scale_factor": 10**15}, "a size is at most 10**15\n = found: the output would be [3"),
    ]  # fmt: skip
    for given, fields, expected in said:
        assert message(builder.add, *given, **fields).startswith(f"error: {expected}")
    assert [layer.name for layer in builder.layers] == ["a"]


def test_names_count_by_type_and_may_carry_the_path_of_a_module(builder):
    x = builder.input([3, 8, 8])
    for name in ("", "layer1.0.conv1", "", "stage/block/relu"):
        x = builder.add("relu", x, name=name)
    x = builder.add("tanh", x)
    layers = builder.build().layers
    assert [layer.name for layer in layers] == ["relu_1", "layer1.0.conv1", "relu_2", "stage/block/relu", "tanh_1"]
    assert layers[1].path == ("layer1.0.conv1",)
    assert layers[3].path == ("stage", "block", "relu")


# networks that are put together without the builder


def conv(**changed):
    """Return a network of one convolution that nobody has checked."""
    fields = {"out_channels": 4, "kernel_size": (3, 3), "stride": (1, 1), "padding": ((1, 1), (1, 1))}
    definition = REGISTRY["conv"](fields | {"dilation": (1, 1), "groups": 1, "bias": False})
    image = Tensor((3, 99, 99))
    layer = Layer(("conv",), "conv", definition, (image,), (Tensor((4, 99, 99), 0),))
    return Network("", "", "", {}, (image,), (replace(layer, **changed),))


def test_a_network_without_the_builder_is_checked():
    assert convcost.Model(conv()).analyze().total.params == 4 * 3 * 9
    assert convcost.Model(conv()).network.built


INFERS = " = help: NetworkBuilder infers shapes"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"outputs": (Tensor((4, 98, 99), 0),)},
            f"error: conv gives [4, 99, 99]\n = found: the network says [4, 98, 99]\n{INFERS}",
        ),
        (
            {"inputs": (Tensor((3, 98, 99)),)},
            f"error: conv reads [3, 99, 99]\n = found: the network says [3, 98, 99]\n{INFERS}",
        ),
        (
            {"inputs": (Tensor((4, 99, 99), 0),)},
            (
                "error: conv reads what no layer before it gives\n = found: output 0 of layer 0, and this is layer 0\n"
                " = help: build the network with NetworkBuilder"
            ),
        ),
    ],
)
def test_a_network_whose_shapes_are_wrong_is_not_believed(changed, said):
    assert message(convcost.Model, conv(**changed)) == said


def test_a_layer_that_cannot_work_on_what_it_reads():
    wide = REGISTRY["conv"](dict(conv().layers[0].fields) | {"groups": 2})
    assert re.match("error: groups must divide in_channels\n", message(convcost.Model, conv(definition=wide)))
