"""Records configurations of Keras models and what Keras and PyTorch count in them.

    python record_keras.py         with keras 3.15.1 on torch 2.13.0+cpu, and h5py 3.16.0
    python record_keras.py --tf    with tf_keras 2.21.0 on tensorflow-cpu 2.21.0

The first records small models of nearly every layer and all of `keras.applications` but one, the second small models
that TensorFlow's Keras writes in its own way, and NASNetMobile, which Keras does not make with PyTorch. Parameters are
`count_params()` and the sizes of trainable weights; macs are half of `FlopCounterMode`'s, those of the products in
TensorFlow's graph, or arithmetic here where these count otherwise. No weight is kept.
"""

from __future__ import annotations

import gc
import json
import lzma
import os
import sys
from math import prod
from pathlib import Path

TF = "--tf" in sys.argv
os.environ["KERAS_BACKEND"] = "torch"
try:  # the tests are collected without them
    if TF:
        import tensorflow
        import tf_keras as keras
    else:
        import h5py
        import keras
        import numpy
        import torch
        from keras import ops
        from torch.nn.attention import SDPBackend, sdpa_kernel
        from torch.utils.flop_counter import FlopCounterMode
    L, Input = keras.layers, keras.Input
except ImportError:
    L = Input = None

DATA = Path(__file__).parent / "data"
SIDE = 96
MODELS, MACS = {}, {}


def model(macs=None):
    """Return a decorator that adds a function that makes a model, with its macs where they are worked out by hand."""

    def add(function):
        MODELS[function.__name__] = function
        if macs is not None:
            MACS[function.__name__] = macs
        return function

    return add


def seq(shape, *layers):
    """Return a model of layers in a row."""
    return keras.Sequential([Input(shape), *layers])


@model()
def conv1d():
    return seq(
        (20, 4), L.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu"), L.MaxPooling1D(2),
        L.Conv1D(6, 3, strides=2, padding="same", groups=2), L.SeparableConv1D(5, 3, depth_multiplier=2),
        L.DepthwiseConv1D(3), L.GlobalMaxPooling1D(), L.Dense(3, activation="softmax"),
    )  # fmt: skip


@model()
def channels_first():
    first = {"data_format": "channels_first"}
    return seq(
        (3, 16, 18), L.ZeroPadding2D(((1, 0), (2, 1)), **first), L.Conv2D(4, 3, padding="same", strides=2, **first),
        L.BatchNormalization(axis=1), L.AveragePooling2D(2, padding="same", **first), L.UpSampling2D(2, **first),
        L.Conv2DTranspose(5, 3, strides=2, padding="same", **first), L.Cropping2D(1, **first), L.Flatten(**first),
        L.Dense(4),
    )  # fmt: skip


@model()
def conv3d():
    return seq(
        (6, 8, 10, 2), L.Conv3D(4, 3, padding="same"), L.BatchNormalization(scale=False), L.MaxPooling3D(2),
        L.Conv3DTranspose(3, 2, strides=2), L.Cropping3D(1), L.GlobalAveragePooling3D(keepdims=True), L.Conv3D(2, 1),
    )  # fmt: skip


@model()
def transposed():
    x, found = Input((5, 6, 3)), []
    for kernel, stride, padding, extra in (
        (3, 2, "same", None), (3, 2, "valid", None), (2, 3, "same", None), (2, 3, "valid", None), (4, 2, "same", None),
        (3, 1, "same", None), (3, 2, "same", 1), (3, 2, "valid", 1),
    ):  # fmt: skip
        found.append(L.Conv2DTranspose(2, kernel, strides=stride, padding=padding, output_padding=extra)(x))
    return keras.Model(x, [*found, L.Conv2DTranspose(2, 3, dilation_rate=2, padding="same")(x)])


@model()
def nested_and_shared():
    inner = keras.Sequential([L.Conv2D(4, 3, padding="same"), L.BatchNormalization(), L.ReLU()], name="inner")
    a, b, dense = Input((8, 8, 4), name="a"), Input((8, 8, 4), name="b"), L.Dense(5, name="shared")
    x = inner(L.Add()([inner(a), inner(b)]))
    y = L.Concatenate()([dense(L.GlobalAveragePooling2D()(x)), dense(L.GlobalMaxPooling2D()(x))])
    return keras.Model({"a": a, "b": b}, {"out": y, "map": x})


@model()
def frozen():
    base = seq((8, 8, 3), L.Conv2D(4, 3), L.BatchNormalization(scale=False))
    base.trainable = False
    x = Input((8, 8, 3))
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling2D()(base(x))))


@model()
def norms():
    return seq(
        (6, 7, 8), L.BatchNormalization(center=False), L.BatchNormalization(scale=False, center=False),
        L.LayerNormalization(), L.LayerNormalization(scale=False), L.LayerNormalization(center=False),
        L.LayerNormalization(axis=[1, 2, 3]), L.GroupNormalization(4), L.GroupNormalization(-1, center=False),
        L.GroupNormalization(2, scale=False), L.UnitNormalization(), L.RMSNormalization(), L.BatchNormalization(axis=2),
    )  # fmt: skip


@model()
def norms_of_tokens():
    return seq(
        (6, 8), L.LayerNormalization(), L.BatchNormalization(), L.Dense(4), L.UnitNormalization(),
        L.RMSNormalization(), L.LayerNormalization(scale=False), L.LayerNormalization(axis=[1, 2]),
    )  # fmt: skip


@model()
def preprocessing():
    return seq(
        (10, 10, 3), L.Rescaling(1 / 255, offset=-1.0), L.Rescaling([0.1, 0.2, 0.3]), L.Normalization(),
        L.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 2.0, 4.0]), L.RandomFlip(), L.RandomRotation(0.1),
        L.GaussianNoise(0.1), L.CenterCrop(8, 6), L.Resizing(5, 7), L.Conv2D(4, 3),
    )  # fmt: skip


@model()
def activations():
    names = (
        *("relu", "relu6", "sigmoid", "tanh", "elu", "selu", "softplus", "softsign", "silu", "gelu", "mish", "celu"),
        *("hard_sigmoid", "hard_silu", "exponential", "leaky_relu", "softmax", "log_softmax", "linear"),
    )
    return seq(
        (4, 4, 6), *(L.Activation(name) for name in names), L.Conv2D(6, 1, activation="gelu"), L.ReLU(6.0),
        L.ReLU(negative_slope=0.1), L.ReLU(3.0), L.LeakyReLU(), L.ELU(), L.Softmax(), L.Softmax(axis=1),
        L.PReLU(shared_axes=[1, 2]), L.PReLU(), L.Conv2D(3, 1, activation=L.LeakyReLU()),
    )  # fmt: skip


# 7 steps: 4 gates of 4 read 5 + 4; both ways 4 of 3 read 4 + 3; 3 of 4 read 6 + 4; 3 of 3 read 4 + 3; 4 read 3 + 4;
# both ways 3 of 3 read 4 + 3, summed; 5 read 3; 4 of 4 read 5 + 4; then 2 read 4
@model(7 * (4 * 4 * 9 + 2 * 4 * 3 * 7 + 3 * 4 * 10 + 3 * 3 * 7 + 4 * 7 + 2 * 3 * 3 * 7 + 5 * 3 + 4 * 4 * 9) + 2 * 4)
def recurrent():
    each = {"return_sequences": True}
    return seq(
        (7, 5), L.LSTM(4, **each), L.Bidirectional(L.LSTM(3, **each)), L.GRU(4, **each),
        L.GRU(3, reset_after=False, **each), L.SimpleRNN(4, activation="relu", **each),
        L.Bidirectional(L.GRU(3, **each), merge_mode="sum"), L.TimeDistributed(L.Dense(5)),
        L.LSTM(4, use_bias=False, go_backwards=True), L.Dense(2),
    )  # fmt: skip


# 7 steps: 4 gates of 4 read 5 + 4, then 3 of 3 read 4 + 3 and 4 of 2 read 3 + 2
@model(7 * (4 * 4 * 9 + 3 * 3 * 7 + 4 * 2 * 5))
def cells():
    return seq((7, 5), L.RNN(L.LSTMCell(4), return_sequences=True), L.RNN([L.GRUCell(3), L.LSTMCell(2)]))


@model(4 * 2 * 7 * 4 * 3 * 8)
def merged_directions():
    x = Input((7, 5))
    return keras.Model(x, [L.Bidirectional(L.LSTM(3), merge_mode=mode)(x) for mode in ("concat", "sum", "mul", "ave")])


@model(7 * 4 * 3 * 8)
def masked():
    return seq((7, 5), L.Masking(), L.LSTM(3))


@model()
def text():
    return seq(
        (12,), L.Embedding(50, 8), L.SpatialDropout1D(0.2), L.Conv1D(6, 3, activation="relu"), L.MaxPooling1D(),
        L.Bidirectional(L.LSTM(4)), L.Dense(1, activation="sigmoid"),
    )  # fmt: skip


@model()
def video():
    inner = seq((12, 12, 3), L.Conv2D(4, 3), L.ReLU(), L.MaxPooling2D(), L.Dense(6), L.GlobalAveragePooling2D())
    x = Input((4, 12, 12, 3))
    frames = L.TimeDistributed(L.Conv2D(4, 3, strides=2, padding="same", activation="relu"))(x)
    frames = L.TimeDistributed(L.Flatten())(L.TimeDistributed(L.BatchNormalization())(frames))
    return keras.Model(x, [L.LSTM(5)(frames), L.LSTM(5)(L.TimeDistributed(inner)(x))])


@model()
def attention():
    x, memory = Input((9, 16), name="x"), Input((5, 8), name="memory")
    y = L.LayerNormalization()(x)
    y = L.Add()([x, L.MultiHeadAttention(4, 4)(y, y)])
    y = L.Add()([y, L.Dense(16)(L.Dense(32, activation="gelu")(y))])
    y = L.GroupQueryAttention(4, 4, 2)(y, y)
    y = L.MultiHeadAttention(2, 6, value_dim=3, use_bias=False, output_shape=10)(y, memory)
    return keras.Model([x, memory], L.Dense(3)(L.GlobalAveragePooling1D()(y)))


@model()
def causal_attention():
    x = Input((9, 16))
    return keras.Model(x, L.MultiHeadAttention(4, 4)(x, x, use_causal_mask=True))


@model()
def attention_without_projections():
    q, v = Input((6, 8), name="q"), Input((5, 8), name="v")
    found = [L.Attention()([q, v]), L.Attention(use_scale=True)([q, v]), L.AdditiveAttention()([q, v])]
    return keras.Model([q, v], L.Concatenate()(found))


@model()
def einsum_dense():
    return seq(
        (6, 8), L.EinsumDense("abc,cde->abde", (None, 2, 5), bias_axes="de"),
        L.EinsumDense("abde,dec->abc", (None, 7), bias_axes="c"), L.EinsumDense("abx,xy->aby", (None, 3)),
    )  # fmt: skip


@model(24 * 2 + 2 * 4 + 10 * 4 * 3 * 7)  # 24 to 2 to 4; then 10 steps, whose 4 gates of 3 read 4 + 3
def shapes():
    return seq(
        (4, 6), L.Permute((2, 1)), L.Reshape((3, 8)), L.Reshape((-1, 2, 2)), L.Flatten(), L.Dense(2), L.Dense(4),
        L.RepeatVector(3), L.ZeroPadding1D(1), L.UpSampling1D(2), L.LSTM(3),
    )  # fmt: skip


@model()
def merges():
    a, b, c = Input((4, 5, 3)), Input((4, 5, 3)), Input((3,))
    found = [kind()([a, b]) for kind in (L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)]
    found += [L.Multiply()([a, L.Reshape((1, 1, 3))(c)]), L.Concatenate(axis=1)([a, b])]
    return keras.Model([a, b, c], [*found, L.Concatenate()([L.Flatten()(a), c])])


@model()
def autoencoder():
    return seq(
        (8, 8, 1), L.Conv2D(4, 3, strides=2, padding="same"), L.Flatten(), L.Dense(10), L.Dense(64),
        L.Reshape((4, 4, 4)), L.Conv2DTranspose(1, 3, strides=2, padding="same"), L.Flatten(), L.Reshape((8, 4, 2)),
        L.Conv2D(2, 3),
    )  # fmt: skip


@model()
def operations():
    x = Input((8, 8, 4))
    y = ops.silu(ops.relu(1.0 - ((x * 2.0 + 1.0 - 0.5) / 2.0)))
    y = y * ops.sigmoid(y)
    y = (x + ops.mean(y, axis=[1, 2], keepdims=True))[:, 1:7, ::2, :2]
    y = ops.transpose(ops.reshape(ops.concatenate([y, y], axis=-1), (-1, 12, 8)), (0, 2, 1))
    y = ops.softmax(ops.matmul(y, ops.transpose(y, (0, 2, 1))), axis=-1)
    y = ops.square(ops.sqrt(ops.exp(ops.squeeze(ops.expand_dims(y, 1), 1))))
    a, b = ops.split(ops.maximum(y, 0)[:, 0], 2, axis=-1)
    return keras.Model(x, [a + b, ops.clip(a, 0.0, 1.0)])


@model()
def mixer():
    y = L.Reshape((16, 8))(L.Conv2D(8, 4, strides=4)(x := Input((16, 16, 3))))
    z = L.Permute((2, 1))(L.LayerNormalization()(y))
    y = L.Add()([y, L.Permute((2, 1))(L.Dense(16)(L.Dense(12, activation="gelu")(z)))])
    return keras.Model(x, L.Dense(3)(L.GlobalAveragePooling1D()(y)))


@model()
def adaptive_pools():
    return seq((9, 8, 2), L.AdaptiveAveragePooling2D((3, 2)), L.AdaptiveMaxPooling2D(2))


@model()
def products():
    a, b = Input((4, 6)), Input((5, 6))
    return keras.Model([a, b], L.Dot(axes=2)([a, b]))


def counted(name, built):
    """Return what Keras and PyTorch count in a model."""
    inputs = [numpy.zeros((1, *each.shape[1:]), "float32") for each in built.inputs]
    inputs = dict(zip("ab", inputs, strict=False)) if name == "nested_and_shared" else inputs
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        built(inputs if len(inputs) > 1 else inputs[0], training=False)
    trainable = sum(prod(weight.shape) for weight in built.trainable_weights)
    macs = MACS.get(name, counter.get_total_flops() // 2)
    return {"params": trainable, "all": built.count_params(), "macs": macs, "config": json.loads(built.to_json())}


def applications():
    """Yield the names of applications and how each is made; one of them cannot be with PyTorch."""
    for name in dir(keras.applications):
        make = getattr(keras.applications, name)
        if name[0].isupper() and callable(make) and name != "NASNetMobile":
            yield name, make


def main():
    torch.set_num_threads(1)
    found = {}
    for name, make in MODELS.items():
        keras.backend.clear_session()
        found[name] = counted(name, make())
    for name, make in applications():
        keras.backend.clear_session()
        gc.collect()
        found[name] = counted(name, make(weights=None, input_shape=(SIDE, SIDE, 3), classes=10))
    save("keras", found)
    config = json.dumps(found["conv1d"]["config"])
    for version in ("earliest", "latest"):
        with h5py.File(DATA / f"keras_{version}.h5", "w", libver=version) as file:
            file.attrs["keras_version"] = "3.15.1"
            file.attrs["backend"] = "torch"
            file.attrs["model_config"] = config
            file.create_group("model_weights")


def save(name, found):
    (DATA / f"{name}.json.xz").write_bytes(lzma.compress(json.dumps(found).encode(), preset=9 | lzma.PRESET_EXTREME))


# what TensorFlow's Keras writes


def functions_of_tensorflow():
    tf, x = tensorflow, Input((12, 10, 4))
    y = 1.0 - tf.nn.relu(x * 2.0 + 1.0)
    y = y * tf.nn.sigmoid(y)
    y = (y + tf.reduce_mean(y, axis=[1, 2], keepdims=True))[:, 1:9, ::2, :2]
    y = tf.transpose(tf.reshape(tf.concat([y, y], axis=-1), (-1, 40, 4)), [0, 2, 1])
    y = tf.squeeze(tf.expand_dims(tf.nn.softmax(tf.matmul(y, y, transpose_b=True)), 1), [1])
    a, b = tf.split(tf.cast(y, "float32"), 2, axis=-1)
    return keras.Model(x, L.Dense(3)((a + b)[:, 0])), 4 * 40 * 4 + 2 * 3


def models_within_models():
    inner = keras.Sequential([L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU()], name="inner")
    a, b = Input((8, 8, 3), name="a"), Input((8, 8, 3), name="b")
    y = L.Dense(5)(L.GlobalAveragePooling2D()(L.Add()([inner(a), inner(b)])))
    return keras.Model([a, b], y), 2 * 6 * 6 * 4 * 27 + 4 * 5


def layers_of_tensorflow():
    built = keras.Sequential([
        L.Conv2D(4, 3, padding="same", input_shape=(16, 14, 3), activation=tensorflow.nn.relu6), L.LeakyReLU(alpha=0.2),
        L.PReLU(shared_axes=[1, 2]), L.SeparableConv2D(6, 3), L.DepthwiseConv2D(3, depth_multiplier=2),
        L.Activation("hard_sigmoid"), L.Conv2DTranspose(3, 3, strides=2, padding="same"), L.Normalization(),
        L.Rescaling(0.5), L.Resizing(7, 9), L.GlobalMaxPooling2D(), L.Dense(3),
    ])  # fmt: skip
    convolutions = 16 * 14 * 4 * 27 + 14 * 12 * (4 * 9 + 4 * 6) + 12 * 10 * 12 * 9 + 12 * 10 * 12 * 3 * 9
    return built, convolutions + 3 * 3


def sequence_of_tensorflow():
    each = {"return_sequences": True}
    built = keras.Sequential([
        L.Embedding(30, 8, input_length=6), L.Bidirectional(L.LSTM(4, **each)), L.GRU(3, **each),
        L.TimeDistributed(L.Dense(4)), L.SimpleRNN(3), L.Dense(2, activation="softmax"),
    ])  # fmt: skip
    built.build((None, 6))
    return built, 6 * (2 * 4 * 4 * 12 + 3 * 3 * 11 + 3 * 4 + 3 * 7) + 3 * 2


def products_of(built):
    """Return the multiply–accumulates of the convolutions and matrix products in TensorFlow's graph of a model."""
    given = tensorflow.TensorSpec([1, *built.inputs[0].shape[1:]])
    graph = tensorflow.function(lambda x: built(x, training=False)).get_concrete_function(given).graph
    total = 0
    for each in graph.get_operations():
        if each.type in ("Conv2D", "DepthwiseConv2dNative", "MatMul"):
            kernel, values = each.inputs[1].shape, prod(each.outputs[0].shape)
            total += values * prod(kernel[:2] if each.type.startswith("Depth") else kernel[:-1])
    return total


def nasnet_mobile():
    built = keras.applications.NASNetMobile(weights=None, input_shape=(SIDE, SIDE, 3), classes=10)
    return built, products_of(built)


def main_of_tensorflow():
    found = {}
    makers = (functions_of_tensorflow, models_within_models, layers_of_tensorflow, sequence_of_tensorflow)
    named = {make.__name__: make for make in makers} | {"NASNetMobile": nasnet_mobile}
    for name, make in named.items():
        keras.backend.clear_session()
        built, macs = make()
        trainable = sum(prod(weight.shape) for weight in built.trainable_weights)
        config = json.loads(built.to_json())
        found[name] = {"params": trainable, "all": built.count_params(), "macs": macs, "config": config}
    save("tf_keras", found)


if __name__ == "__main__":
    main_of_tensorflow() if TF else main()
