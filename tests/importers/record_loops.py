"""Records `data/loops.tflite`: recurrent layers of Keras 3 as TensorFlow converts them, loops over the steps.

    python tests/importers/record_loops.py

needs tensorflow 2.21 with keras 3.15; nothing of the project.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

DATA = Path(__file__).parent / "data"


def network():
    """Return a model with a layer of each kind, whose weights are random numbers."""
    keras.utils.set_random_seed(0)
    value = given = keras.Input((7, 5))
    value = layers.LSTM(4, return_sequences=True)(value)
    value = layers.Bidirectional(layers.GRU(3, return_sequences=True))(value)
    value = layers.GRU(6, reset_after=False, return_sequences=True)(value)
    value = layers.SimpleRNN(5)(value)
    model = keras.Model(given, layers.Dense(2)(value))
    numbers = np.random.default_rng(0)
    for weight in model.weights:  # so that no two are equal, which a converter would keep once
        weight.assign(numbers.normal(size=weight.shape))
    return model


def converted(model):
    """Return the bytes of a model for one input."""
    run = tf.function(lambda value: model(value, training=False))
    traced = run.get_concrete_function(tf.TensorSpec((1, *model.inputs[0].shape[1:]), "float32"))
    return tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(traced)]).convert()


if __name__ == "__main__":
    model = network()
    (DATA / "loops.tflite").write_bytes(converted(model))
    recorded = {"versions": {"tensorflow": tf.__version__, "keras": keras.__version__}, "params": model.count_params()}
    (DATA / "loops_tflite.json").write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
