"""Words of other frameworks are answered with the type that they mean."""

from __future__ import annotations

import re

import pytest

import convcost
from convcost.layers import REGISTRY


def help_of(word):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load({"input": [3, 8, 8], "layers": [word]})
    return caught.value.details[0].help


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("Conv2d", "write `conv`, the 'Conv2d' of PyTorch"),
        ("conv_3d", "write `conv`, the 'Conv2d' of PyTorch"),
        ("dense", "write `linear`, the 'Dense' of Keras"),
        ("deconv", "write `transposed_conv`, the 'deconv' of many papers"),
        ("swish", "write `silu`, the 'swish' of Keras"),
        ("gap", "write `global_avg_pool`, the 'gap' of many papers"),
        ("BatchNorm1d", "write `batch_norm`, the 'BatchNorm2d' of PyTorch"),
        ("reluu", "did you mean 'relu'?"),  # spelling where nothing is meant by it
    ],
)
def test_meaning_comes_before_spelling(word, remedy):
    assert help_of(word) == remedy


def test_no_word_means_two_types_or_is_the_name_of_one():
    types = {}
    for type, layer in REGISTRY.items():
        for word in layer.words:
            plain = re.sub("[123]d$", "", word.replace("_", "").lower())
            assert types.setdefault(plain, type) == type
            assert word not in REGISTRY
