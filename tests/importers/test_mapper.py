"""Graphs to specs: operators, what is joined, and what is refused."""

# ruff: noqa: E501 -- a model and what becomes of it stand on a line

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import onnx_writer as w
import pytest

import convcost
from convcost.importers import operators
from convcost.importers.families import places
from convcost.importers.mapper import OPERATORS
from convcost.spec import load as read
from convcost.spec.source import model_source

INPUT = {"x": [1, 8, 12, 12]}


def test_every_operator_is_found_where_it_is_mapped():
    """A module of operators is imported by the names that `FAMILIES` has of it."""
    for path in Path(operators.__path__[0]).glob("*.py"):
        import_module(f"convcost.importers.operators.{path.stem}")
    added = {name: entry.__module__ for name, entry in OPERATORS._entries.items()}
    own = f"{operators.__name__}."
    assert {name: place for name, place in added.items() if place.startswith(own)} == places()


def one(operator, inputs="x", tensors=(), shape=(1, 8, 12, 12), opset=17, **attributes):
    """Return a model of one node."""
    node = w.node(operator, inputs, "y", f"/m/{operator}", **attributes)
    return w.model([node], {"x": list(shape)}, "y", tensors, opset=opset)


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (
            one("Conv", "x k b", [w.tensor("k", [16, 4, 3, 5]), w.tensor("b", [16])], group=2, pads=[1, 2, 1, 2]),
            "conv: {out_channels: 16, kernel_size: [3, 5], padding: [1, 2], groups: 2}",
        ),
        (
            one("Conv", "x k", [w.tensor("k", [8, 8, 2, 2])], strides=[2, 2], auto_pad="SAME_UPPER", dilations=[3, 3]),
            # windows of 1 + 3 values, 6 of them 2 apart: 5 · 2 + 4 = 14, so 2 more than 12
            "conv: {out_channels: 8, kernel_size: 2, stride: 2, padding: 1, dilation: 3, bias: false}",
        ),
        (
            one("Conv", "x k", [w.tensor("k", [8, 8, 2, 2])], auto_pad="SAME_LOWER"),
            "conv: {out_channels: 8, kernel_size: 2, padding: [[1, 0], [1, 0]], bias: false}",
        ),
        (
            one("Conv", "x k", [w.tensor("k", [16, 1, 3, 3])], group=8, pads=[0, 0, 1, 1]),
            "depthwise_conv: {kernel_size: 3, padding: [[0, 1], [0, 1]], bias: false, depth_multiplier: 2}",
        ),
        (
            one("ConvTranspose", "x k", [w.tensor("k", [8, 5, 3, 3])], strides=[2, 2], output_padding=[1, 1]),
            "transposed_conv: {out_channels: 5, kernel_size: 3, stride: 2, output_padding: 1, bias: false}",
        ),
        (
            one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
            "max_pool: {kernel_size: 3, stride: 2, ceil_mode: true}",
        ),
        (
            one("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            "avg_pool: {kernel_size: 3, stride: 1, padding: 1, count_include_pad: false}",
        ),
        (one("GlobalAveragePool"), "global_avg_pool"),
        (one("ReduceMean", axes=[2, 3]), "global_avg_pool"),
        (one("ReduceMean", axes=[-1]), "reduce: {op: mean, axis: [2], keepdim: true}"),
        (one("LeakyRelu", alpha=0.1), "leaky_relu: {negative_slope: 0.1}"),
        (one("LeakyRelu", alpha=0.0000001), "leaky_relu: {negative_slope: 0.0000001}"),
        (one("Clip", "x low high", [w.tensor("low", [], [0.0]), w.tensor("high", [], [6.0])]), "relu6"),
        (one("Clip", min=-1.0, max=2.5, opset=7), "hard_tanh: {max_val: 2.5}"),
        (one("PRelu", "x s", [w.tensor("s", [8, 1, 1])]), "prelu: {num_parameters: 8}"),
        (one("Softmax", axis=1), "softmax"),
        (one("LRN", size=5, alpha=0.0001, beta=0.75, bias=2.0), "local_response_norm: {size: 5, k: 2}"),
        (one("Mul", "x m.s", [w.tensor("m.s", [1, 8, 1, 1])]), "scale"),
        (one("InstanceNormalization", "x s b", [w.tensor("s", [8]), w.tensor("b", [8])]), "instance_norm: {affine: true}"),
        (one("LayerNormalization", "x s b", [w.tensor("s", [12]), w.tensor("b", [12])]), "layer_norm: {axis: 2}"),
        (one("Resize", "x  s".replace("  ", " r "), [w.tensor("r", [0], []), w.tensor("s", [4], [1.0, 1.0, 2.0, 2.0])],
             mode="linear"), "upsample: {mode: bilinear, scale_factor: 2}"),
        (one("Slice", "x a b c", [w.tensor("a", [1], [2], w.INT64), w.tensor("b", [1], [2**63 - 1], w.INT64),
                                  w.tensor("c", [1], [1], w.INT64)]), "slice: {start: 2}"),
        (one("Pad", "x p", [w.tensor("p", [8], [0, 0, 1, 2, 0, 0, 1, 2], w.INT64)], mode="reflect"),
         "pad: {padding: [[1, 1], [2, 2]], mode: reflect}"),
        (one("Transpose", perm=[0, 2, 3, 1]), "permute: {axes: [1, 2, 0], layout: tokens}"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_an_operator_is_a_layer_type(model, line, text):
    assert text(model, flat=True).splitlines()[0].rstrip(":") == f"  - {line}"


def chain(*operators, tensors=(), outputs="y"):
    """Return a model of nodes in a row, each given as its operator, inputs, output and attributes."""
    nodes = [w.node(operator, inputs, output, **more) for operator, inputs, output, more in operators]
    return w.model(nodes, INPUT, outputs, tensors)


NUMBERS = [w.tensor(str(number), [], [float(number)]) for number in (0, 1, 3, 6, 0.5, 2)]
ROOT = w.tensor("root", [], [2**0.5])


@pytest.mark.parametrize(
    ("nodes", "type"),
    [
        ([("Sigmoid", "x", "a", {}), ("Mul", "a x", "y", {})], "silu"),
        ([("HardSigmoid", "x", "a", {"alpha": 1 / 6}), ("Mul", "x a", "y", {})], "hard_swish"),
        (
            [("Add", "x 3", "a", {}), ("Clip", "a 0 6", "b", {}), ("Mul", "x b", "c", {}), ("Div", "c 6", "y", {})],
            "hard_swish",
        ),
        (
            [("Add", "x 3", "a", {}), ("Clip", "a 0 6", "b", {}), ("Div", "b 6", "c", {}), ("Mul", "x c", "y", {})],
            "hard_swish",
        ),
        ([("Add", "x 3", "a", {}), ("Clip", "a 0 6", "b", {}), ("Div", "b 6", "y", {})], "hard_sigmoid"),
        (
            [
                ("Div", "x root", "a", {}),
                ("Erf", "a", "b", {}),
                ("Add", "b 1", "c", {}),
                ("Mul", "x c", "d", {}),
                ("Mul", "d 0.5", "y", {}),
            ],
            "gelu",
        ),
    ],
)
def test_an_activation_in_parts_is_one_layer(nodes, type, text):
    assert text(chain(*nodes, tensors=[*NUMBERS, ROOT])) == f"  - {type}\n"


def test_an_activation_whose_part_is_read_elsewhere_stays_in_parts(text):
    nodes = [("Sigmoid", "x", "a", {}), ("Mul", "a x", "y", {}), ("Relu", "a", "z", {})]
    lines = text(chain(*nodes, outputs="y z"), flat=True).splitlines()
    assert [line for line in lines if line.startswith("  - ")] == ["  - sigmoid:", "  - multiply:", "  - relu:"]


def test_a_layer_norm_in_parts_is_one_layer():
    nodes = [
        ("Transpose", "x", "t", {"perm": [0, 2, 3, 1]}),
        ("ReduceMean", "t", "mean", {"axes": [-1]}),
        ("Sub", "t mean", "less", {}),
        ("Pow", "less 2", "square", {}),
        ("ReduceMean", "square", "variance", {"axes": [-1]}),
        ("Add", "variance 1", "a", {}),
        ("Sqrt", "a", "b", {}),
        ("Div", "less b", "c", {}),
        ("Mul", "c w", "d", {}),
        ("Add", "d v", "y", {}),
    ]
    tensors = [*NUMBERS, w.tensor("w", [8]), w.tensor("v", [8])]
    layers = load(chain(*nodes, tensors=tensors)).network.layers
    assert [layer.type for layer in layers] == ["layer_norm", "permute"]
    assert layers[0].cost().params == 2 * 8


@pytest.mark.parametrize("operator", ["LayerNormalization", "RMSNormalization"])
def test_a_norm_of_each_position_stays_on_the_map_that_is_turned_for_it(operator, text):
    nodes = [
        ("Conv", "x k b", "a", {}),
        ("Transpose", "a", "t", {"perm": [0, 2, 3, 1]}),
        (operator, "t s" + " v" * (operator[0] == "L"), "n", {"axis": -1}),
        ("Transpose", "n", "y", {"perm": [0, 3, 1, 2]}),
    ]
    tensors = [w.tensor("k", [6, 8, 1, 1]), w.tensor("b", [6]), w.tensor("s", [6]), w.tensor("v", [6])]
    norm = {"L": "layer_norm", "R": "rms_norm"}[operator[0]]
    assert text(chain(*nodes, tensors=tensors)) == f"  - conv: {{out_channels: 6, kernel_size: 1, norm: {norm}}}\n"


@pytest.mark.parametrize(
    ("order", "again", "types"),
    [
        ([0, 2, 3, 1], True, ["permute", "layer_norm", "add"]),  # what is turned is read again
        ([0, 1, 3, 2], False, ["permute", "layer_norm"]),  # the norm is not over the channels
    ],
)
def test_a_norm_of_what_is_turned_otherwise_stays_behind_it(order, again, types):
    size = 8 if order[-1] == 1 else 12
    nodes = [("Transpose", "x", "t", {"perm": order}), ("LayerNormalization", "t s v", "n", {"axis": -1})]
    nodes += [("Add", "n t", "y", {})] if again else []
    model = chain(*nodes, tensors=[w.tensor("s", [size]), w.tensor("v", [size])], outputs="y" if again else "n")
    assert [layer.type for layer in load(model).network.layers] == types


def load(content):
    """Return the model of a file's bytes."""
    return convcost.Model(read(model_source(content, "net.onnx"), {}))


def test_padding_joins_the_convolution_that_follows_and_no_other(text):
    pads = w.tensor("p", [8], [0, 0, 1, 0, 0, 0, 2, 0], w.INT64)
    nodes = [("Pad", "x p", "a", {}), ("Conv", "a k", "y", {"pads": [0, 1, 0, 1]})]
    lines = text(chain(*nodes, tensors=[pads, w.tensor("k", [8, 8, 3, 3])]))
    assert lines == "  - conv: {out_channels: 8, kernel_size: 3, padding: [[1, 2], [1, 1]], bias: false}\n"
    nodes = [("Pad", "x p", "a", {}), ("MaxPool", "a", "y", {"kernel_shape": [2, 2], "strides": [2, 2]})]
    assert text(chain(*nodes, tensors=[pads])) == (
        "  - pad: {padding: [[1, 2], [0, 0]]}\n  - max_pool: {kernel_size: 2}\n"
    )


def test_a_shuffle_of_channels_is_one_layer_and_its_shapes_may_be_worked_out(text):
    nodes = [
        ("Shape", "x", "s", {}),
        ("Gather", "s two", "h", {}),
        ("Concat", "one g four h h", "parts", {"axis": 0}),
        ("Reshape", "x parts", "a", {}),
        ("Transpose", "a", "b", {"perm": [0, 2, 1, 3, 4]}),
        ("Reshape", "b s", "y", {}),
    ]
    whole = {"one": 1, "g": 2, "four": 4, "two": 2}
    tensors = [w.tensor(name, [1], [number], w.INT64) for name, number in whole.items()]
    assert text(chain(*nodes, tensors=tensors)) == "  - channel_shuffle: {groups: 2}\n"


def test_a_shuffle_that_turns_the_picture_too_is_something_else(text):
    nodes = [
        ("Reshape", "x parts", "a", {}),
        ("Transpose", "a", "b", {"perm": [0, 2, 1, 4, 3]}),
        ("Reshape", "b whole", "y", {}),
    ]
    shapes = {"parts": [1, 2, 4, 12, 12], "whole": [1, 8, 12, 12]}
    tensors = [w.tensor(name, [len(shape)], shape, w.INT64) for name, shape in shapes.items()]
    assert text(chain(*nodes, tensors=tensors)) == ("  - rearrange: {pattern: (c a) h w -> (a c) w h, a: 4}\n")


def test_movements_that_undo_each_other_are_nothing(text):
    nodes = [
        ("Transpose", "x", "a", {"perm": [0, 2, 3, 1]}),
        ("Transpose", "a", "b", {"perm": [0, 3, 1, 2]}),
        ("Relu", "b", "y", {}),
    ]
    assert text(chain(*nodes)) == "  - relu\n"


def test_norms_and_activations_are_written_with_their_layer(text):
    norm = [w.tensor(name, [4]) for name in ("bn.weight", "bn.bias", "mean", "var")]
    nodes = [
        ("Conv", "x c.weight", "a", {}),
        ("BatchNormalization", "a bn.weight bn.bias mean var", "b", {}),
        ("Relu", "b", "y", {}),
    ]
    model = chain(*nodes, tensors=[w.tensor("c.weight", [4, 8, 1, 1]), *norm])
    assert text(model) == (
        "  - conv: {out_channels: 4, kernel_size: 1, bias: false, norm: batch_norm, activation: relu}\n    name: c\n"
    )
    assert text(model, flat=True) == (
        "  - conv: {out_channels: 4, kernel_size: 1, bias: false}\n    name: c\n"
        "  - batch_norm:\n    name: bn\n  - relu\n"
    )
    total = load(model).analyze().total
    # 8 · 4 weights, a factor and a shift for each of 4 channels; a mean and a variance; 12 · 12 positions
    assert (total.params, total.buffers, total.macs) == (8 * 4 + 2 * 4, 2 * 4, 12 * 12 * 8 * 4)


def test_a_constant_added_to_a_convolution_is_its_bias(text):
    tensors = [w.tensor("k", [4, 8, 1, 1]), w.tensor("b", [1, 4, 1, 1])]
    model = chain(("Conv", "x k", "a", {}), ("Add", "a b", "y", {}), tensors=tensors)
    assert text(model) == "  - conv: {out_channels: 4, kernel_size: 1}\n"


def test_what_does_nothing_at_inference_is_gone(text):
    nodes = [
        ("Dropout", "x", "a mask", {}),
        ("Identity", "a", "b", {}),
        ("Relu", "b", "y", {}),
        ("Sigmoid", "x", "unused", {}),
    ]
    assert text(chain(*nodes)) == "  - relu\n"


@pytest.mark.parametrize(("scope", "first"), [("/m/a/Conv", "m.a"), ("Conv_0", "b")])
def test_a_layer_has_no_name_of_a_weight_that_was_merged_with_its_own(scope, first):
    """Of equal biases the exporter keeps one, and gives the others as copies of it."""
    tensors = [w.tensor("onnx::k", [8, 8, 1, 1]), w.tensor("b.weight", [8, 8, 3, 3]), w.tensor("b.bias", [8])]
    nodes = [
        w.node("Identity", "b.bias", "onnx::copy"),
        w.node("Conv", "x onnx::k onnx::copy", "a", scope),
        w.node("Conv", "a b.weight b.bias", "y", "/m/b/Conv"),
    ]
    network = load(w.model(nodes, INPUT, "y", tensors)).network
    assert [layer.origin for layer in network.layers] == [first, "b"]


def test_a_kernel_that_two_nodes_read_is_shared_and_a_vector_counts_for_each():
    tensors = [w.tensor("k", [8, 8, 1, 1]), w.tensor("s", [8]), w.tensor("v", [8])]
    nodes = [
        ("Conv", "x k", "a", {}),
        ("BatchNormalization", "a s s v v", "b", {}),
        ("Relu", "b", "c", {}),
        ("Conv", "c k", "d", {}),
        ("BatchNormalization", "d s s v v", "y", {}),
    ]
    total = load(chain(*nodes, tensors=tensors)).analyze().total
    assert total.params == 8 * 8 + 2 * (8 + 8)
    assert total.macs == 2 * 12 * 12 * 8 * 8


@pytest.mark.parametrize(
    ("second", "vectors", "kernel", "uses"),
    [
        (
            "norm_1",
            "onnx::s onnx::t",
            "k",
            1,
        ),  # the module is called again, and the exporter works its vectors out anew
        ("norm_1", "s s", "k", 1),
        ("other", "s s", "k", 2),  # another module, whose vectors are equal by chance
        ("norm_1", "onnx::s onnx::t", "l", 2),  # behind another kernel
    ],
)
def test_a_norm_that_is_called_again_behind_its_kernel_is_shared(second, vectors, kernel, uses):
    first = "s s" if vectors == "s s" else "onnx::a onnx::b"
    tensors = [w.tensor("k", [8, 8, 1, 1]), w.tensor("l", [8, 8, 1, 1]), w.tensor("s", [8])]
    tensors += [w.tensor(f"onnx::{name}", [8]) for name in "abst"]
    nodes = [
        w.node("Conv", "x k", "a", "/m/conv/Conv"),
        w.node("GroupNormalization", f"a {first}", "b", "/m/norm/Group", num_groups=2),
        w.node("Conv", f"x {kernel}", "c", "/m/conv_1/Conv"),
        w.node("GroupNormalization", f"c {vectors}", "d", f"/m/{second}/Group", num_groups=2),
        w.node("Add", "b d", "y"),
    ]
    total = load(w.model(nodes, {"x": [1, 8, 12, 12]}, "y", tensors, opset=21)).analyze().total
    assert total.params == (1 if kernel == "k" else 2) * 8 * 8 + uses * (8 + 8)


def test_two_norms_of_one_value_have_vectors_of_their_own():
    nodes = [
        w.node("Conv", "x k", "a", "/m/conv/Conv"),
        w.node("GroupNormalization", "a s s", "b", "/m/norm/Group", num_groups=2),
        w.node("GroupNormalization", "a s s", "d", "/m/norm_1/Group", num_groups=2),
        w.node("Add", "b d", "y"),
    ]
    tensors = [w.tensor("k", [8, 8, 1, 1]), w.tensor("s", [8])]
    total = load(w.model(nodes, {"x": [1, 8, 12, 12]}, "y", tensors, opset=21)).analyze().total
    assert total.params == 8 * 8 + 2 * (8 + 8)


def test_weights_that_are_made_of_their_shape_count():
    nodes = [("ConstantOfShape", "shape", "k", {}), ("Conv", "x k", "y", {})]
    model = chain(*nodes, tensors=[w.tensor("shape", [4], [64, 8, 3, 3], w.INT64)])
    assert load(model).analyze().total.params == 64 * 8 * 3 * 3


def test_the_batch_is_gone():
    for batch in (1, "N", 5):
        nodes = [w.node("Conv", "x k", "y")]
        model = w.model(nodes, {"x": [batch, 8, 12, 12]}, {"y": [batch, 4, 12, 12]}, [w.tensor("k", [4, 8, 1, 1])])
        assert load(model).network.input_shape == (8, 12, 12)


def test_open_axes_are_symbols(write):
    nodes = [w.node("Conv", "x k", "y", pads=[1, 1, 1, 1])]
    path = write(w.model(nodes, {"x": ["N", 3, "height", "width"]}, "y", [w.tensor("k", [4, 3, 3, 3])]))
    macs = convcost.load(path, set={"height": 10, "width": 20}).analyze().total.macs
    assert macs == 10 * 20 * 4 * 3 * 9


# errors


def test_what_has_no_layer_type_is_listed_in_one_error(refused):
    nodes = [
        w.node("NonZero", "x", "a", "/head/NonZero"),
        w.node("Relu", "a", "b"),
        w.node("Magic", "x x", "c", "first", domain="my.ops"),
        w.node("Magic", "b x", "d", "second", domain="my.ops"),
        w.node("Concat", "x c d", "y", axis=0),
    ]
    costs = "=macs:1000,params:20,output_shape:64x7x7' gives it your cost, --allow-unknown counts the rest only"
    assert refused(w.model(nodes, INPUT, "y")) == (
        "error: the operator NonZero has no layer type\n --> net.onnx, head\n  = found: it reads 8×12×12\n"
        f"  = help: --declare 'NonZero{costs}\n\n"
        "error: the operator my.ops.Magic has no layer type\n --> net.onnx, first\n"
        "  = found: 2 of them, the first reads 8×12×12, 8×12×12\n  = note: the others: second\n"
        f"  = help: --declare 'my.ops.Magic{costs}\n\n"
        "error: 2 more operators read what these give, whose shape the file does not record\n --> net.onnx\n"
        "  = help: --allow-unknown leaves these out of the count, too"
    )


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (one("Transpose", perm=[1, 0, 2, 2]), "Transpose cannot be mapped: it does not name each axis once"),
        (one("MaxPool"), "MaxPool cannot be mapped: its inputs or attributes are not those of the operator"),
        (one("ConvTranspose", "x x"), "ConvTranspose cannot be mapped: its weight is no constant"),
        (one("Conv", "x k", [w.tensor("k", [4, 3, 1, 1])]), "Conv cannot be mapped: its kernel takes 3 × 1 channels, 8 reach it"),
        (one("Softmax", opset=12), "Softmax cannot be mapped: it is over several axes"),
        (one("Softmax", axis=0), "Softmax cannot be mapped: it works along the batch axis"),
        (one("MatMul", "x x", shape=(1, 8, 12, 13)), "MatMul cannot be mapped: matmul: the columns of matmul's first input must be as many as the rows of its second ([8, 12, 13] and [8, 12, 13]: 13 and 12)"),
        (
            one("Conv", "x k", [w.tensor("k", [4, 8, 13, 13])]),
            "Conv cannot be mapped: conv: the kernel must fit into its padded input (kernel_size 13 does not fit into an input of 12)",
        ),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_what_is_refused(model, reason, refused):
    assert refused(model).splitlines()[0] == f"error: the operator {reason}"


def test_a_shape_that_the_file_records_otherwise_is_an_error(refused):
    nodes = [w.node("Conv", "x k", "a", "first"), w.node("Relu", "a", "y")]
    model = w.model(nodes, INPUT, "y", [w.tensor("k", [4, 8, 3, 3])], {"a": [1, 4, 12, 12]})
    assert refused(model) == (
        "error: the node 'first' (Conv) gives [4, 10, 10]\n --> net.onnx\n"
        "  = found: the file records 4×12×12 for 'a'\n  = help: export the model again"
    )


def test_other_parameters_than_the_layer_has_are_an_error(refused):
    model = one("Conv", "x k b", [w.tensor("k", [4, 8, 3, 3]), w.tensor("b", [5])])
    assert refused(model) == (
        "error: the node '/m/Conv' (Conv) as conv has 292 parameters and buffers\n --> net.onnx\n"  # 4·8·9 + 4
        "  = found: its tensors in the file hold 293: 'k', 'b'\n  = help: export the model again"
    )


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([w.node("Relu", "b", "a", "n"), w.node("Relu", "a", "b")], "the node 'n' (Relu) reads 'b', which nothing before it gives"),
        ([w.node("Relu", "x", "a"), w.node("Relu", "x", "a")], "a Relu without a name gives 'a', which there is already"),
        ([w.node("Relu", "x", "a")], "nothing gives the output 'b'"),
        ([w.node("Identity", "x", "b")], "the model has no operator that is a layer"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)  # fmt: skip
def test_graphs_that_cannot_be(nodes, message, refused):
    assert refused(w.model(nodes, INPUT, "b")).splitlines()[0] == f"error: {message}"


def test_inputs_of_different_batches(refused):
    nodes = [w.node("Conv", "x k", "a"), w.node("Conv", "z k", "b")]
    model = w.model(nodes, {"x": [2, 8, 6, 4], "z": [3, 8, 6, 4]}, "a b", [w.tensor("k", [4, 8, 1, 1])])
    assert refused(model) == "error: the inputs have different batches\n --> net.onnx\n  = found: 'z': 3×8×6×4"


def test_an_axis_without_a_size_beside_a_batch_that_is_not_the_first(refused):
    nodes = [w.node("Relu", "x", "a"), w.node("Relu", "z", "b")]
    message = refused(w.model(nodes, {"x": ["batch", 8, 6, 4], "z": [2, "batch", 0]}, "a b")).splitlines()
    assert (message[0], message[-1]) == (
        "error: the input 'z' has an axis without a size",
        "  = help: --input gives it",
    )


def test_an_input_that_cannot_be_read_is_left_out_on_demand(write):
    nodes = [w.node("Conv", "x k", "a"), w.node("Softmax", "z", "b")]
    model = w.model(nodes, {"x": [1, 8, 6, 4], "z": [3, 8]}, "a b", [w.tensor("k", [4, 8, 1, 1])])
    assert convcost.load(write(model), allow_unknown=True).analyze().total.macs == 6 * 4 * 8 * 4


def test_a_constant_that_a_model_gives_is_no_layer(text):
    assert text(w.model([w.node("Relu", "x", "y")], INPUT, "y t", [w.tensor("t", [1, 4])])) == "  - relu\n"


def test_a_model_without_an_input(refused):
    model = w.model([w.node("Relu", "t", "y")], {}, "y", [w.tensor("t", [1, 4])])
    assert refused(model) == "error: the model has no input\n --> net.onnx"


def test_a_picture_without_a_batch_axis(write):
    nodes = [
        w.node("Sub", "x m", "a"),
        w.node("Unsqueeze", "a zero", "b"),
        w.node("Conv", "b k", "c", "/stem/Conv", pads=[1, 1, 1, 1]),
        w.node("Squeeze", "c zero", "y"),
    ]
    tensors = [
        w.tensor("m", [3, 1, 1], [0.5, 0.25, 0.125]),
        w.tensor("zero", [1], [0], w.INT64),
        w.tensor("k", [8, 3, 3, 3]),
    ]
    model = convcost.load(write(w.model(nodes, {"x": [3, 32, 48]}, "y", tensors)))
    assert model.network.input_shape == (3, 32, 48)
    assert model.analyze().total.macs == 32 * 48 * 8 * 3 * 9
    assert model.network.layers[-1].output_shape == (8, 32, 48)
    assert "# the input 'x' has no batch axis: it is one picture\n" in model.origin.reader.source.text


def test_an_output_whose_declared_axes_are_open_and_others(write, refused):
    nodes, tensors = [w.node("Conv", "x k", "y")], [w.tensor("k", [8, 4, 1, 1])]
    model = convcost.load(write(w.model(nodes, {"x": [1, 4, 6, 5]}, {"y": [1, "steps"]}, tensors)))
    assert model.analyze().total.macs == 6 * 5 * 8 * 4
    note = "# the file declares 1×steps for the output 'y', which has 1×8×6×5\n"
    assert note in model.origin.reader.source.text
    message = refused(w.model(nodes, {"x": [1, 4, 6, 5]}, {"y": [1, 8]}, tensors)).splitlines()
    assert message[0] == "error: a Conv without a name gives [8, 6, 5]"
    assert "= found: the file records 8 for 'y'" in message[2]


@pytest.mark.parametrize("shape", [[3, 8, 8], [4, 32, 48], [3, 32]])
def test_what_is_no_picture_needs_a_batch_axis(shape, refused):
    nodes = [w.node("Relu", "x", "a"), w.node("Resize", "a", "y")]
    first = refused(w.model(nodes, {"x": shape}, "y")).splitlines()[0]
    assert first == "error: the first axis of the input 'x' is no batch axis of 1"


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ([3], "the input 'x' has 1 axes"),
        ([1, 0], "the input 'x' has an axis without a size"),
        ([4, 8], "the first axis of the input 'x' is no batch axis of 1"),
        ([1, 10**16], "the input 'x' has an axis without a size"),
    ],
)
def test_inputs_that_are_refused(shape, message, refused):
    assert refused(w.model([w.node("Relu", "x", "y")], {"x": shape}, "y")).splitlines()[0] == f"error: {message}"


def test_numbers_that_grow_without_end_are_not_worked_out(refused):
    nodes = [w.node("Mul", f"a{n} a{n}", f"a{n + 1}") for n in range(80)] + [w.node("Reshape", "x a80", "y")]
    model = w.model(nodes, INPUT, "y", [w.tensor("a0", [1], [9], w.INT64)])
    assert refused(model).startswith(
        "error: the operator Mul cannot be mapped: it reads the constant 'a4' where it should read"
    )
