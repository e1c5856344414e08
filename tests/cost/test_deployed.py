"""The network as it runs on a device: batch norms are in the weights of the layers before them."""

from __future__ import annotations

from pathlib import Path

import pytest

import convcost
from convcost.cost.folding import folded_norms

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml"))
CONV = {"out_channels": 8, "kernel_size": 3, "bias": False}


def deployed(input, *layers):
    """Return the network's analysis and that of its deployed form."""
    model = convcost.load({"input": input, "layers": list(layers)})
    analysis, after = model.analyze(), model.analyze(deployed=True)
    assert after.total.params == analysis.value("deployed_params")
    assert after.total.ops == analysis.total.ops
    assert (after.total.macs, after.total.useful_mults) == (analysis.total.macs, analysis.total.useful_mults)
    return analysis, after


def test_a_norm_becomes_a_bias():
    before, after = deployed([3, 8, 8], {"conv": {**CONV, "norm": "batch_norm", "activation": "relu"}})
    assert before.total.params == 216 + 16  # 8 · 3 · 9, and two for each channel
    assert [(layer.name, layer.cost.params) for layer in after.layers] == [("conv_1", 224), ("conv_1/relu", 0)]
    assert after.total.buffers == 0


def test_a_bias_that_is_there_serves_the_norm():
    before, after = deployed([3, 8, 8], {"conv": {**CONV, "bias": True}}, "batch_norm")
    assert (before.total.params, after.total.params) == (224 + 16, 224)


def test_what_does_not_fold_stays():
    items = ({"conv": CONV, "name": "c"}, "batch_norm", {"add": None, "from": ["previous", "c"]}, "batch_norm")
    before, after = deployed([3, 8, 8], *items)  # the convolution is read twice, and an addition has no weights
    assert [layer.type for layer in after.layers] == ["conv", "batch_norm", "add", "batch_norm"]
    assert after.total.params == before.total.params


def test_a_norm_of_tokens_gives_a_bias_to_each_channel():
    tokens = {"shape": [5, 6], "layout": "tokens"}
    before, after = deployed(tokens, {"linear": {"out_features": 4, "bias": False}}, "batch_norm")
    assert (before.total.params, after.total.params) == (24 + 8, 28)
    _, other = deployed(tokens, {"linear": {"out_features": 4, "bias": False}}, {"batch_norm": {"axis": "length"}})
    assert other.layers[1].type == "batch_norm"  # one factor for each position is none of the weights'


def head(level, *, norm):
    return [
        {
            "conv": {"out_channels": 6, "kernel_size": 1, "bias": False},
            "from": level,
            "name": f"{level}_conv",
            **norm[0],
        },
        {"batch_norm": None, "name": f"{level}_norm", **norm[1]},
    ]


def test_weights_that_are_shared_hold_one_norm():
    """A head of 6 · 4 weights on two levels: with one norm it gets 6 biases, with one each nothing folds."""
    levels = {"input": [4, 9, 9], "layers": [{"identity": None, "name": "a"}, {"identity": None, "name": "b"}]}
    for norm, params in (({"weights": "a_norm"}, 24 + 6), ({}, 24 + 12 + 12)):
        items = head("a", norm=({}, {})) + head("b", norm=({"weights": "a_conv"}, norm))
        model = convcost.load({**levels, "layers": levels["layers"] + items})
        analysis = model.analyze()
        assert analysis.value("deployed_params") == model.deployed().analyze().total.params == params
        assert [layer.type for layer in model.deployed().network.layers].count("batch_norm") == (0 if norm else 2)


def test_a_norm_whose_weights_stay_in_use_stays():
    """The second convolution is read twice, so its norm stays; the first norm's weights are the same."""
    items = [
        {"conv": CONV, "name": "one"},
        {"batch_norm": None, "name": "norm"},
        {"conv": CONV, "name": "two"},
        {"batch_norm": None, "weights": "norm"},
        {"add": None, "from": ["previous", "two"]},
    ]
    model = convcost.load({"input": [3, 9, 9], "layers": items})
    assert folded_norms(model.network, model.network.readers()) == {}
    assert model.deployed().network is model.network


def test_frozen_norms_and_frozen_convolutions():
    _, after = deployed([3, 8, 8], {"conv": CONV}, {"batch_norm": None, "trainable": False})
    assert (after.total.params, after.total.buffers) == (224, 0)
    _, frozen = deployed([3, 8, 8], {"conv": CONV, "trainable": False}, "batch_norm")
    assert (frozen.total.params, frozen.total.buffers) == (0, 224)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_network_has_the_parameters_of_the_metric(path):
    model = convcost.load(path)
    before, after = model.analyze(), convcost.analyze(path, deployed=True)
    assert after.total.params == before.value("deployed_params")
    assert (after.total.ops, after.total.macs) == (before.total.ops, before.total.macs)
    assert {layer.name for layer in after.layers} <= {layer.name for layer in before.layers}


def test_resnet50_with_its_norms_folded():
    """25,557,032 parameters: 26,560 channels with norms lose two numbers each and gain a bias."""
    after = convcost.load("resnet50").deployed()
    assert after.analyze().total.params == 25_557_032 - 26_560 == 25_530_472
    assert not any(layer.type == "batch_norm" for layer in after.network.layers)
    assert after.network.name.endswith("(deployed)")
    assert after.origin is None


def test_symbols_stay_symbols():
    model = convcost.load("resnet50", free=["r"])
    assert str(model.deployed().analyze().total.macs) == str(model.analyze().total.macs)
