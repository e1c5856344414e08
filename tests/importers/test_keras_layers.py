"""Each layer of Keras as an item of the spec."""

from __future__ import annotations

import keras_writer as k
import pytest

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.importers.keras import registry

MAP = [9, 8, 6]  # 9 × 8 positions, 6 channels
STEPS = [7, 4]


def items(model, file="net.json"):
    """Return the items of a model's spec, without their names."""
    found = import_model(IMPORTERS["keras"], k.text(model), file, flat=True).text
    lines = found.partition("layers:\n")[2].splitlines()
    return [line.removeprefix("  - ").removesuffix(":") for line in lines if line.startswith("  - ")]


def refusal(model):
    """Return why a model is refused, without the remedy."""
    with pytest.raises(convcost.SpecError) as caught:
        import_model(IMPORTERS["keras"], k.text(model), "net.json")
    return caught.value.text().partition("\n  = help")[0]


@pytest.mark.parametrize(
    ("shape", "layer", "expected"),
    [
        # same: 5 windows of 3, 2 apart, over 9 need 11; 4 over 8 need 9
        (MAP, k.layer("Conv2D", filters=4, kernel_size=[3, 3], strides=[2, 2], padding="same"),
         "conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: [[1, 1], [0, 1]]}"),
        (MAP, k.layer("Conv2D", filters=4, kernel_size=[3, 1], groups=2, use_bias=False, dilation_rate=[2, 1]),
         "conv: {out_channels: 4, kernel_size: [3, 1], dilation: [2, 1], groups: 2, bias: false}"),
        (STEPS, k.layer("Conv1D", filters=5, kernel_size=[3], padding="causal", dilation_rate=[2]),
         "conv: {out_channels: 5, kernel_size: 3, padding: [[4, 0]], dilation: 2}"),
        (MAP, k.layer("DepthwiseConv2D", kernel_size=3, depth_multiplier=2),
         "depthwise_conv: {kernel_size: 3, depth_multiplier: 2}"),
        # the output of 9 · 2 and 8 · 2 lacks 1 of (9 − 1) · 2 + 3
        (MAP, k.layer("Conv2DTranspose", filters=2, kernel_size=3, strides=2, padding="same"),
         "transposed_conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: [[0, 1], [0, 1]]}"),
        # 9 · 3 is 1 more than (9 − 1) · 3 + 2
        (MAP, k.layer("Conv2DTranspose", filters=2, kernel_size=2, strides=3),
         "transposed_conv: {out_channels: 2, kernel_size: 2, stride: 3, output_padding: 1}"),
        (MAP, k.layer("Conv2DTranspose", filters=2, kernel_size=3, strides=2, padding="same", output_padding=1),
         "transposed_conv: {out_channels: 2, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}"),
        (MAP, k.layer("MaxPooling2D", pool_size=[3, 2], strides=None), "max_pool: {kernel_size: [3, 2]}"),
        (MAP, k.layer("AveragePooling2D", pool_size=2, strides=1, padding="same"),
         "avg_pool: {kernel_size: 2, stride: 1, padding: [[0, 1], [0, 1]], count_include_pad: false}"),
        (MAP, k.layer("GlobalAveragePooling2D", keepdims=True), "global_avg_pool"),
        (MAP, k.layer("GlobalMaxPool2D", keepdims=True), "global_max_pool"),
        (MAP, k.layer("AdaptiveMaxPooling2D", output_size=[3, 2]), "adaptive_max_pool: {output_size: [3, 2]}"),
        (MAP, k.layer("ZeroPadding2D", padding=[[1, 0], [2, 3]]), "pad: {padding: [[1, 0], [2, 3]]}"),
        (MAP, k.layer("UpSampling2D", size=[2, 3], interpolation="bilinear"),
         "upsample: {mode: bilinear, scale_factor: [2, 3]}"),
        (MAP, k.layer("Resizing", height=5, width=7, interpolation="nearest"), "upsample: {size: [5, 7]}"),
        (MAP, k.layer("Dense", units=3), "conv: {out_channels: 3, kernel_size: 1}"),
        (MAP, k.layer("Dense", units=3.0), "conv: {out_channels: 3, kernel_size: 1}"),
        (MAP, k.layer("Softmax", axis=[1]), "softmax: {axis: 1}"),
        ([4, 4, 64], k.layer("GroupNormalization"), "group_norm: {num_groups: 32}"),
        ([None, 6, 4], k.layer("Reshape", target_shape=[-1, 4]), "tokens"),
        (MAP, k.layer("Rescaling", scale={"class_name": "__numpy__", "config": {"value": [1, 2, 3, 4, 5, 6]}}),
         "scale: {learned: false}"),
        (STEPS, k.layer("Dense", units=3, use_bias=False), "linear: {out_features: 3, bias: false}"),
        (STEPS, k.layer("EinsumDense", equation="abc,cd->abd", output_shape=[None, 3], bias_axes="d"),
         "linear: {out_features: 3}"),
        ([6], k.layer("Embedding", input_dim=20, output_dim=5), "embedding: {num_embeddings: 20, embedding_dim: 5}"),
        (MAP, k.layer("BatchNormalization"), "batch_norm"),
        (MAP, k.layer("BatchNormalization", scale=False), "batch_norm: {scale: false}"),
        (MAP, k.layer("BatchNormalization", center=False), "batch_norm: {bias: false}"),
        (MAP, k.layer("BatchNormalization", center=False, scale=False), "batch_norm: {affine: false}"),
        (MAP, k.layer("BatchNormalization", axis=[1]), "batch_norm: {axis: 1}"),
        (MAP, k.layer("LayerNormalization"), "layer_norm"),
        (MAP, k.layer("LayerNormalization", axis=[-1, 1], center=False), "layer_norm: {axis: [0, 1], bias: false}"),
        (STEPS, k.layer("RMSNormalization"), "rms_norm"),
        (MAP, k.layer("GroupNormalization", groups=3), "group_norm: {num_groups: 3}"),
        (MAP, k.layer("GroupNormalization", groups=-1, center=False), "group_norm: {num_groups: 6, bias: false}"),
        (MAP, k.layer("UnitNormalization", axis=-1), "l2_normalize"),
        (MAP, k.layer("Normalization", axis=[-1], mean=None), "standardize"),
        (MAP, k.layer("Normalization", mean=[0.0] * 6, variance=[1.0] * 6), "standardize: {stored: false}"),
        (MAP, k.layer("Rescaling", scale=0.5, offset=0), "elementwise: {op: multiply, value: 0.5}"),
        (MAP, k.layer("Rescaling", scale=[1, 2, 3, 4, 5, 6], offset=0.0), "scale: {learned: false}"),
        (MAP, k.layer("LayerScale", projection_dim=6, module="keras.src.applications.convnext"), "scale"),
        (MAP, k.layer("ReLU"), "relu"),
        (MAP, k.layer("ReLU", max_value=6.0), "relu6"),
        (MAP, k.layer("ReLU", max_value=4.0), "hard_tanh: {min_val: 0, max_val: 4}"),
        (MAP, k.layer("LeakyReLU", negative_slope=0.2), "leaky_relu: {negative_slope: 0.2}"),
        (MAP, k.layer("LeakyReLU", alpha=0.3), "leaky_relu: {negative_slope: 0.3}"),
        (MAP, k.layer("ELU", alpha=1.0), "elu"),
        (MAP, k.layer("PReLU", shared_axes=[1, 2]), "prelu: {num_parameters: 6}"),
        (MAP, k.layer("PReLU", shared_axes=[1, 2, 3]), "prelu"),
        (MAP, k.layer("Softmax", axis=-1), "softmax"),
        (MAP, k.layer("Softmax", axis=1), "softmax: {axis: 1}"),
        (MAP, k.layer("Activation", activation="hard_silu"), "hard_swish"),
        (MAP, k.layer("Activation", activation={"class_name": "function", "config": "gelu"}), "gelu"),
        (STEPS, k.layer("LSTM", units=3), "lstm: {hidden_size: 3, bias: single, return: last}"),
        (STEPS, k.layer("LSTM", units=3, use_bias=False, return_sequences=True), "lstm: {hidden_size: 3, bias: false}"),
        (STEPS, k.layer("CuDNNGRU", units=3, return_sequences=True), "gru: {hidden_size: 3}"),
        (STEPS, k.layer("CuDNNLSTM", units=3), "lstm: {hidden_size: 3, return: last}"),
        (STEPS, k.layer("GRU", units=3, reset_after=False), "gru: {hidden_size: 3, bias: single, return: last}"),
        (STEPS, k.layer("SimpleRNN", units=3, activation="relu"),
         "rnn: {hidden_size: 3, bias: single, return: last, nonlinearity: relu}"),
        (STEPS, k.layer("Bidirectional", layer=k.layer("LSTM", units=3, return_sequences=True)),
         "lstm: {hidden_size: 3, bidirectional: true, bias: single}"),
        (STEPS, k.layer("RNN", cell=k.layer("LSTMCell", units=3)),
         "lstm: {hidden_size: 3, bias: single, return: last}"),
        (STEPS, k.layer("TimeDistributed", layer=k.layer("Dense", units=3)), "linear: {out_features: 3}"),
        ([4, *MAP], k.layer("TimeDistributed", layer=k.layer("Conv2D", filters=2, kernel_size=3)),
         "conv: {out_channels: 2, kernel_size: [1, 3, 3]}"),
        ([5, *STEPS], k.layer("TimeDistributed", layer=k.layer("Conv1D", filters=2, kernel_size=3, padding="causal")),
         "conv: {out_channels: 2, kernel_size: [1, 3], padding: [[0, 0], [2, 0]]}"),
        ([4, *MAP], k.layer("TimeDistributed", layer=k.layer("MaxPooling2D", pool_size=2)),
         "max_pool: {kernel_size: [1, 2, 2]}"),
        ([4, *MAP], k.layer("TimeDistributed", layer=k.layer("AdaptiveMaxPooling2D", output_size=[3, 2])),
         "adaptive_max_pool: {output_size: [4, 3, 2]}"),
        (STEPS, k.layer("PReLU", shared_axes=[1]), "prelu: {num_parameters: 4, axis: 1}"),
        (STEPS, k.layer("PReLU", shared_axes=[2]), "prelu: {num_parameters: 7}"),
        (MAP, k.layer("PReLU", shared_axes=[2, 3]), "prelu: {num_parameters: 9, axis: 1}"),
        (STEPS, k.layer("Bidirectional", layer=k.layer("RNN", cell=k.layer("LSTMCell", units=3), return_sequences=True),
                        backward_layer=k.layer("LSTM", units=3, return_sequences=True, go_backwards=True)),
         "lstm: {hidden_size: 3, bidirectional: true, bias: single}"),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else None,
)  # fmt: skip
def test_a_layer_is_an_item(shape, layer, expected):
    assert items(k.sequential(shape, layer)) == [expected]


@pytest.mark.parametrize(
    ("shape", "layer", "expected"),
    [
        (MAP, k.layer("Conv2D", filters=4, kernel_size=1, activation="relu"),
         ["conv: {out_channels: 4, kernel_size: 1}", "relu"]),
        (MAP, k.layer("Conv2D", filters=4, kernel_size=1, activation=k.layer("LeakyReLU", negative_slope=0.1)),
         ["conv: {out_channels: 4, kernel_size: 1}", "leaky_relu: {negative_slope: 0.1}"]),
        (MAP, k.layer("SeparableConv2D", filters=4, kernel_size=3, depth_multiplier=2),
         ["depthwise_conv: {kernel_size: 3, bias: false, depth_multiplier: 2}",
          "conv: {out_channels: 4, kernel_size: 1}"]),
        (MAP, k.layer("GlobalAveragePooling2D"), ["global_avg_pool", "flatten"]),
        (MAP, k.layer("Cropping2D", cropping=[[1, 2], [0, 3]]),
         ["slice: {axis: 1, start: 1, end: 7}", "slice: {axis: 2, end: 5}"]),
        (MAP, k.layer("CenterCrop", height=5, width=8), ["slice: {axis: 1, start: 2, end: 7}"]),
        (MAP, k.layer("LayerNormalization", scale=False), ["layer_norm: {affine: false}", "shift"]),
        (MAP, k.layer("GroupNormalization", groups=2, scale=False),
         ["group_norm: {num_groups: 2, affine: false}", "shift"]),
        (MAP, k.layer("Rescaling", scale=2, offset=-1.0),
         ["elementwise: {op: multiply, value: 2}", "elementwise: {op: add, value: -1}"]),
        (STEPS, k.layer("RNN", cell=k.layer("StackedRNNCells", cells=[k.layer("GRUCell", units=3, reset_after=True),
                                                                    k.layer("SimpleRNNCell", units=2)])),
         ["gru: {hidden_size: 3}", "rnn: {hidden_size: 2, bias: single, return: last}"]),
        (STEPS, k.layer("Bidirectional", layer=k.layer("GRU", units=3, reset_after=True), merge_mode="ave"),
         ["gru: {hidden_size: 3, bidirectional: true, return: last}", "split: {chunks: 2}", "add",
          "elementwise: {op: multiply, value: 0.5}"]),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else None,
)  # fmt: skip
def test_a_layer_is_several_items(shape, layer, expected):
    assert items(k.sequential(shape, layer)) == expected


@pytest.mark.parametrize("kind", ["Dropout", "SpatialDropout2D", "GaussianNoise", "RandomFlip", "Identity"])
def test_what_does_nothing_at_inference_is_left_out(kind):
    assert items(k.sequential(MAP, k.layer(kind), k.layer("ReLU"))) == ["relu"]


def test_a_hard_sigmoid_of_keras_2_is_what_it_performs():
    layer = k.layer("Activation", activation="hard_sigmoid", dtype="float32")
    assert items(k.sequential(MAP, layer)) == [
        "elementwise: {op: multiply, value: 0.2}",
        "elementwise: {op: add, value: 0.5}",
        "hard_tanh: {min_val: 0}",
    ]
    assert items(k.sequential(MAP, k.layer("Activation", activation="hard_sigmoid"))) == ["hard_sigmoid"]


def test_slopes_for_each_position_are_what_is_performed():
    """relu(x) − slope · relu(−x): 9 · 8 · 6 slopes."""
    model = k.sequential(MAP, k.layer("PReLU"))
    assert [each.partition(":")[0] for each in items(model)] == [
        *("relu", "elementwise", "relu", "parameter", "multiply", "add"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (k.layer("ConvLSTM3D", filters=2, kernel_size=3), "keras.layers.ConvLSTM3D has no layer type"),
        (k.layer("Lambda", function={"class_name": "__lambda__"}), "keras.layers.Lambda has no layer type"),
        (k.layer("Conv2D", filters=4, kernel_size=1, module="mine", registered="mine>Conv2D"),
         "mine>Conv2D has no layer type"),
        (k.layer("Thing", module="a.b"), "a.b.Thing has no layer type"),
        (k.layer("mine>Thing"), "mine>Thing has no layer type"),
        (k.layer("UpSampling2D", size=2, interpolation=[1]),
         "keras.layers.UpSampling2D cannot be mapped: its configuration is none that Keras writes"),
        (k.layer("ReLU", threshold=0.5), "keras.layers.ReLU cannot be mapped: it has a threshold"),
        (k.layer("ReLU", max_value=6, negative_slope=0.1),
         "keras.layers.ReLU cannot be mapped: it has a slope and a bound"),
        (k.layer("Conv2D", filters=4, kernel_size=1, lora_rank=2),
         "keras.layers.Conv2D cannot be mapped: its kernel has an update of low rank"),
        (k.layer("Conv2D", filters=4, kernel_size=1, padding="reflect"),
         "keras.layers.Conv2D cannot be mapped: its padding is 'reflect'"),
        (k.layer("Conv2D", filters=0, kernel_size=1),
         "keras.layers.Conv2D cannot be mapped: filters is no whole number above 0: 0"),
        (k.layer("Conv2D", filters=4, kernel_size=1, groups=4),
         "keras.layers.Conv2D cannot be mapped: 4 groups do not divide 6 and 4 channels"),
        (k.layer("Conv2D", filters=4, kernel_size=[1, 2, 3]),
         "keras.layers.Conv2D cannot be mapped: it needs 2 whole numbers, not [1, 2, 3]"),
        (k.layer("UpSampling2D", size=2, interpolation="lanczos3"),
         "keras.layers.UpSampling2D cannot be mapped: its interpolation is 'lanczos3'"),
        (k.layer("Activation", activation="squareplus"), "keras.squareplus has no layer type"),
        (k.layer("Resizing", height=3, width=3, crop_to_aspect_ratio=True),
         "keras.layers.Resizing cannot be mapped: it crops, pads or filters before it resizes"),
        (k.layer("Dense", units=3, quantization_config={"class_name": "Int8QuantizationConfig"}),
         "keras.layers.Dense cannot be mapped: its weights are quantised"),
        (k.layer("Dense", units=3, dtype={"class_name": "QuantizedDTypePolicy", "config": {"name": "int8"}}),
         "keras.layers.Dense cannot be mapped: its weights are quantised"),
        (k.layer("BatchNormalization", axis="last"),
         "keras.layers.BatchNormalization cannot be mapped: its axis is 'last'"),
        (k.layer("Rescaling", scale=[1, 2]),
         "keras.layers.Rescaling cannot be mapped: it has 2 numbers for 6 channels"),
        (k.layer("EinsumDense", equation="abcd,cde->abce", output_shape=[8, 6, 3]),
         "keras.layers.EinsumDense cannot be mapped: its equation is no product with a matrix"),
        (k.layer("EinsumDense", equation="abcd,de->abce", output_shape=[8, 6, 3], bias_axes="x"),
         "keras.layers.EinsumDense cannot be mapped: its bias is over the axes 'x'"),
        (k.layer("Reshape", target_shape="flat"),
         "keras.layers.Reshape cannot be mapped: its target_shape is no list of whole numbers"),
        (k.layer("ZeroPadding2D", padding=-1), "keras.layers.ZeroPadding2D cannot be mapped: an amount is below 0"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_by_name(layer, reason):
    name = layer["config"]["name"]
    where = f"{name}.squareplus" if "squareplus" in reason else name
    where = name if layer["class_name"] == "Activation" else where
    expected = f"error: the operator {reason}\n --> net.json, {where}\n  = found: it reads "
    assert refusal(k.sequential(MAP, layer, k.layer("ReLU", "last"))).startswith(expected)


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (k.layer("LSTM", units=3, time_major=True), "its steps come before its batch"),
        (k.layer("RNN", cell=k.layer("Mine", units=3)), "its cell is 'Mine'"),
        (k.layer("Bidirectional", layer=k.layer("ConvLSTM3D", units=3)), "it wraps 'ConvLSTM3D'"),
        (k.layer("Bidirectional", layer=k.layer("LSTM", units=3), backward_layer=k.layer("LSTM", units=4)),
         "its two layers differ"),
    ],
)  # fmt: skip
def test_a_recurrent_layer_that_is_no_layer_type_says_why(layer, reason):
    kind, name = layer["class_name"], layer["config"]["name"]
    expected = f"error: the operator keras.layers.{kind} cannot be mapped: {reason}\n --> net.json, {name}\n"
    assert refusal(k.sequential(STEPS, layer)) == expected + "  = found: it reads 7×4"


def test_an_activation_of_ones_own_is_named_with_its_layer():
    dense = k.layer("Dense", "d", units=3, activation={"class_name": "Own", "config": {"name": "own"}})
    assert refusal(k.sequential(MAP, dense)) == (
        "error: the operator keras.Own has no layer type\n --> net.json, d.own\n  = found: it reads 3×9×8"
    )


def test_gates_that_are_no_sigmoids_are_noted():
    layer = k.layer("LSTM", units=3, activation="tanh", recurrent_activation="hard_sigmoid")
    text = import_model(IMPORTERS["keras"], k.text(k.sequential(STEPS, layer)), "net.json").text
    assert "# other activations of recurrent layers count as sigmoid and tanh\n" in text
    assert items(k.sequential(STEPS, layer)) == ["lstm: {hidden_size: 3, bias: single, return: last}"]


def test_a_function_of_a_model_that_is_applied_to_slices_may_have_no_axes():
    """Its axes are those of a slice."""
    mean = k.layer("Mean", "m", module="keras.src.ops.numpy", axis=[1, 2], keepdims=False)
    square = k.layer("Square", "s", module="keras.src.ops.numpy")
    for function in (square, mean):
        inner = k.functional({"x": [8, 8, 3]}, [k.called(function, k.tensor("x", 8, 8, 3))], function["config"]["name"])
        model = k.sequential([4, 8, 8, 3], k.layer("TimeDistributed", "t", layer=inner))
        if function is square:
            assert items(model) == ["elementwise: {op: square}"]
        else:
            message = "error: the operator keras.ops.numpy.Mean cannot be mapped: it is applied to slices\n"
            assert refusal(model).startswith(message)


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "shape", "weights", "macs"),
    [
        ("abc,bd->adc", [5, None], "d", (5, 4), 7 * 5 + 5, 5 * 4 * 7),  # the steps become 5
        ("abc,cd->abd", [7, 3], "bd", (7, 3), 4 * 3 + 7 * 3, 7 * 3 * 4),  # one summand for each output
        ("abc,cd->abd", [7, 3], "b", (7, 3), 4 * 3 + 7, 7 * 3 * 4),
        ("abc,bcd->ad", [3], "d", (3,), 7 * 4 * 3 + 3, 3 * 28),
        ("...c,cde->...de", [2, 5], None, (7, 2, 5), 4 * 10, 7 * 10 * 4),
        ("...c,cde->...de", [2, 5, 3], None, (7, 2, 5), 4 * 10, 7 * 10 * 4),  # Keras reads them from the first
        ("a...c,cd->ad...", [3, None], None, (3, 7), 4 * 3, 7 * 3 * 4),
    ],
)
def test_a_product_with_a_matrix_over_any_axes(equation, output_shape, bias_axes, shape, weights, macs, write):
    layer = k.layer("EinsumDense", equation=equation, output_shape=output_shape, bias_axes=bias_axes)
    path = write(k.text(k.sequential(STEPS, layer)), "net.json")
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs) == (weights, macs)
    (tensor,) = import_model(IMPORTERS["keras"], path.read_bytes(), "net.json").model.outputs
    assert tensor.shape == shape


@pytest.mark.parametrize(
    ("shapes", "axes", "normalize", "shape", "macs"),
    [
        (((6,), (6,)), 1, False, (1,), 6),
        (((5, 6), (6,)), [2, 1], False, (5,), 5 * 6),
        (((6,), (5, 6)), -1, False, (5,), 5 * 6),
        (((4, 6), (5, 6)), 2, True, (4, 5), 4 * 5 * 6),
    ],
)
def test_inner_products(shapes, axes, normalize, shape, macs, write):
    """A normalised vector of 6 takes 6 squares, a root, a comparison and 6 divisions."""
    layer = k.layer("Dot", "d", axes=axes, normalize=normalize)
    values = [k.tensor(name, *each) for name, each in zip("xy", shapes, strict=True)]
    path = write(k.text(k.functional(dict(zip("xy", shapes, strict=True)), [k.called(layer, values)], "d")), "net.json")
    total = convcost.load(path).analyze().total
    assert (total.macs, total.ops.div) == (macs, (4 + 5) * 6 if normalize else 0)
    (tensor,) = import_model(IMPORTERS["keras"], path.read_bytes(), "net.json").model.outputs
    assert tensor.shape == shape


def test_an_inner_product_is_read(write):
    """6 · 5 products, whose 5 sums are read by 3."""
    dot = k.called(k.layer("Dot", "d", axes=[2, 1]), [k.tensor("x", 5, 6), k.tensor("y", 6)])
    dense = k.called(k.layer("Dense", "e", units=3), k.tensor("d", 5))
    total = convcost.load(write(k.text(k.functional({"x": (5, 6), "y": (6,)}, [dot, dense], "e")), "net.json"))
    assert total.analyze().total.macs == 6 * 5 + 5 * 3


def encoder_and_decoder(kind, *, both=False, **fields):
    """Return two recurrent layers of 4 on 7 and 5 steps, of which the second begins with the states of the first."""
    held = 2 if kind == "LSTM" else 1
    layers = []
    for name, first in (("e", True), ("d", False)):
        inner = k.layer(kind, name, units=4, return_sequences=not first, return_state=first, **fields)
        layers.append(k.layer("Bidirectional", name, layer=inner) if both else inner)
    states = [k.tensor("e", 4, at=at) for at in range(1, 1 + held * (2 if both else 1))]
    called = [
        k.called(layers[0], k.tensor("x", 7, 3)),
        k.called(layers[1], k.tensor("y", 5, 3), initial_state=states if len(states) > 1 else states[0]),
    ]
    return k.functional({"x": [7, 3], "y": [5, 3]}, called, "d")


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("kind", "gates"), [("LSTM", 4), ("GRU", 3), ("SimpleRNN", 1)])
def test_a_recurrent_layer_begins_with_the_states_of_another(kind, gates, both, write):
    """7 and 5 steps, in each of which a direction's gates of 4 read 3 + 4; each has one bias for each row."""
    path = write(k.text(encoder_and_decoder(kind, both=both, reset_after=False)), "net.json")
    directions = 2 if both else 1
    total = convcost.load(path).analyze().total
    assert total.params == 2 * directions * gates * 4 * (3 + 4 + 1)
    assert total.macs == (7 + 5) * directions * gates * 4 * (3 + 4)
    found = import_model(IMPORTERS["keras"], path.read_bytes(), "net.json", flat=True)
    encoder, *_, decoder = found.model.items
    assert encoder.type == decoder.type == {"SimpleRNN": "rnn"}.get(kind, kind.lower())
    assert len(decoder.inputs) == 1 + (2 if kind == "LSTM" else 1)
    read = {(each.producer, each.output) for item in found.model.items for each in item.inputs}
    given = {(each.producer, each.output) for item in found.model.items for each in item.outputs}
    assert given - read == {(decoder.outputs[0].producer, 0)}  # the states of both directions are read
    assert (len(found.model.inputs), decoder.outputs[0].shape) == (2, (5, 4 * directions))


@pytest.mark.parametrize(("steps", "types"), [(7, ["gru", "slice", "flatten"]), (1, ["gru", "flatten"])])
def test_the_last_state_beside_a_sequence_is_its_last_step(steps, types):
    gru = k.called(k.layer("GRU", "g", units=4, return_sequences=True, return_state=True), k.tensor("x", steps, 3))
    last = k.called(k.layer("ReLU", "r"), k.tensor("g", 4, at=1))
    model = k.functional({"x": [steps, 3]}, [gru, last], "r")
    found = import_model(IMPORTERS["keras"], k.text(model), "net.json", flat=True).model
    assert ([item.type for item in found.items], found.outputs[0].shape) == ([*types, "relu"], (4,))


@pytest.mark.parametrize(
    ("fields", "states", "reason"),
    [
        ({"units": 4}, [k.tensor("s", 4)], "it does not begin with 2 states of 4 numbers"),
        ({"units": 3}, [k.tensor("s", 4)] * 2, "it does not begin with 2 states of 3 numbers"),
        ({"units": 4, "num_constants": 1}, [k.tensor("s", 4)] * 2, "its cell reads constants"),
        ({"units": 4, "time_major": True}, [], "its steps come before its batch"),
    ],
)
def test_states_that_are_not_those_of_a_layer(fields, states, reason):
    layer = k.called(k.layer("LSTM", "l", **fields), k.tensor("x", *STEPS), initial_state=states)
    model = k.functional({"x": STEPS, "s": [4]}, [layer], "l")
    assert refusal(model).startswith(f"error: the operator keras.layers.LSTM cannot be mapped: {reason}\n")


@pytest.mark.parametrize(("sequence", "shape"), [(False, (3, 5)), (True, (3, 7, 5))])
def test_a_recurrent_layer_on_slices(sequence, shape, write):
    """3 slices of 7 steps: 4 gates of 5 read 4 + 5."""
    lstm = k.layer("LSTM", units=5, return_sequences=sequence)
    path = write(k.text(k.sequential([3, *STEPS], k.layer("TimeDistributed", layer=lstm))), "net.json")
    total = convcost.load(path).analyze().total
    assert (total.params, total.macs) == (4 * 5 * 9 + 4 * 5, 3 * 7 * 4 * 5 * 9)
    (tensor,) = import_model(IMPORTERS["keras"], path.read_bytes(), "net.json").model.outputs
    assert tensor.shape == shape


@pytest.mark.parametrize(
    ("layer", "params", "stored", "macs"),
    [
        (k.layer("Conv2D", filters=4, kernel_size=3), 4 * 54 + 4, 4, 7 * 6 * 4 * 54),
        (k.layer("Conv2DTranspose", filters=4, kernel_size=3), 6 * 36 + 4, 6, 9 * 8 * 6 * 36),
        (k.layer("DepthwiseConv2D", kernel_size=3, depth_multiplier=2), 12 * 9 + 12, 2, 7 * 6 * 12 * 9),
        (k.layer("Dense", units=5), 6 * 5 + 5, 5, 72 * 6 * 5),
    ],
    ids=lambda value: value["class_name"] if isinstance(value, dict) else None,
)
def test_a_spectral_norm_stores_a_vector(layer, params, stored, macs, write):
    """It has a number for each of the last axis of the kernel, as Keras holds that, and only training changes it."""
    wrapped = k.layer("SpectralNormalization", layer=layer)
    path = write(k.text(k.sequential(MAP, wrapped)), "net.json")
    total = convcost.load(path).analyze().total
    assert (total.params, total.buffers, total.macs) == (params, stored, macs)


def test_a_spectral_norm_that_is_called_again_has_its_weights_once(write):
    """4 filters of 3 · 3 · 4 at 9 × 8 positions, twice, and one vector of 4."""
    conv = k.layer("Conv2D", "c", filters=4, kernel_size=3, padding="same")
    norm = k.layer("SpectralNormalization", "s", layer=conv)
    norm = k.called(k.called(norm, k.tensor("x", 9, 8, 4)), k.tensor("s", 9, 8, 4))
    model = k.functional({"x": [9, 8, 4]}, [norm], "s")
    model["config"]["output_layers"] = [["s", 1, 0]]
    total = convcost.load(write(k.text(model), "net.json")).analyze().total
    assert (total.params, total.buffers, total.macs) == (4 * 36 + 4, 4, 2 * 72 * 4 * 36)


def test_a_spectral_norm_of_a_layer_without_a_kernel():
    wrapped = k.layer("SpectralNormalization", layer=k.layer("ReLU"))
    assert "SpectralNormalization cannot be mapped: it wraps 'ReLU'\n" in refusal(k.sequential(MAP, wrapped))


def test_a_long_short_term_memory_of_maps(write):
    """5 steps: at 7 × 6 positions, 4 · 2 filters read 3 · 3 of 3 channels, and 3 · 3 of the 2 of the state.

    A gate takes a sum for each of 4 · 2 · 42 numbers, sigmoids three quarters and tanh one; the memory two products and
    a sum, the state tanh and a product.
    """
    maps = [5, 9, 8, 3]
    path = write(k.text(k.sequential(maps, k.layer("ConvLSTM2D", filters=2, kernel_size=3))), "net.json")
    model, positions = convcost.load(path), 7 * 6
    total = model.analyze().total
    assert (total.params, total.buffers) == (8 * 27 + 8 * 18 + 8, 0)
    assert total.macs == 5 * positions * (8 * 27 + 8 * 18)
    gates, sigmoids = 8 * positions, 6 * positions
    assert total.ops.exp == 5 * sigmoids
    assert total.ops.tanh == 5 * (2 * positions + 2 * positions)
    assert total.ops.mul == total.macs + 5 * 3 * 2 * positions
    assert total.ops.add == total.macs + 5 * (gates + sigmoids + 2 * positions)
    assert model.verify().ok


@pytest.mark.parametrize(
    ("fields", "shape"),
    [
        ({}, (2, 5, 6)),
        ({"return_sequences": True}, (2, 4, 5, 6)),
        ({"return_sequences": True, "strides": 2}, (2, 4, 3, 3)),
        ({"return_sequences": True, "steps": 1}, (2, 1, 5, 6)),
        ({"return_sequences": True, "go_backwards": True, "activation": "relu"}, (2, 4, 5, 6)),
    ],
)
def test_what_a_memory_of_maps_gives(fields, shape):
    steps = fields.pop("steps", 4)
    layer = k.layer("ConvLSTM2D", filters=2, kernel_size=3, padding="same", **fields)
    model = k.sequential([steps, 5, 6, 3], layer)
    (tensor,) = import_model(IMPORTERS["keras"], k.text(model), "net.json").model.outputs
    assert tensor.shape == shape


def test_a_memory_of_maps_runs_both_ways_or_begins_with_a_state(write):
    """4 steps of 8 numbers, 6 windows of 3: 8 filters read 3 · 3, and 3 · 2 of the state, twice."""
    inner = k.layer("ConvLSTM1D", filters=2, kernel_size=3, return_sequences=True)
    both = k.sequential([4, 8, 3], k.layer("Bidirectional", layer=inner))
    total = convcost.load(write(k.text(both), "both.json")).analyze().total
    assert (total.params, total.macs) == (2 * (8 * 9 + 8 * 6 + 8), 2 * 4 * 6 * (8 * 9 + 8 * 6))
    first = k.layer("ConvLSTM1D", "e", filters=2, kernel_size=3, return_state=True)
    second = k.layer("ConvLSTM1D", "d", filters=2, kernel_size=3)
    states = [k.tensor("e", 6, 2, at=at) for at in (1, 2)]
    x = k.tensor("x", 4, 8, 3)
    pair = k.functional({"x": [4, 8, 3]}, [k.called(first, x), k.called(second, x, initial_state=states)], "d")
    again = convcost.load(write(k.text(pair), "pair.json")).analyze().total
    assert (again.params, again.macs) == (total.params, total.macs)


@pytest.mark.parametrize(
    ("shape", "fields", "reason"),
    [
        ([None, 8, 8, 3], {}, "it has an open number of steps: give it with --input"),
        ([201, 8, 8, 3], {}, "it has 201 steps: the most is 200"),
        ([4, 8, 8, 3], {"data_format": "channels_first"}, "its channels stand first, or it is applied to slices"),
        ([8, 8, 3], {}, "it reads 3 axes instead of 4"),
    ],
)
def test_a_memory_of_maps_that_is_refused(shape, fields, reason):
    layer = k.layer("ConvLSTM2D", filters=2, kernel_size=3, **fields)
    assert f"the operator keras.layers.ConvLSTM2D cannot be mapped: {reason}\n" in refusal(k.sequential(shape, layer))


def test_open_steps_of_a_memory_of_maps_are_given(write):
    """3 steps of 6 × 6 positions of 8 · (27 + 18) products."""
    layer = k.layer("ConvLSTM2D", filters=2, kernel_size=3)
    path = write(k.text(k.sequential([None, 8, 8, 3], layer)), "net.json")
    assert convcost.load(path, inputs={"": (1, 3, 8, 8, 3)}).analyze().total.macs == 3 * 36 * 8 * (27 + 18)


def test_classes_whose_modules_are_imported_later_are_those_that_these_translate():
    for module, kinds in registry._LATER.items():
        for kind in kinds.split():
            assert registry.rule_of(kind) is not None, kind
        place = f"convcost.importers.keras.{module}"
        assert {kind for kind, rule in registry.LAYERS.items() if rule.__module__ == place} == {*kinds.split()}
