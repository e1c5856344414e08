"""A network executed agrees with its analysis; and the parts of a verification say what was done."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import convcost
from convcost.executor import types
from convcost.layers import REGISTRY
from convcost.spec.source import shipped as specs
from convcost.verification import Interrupted, Settings, proof, verify

ALL = sorted(specs())


def test_each_layer_type_has_a_formula_and_an_executor():
    run = sorted(type for type, layer in REGISTRY.items() if not layer.composite and not layer.declared)
    assert run == list(types())


@pytest.mark.parametrize("name", ALL)
def test_every_shipped_network_agrees_shrunk(shipped, name):
    verification = shipped(name).verify()
    assert [layer.name for layer in verification.layers if not layer.agrees] == []
    assert verification.ok
    assert verification.counted() == verification.predicted()
    if verification.layerwise:
        assert verification.kept == ("the layers shrink one by one, each with its own sizes",)
        return
    assert not verification.kept
    total = convcost.Model(verification.executed).analyze().total
    assert verification.counted()["mul"] == total.mults


@pytest.mark.parametrize("engine", ["plain", "lanes", "auto"])
def test_the_worked_examples_are_counted_at_full_size(shipped, engine):
    standard = shipped("examples/worked_standard").verify(full=True, engine=engine)
    separable = shipped("examples/worked_separable").verify(full=True, engine=engine)
    # 256 · 5 · 5 · 3 · 8 · 8, and 3 · 5 · 5 · 8 · 8 + 256 · 3 · 8 · 8
    assert (standard.performed, separable.performed) == (1_228_800, 53_952)
    assert standard.ok
    assert separable.ok


def test_full_size_executes_the_network_that_is_analysed():
    model = convcost.load("mobilenet_v1", set={"alpha": "1/4", "r": 64})
    verification = model.verify(full=True)
    total = model.analyze().total
    assert verification.ok
    assert (verification.performed, verification.counted()["useful_mults"]) == (total.mults, total.useful_mults)
    assert (verification.counted()["params"], verification.counted()["buffers"]) == (total.params, total.buffers)
    assert not any(layer.same_as for layer in verification.layers)


def test_layers_shrink_one_by_one_where_the_smallest_network_is_too_large(network):
    conv = {"conv": {"out_channels": 1, "kernel_size": 3}, "repeat": 100}
    # each of the 100 layers takes two positions from an axis: no network has a smaller side than 201, 40,401 values
    verification = verify(network((1, 300, 300), conv), Settings(max_values=10_000))
    assert verification.ok
    assert verification.layerwise
    assert verification.kept == ("the layers shrink one by one, each with its own sizes",)
    assert not verify(network((1, 300, 300), conv), Settings()).layerwise


def test_layers_that_are_the_same_are_executed_once(network):
    conv = {"conv": {"out_channels": 3, "kernel_size": 3, "padding": 1}, "repeat": 3}
    verification = verify(network((3, 4, 4), conv), Settings())
    assert [layer.same_as for layer in verification.layers] == ["", "conv_1.1", "conv_1.1"]
    assert verification.performed * 3 == verification.counted()["mul"]


@pytest.mark.parametrize("fold", [True, False])
def test_a_batch_norm_is_executed_as_it_is_counted(network, fold):
    conv = {"conv": {"out_channels": 4, "kernel_size": 1, "norm": "batch_norm"}}
    verification = verify(network((3, 4, 4), conv, "batch_norm"), Settings(full=True, fold=fold))
    assert verification.ok
    folded, alone = verification.layers[1:]
    assert folded.counted.mults == (0 if fold else 64)  # 4 · 4 · 4
    assert alone.counted.mults == 64
    assert folded.counted.params == 8


def test_any_executor_serves(network):
    net = network((3, 9, 9), {"conv": {"out_channels": 5, "kernel_size": 3, "stride": 2}}, "relu", "global_avg_pool")
    alone = verify(net, Settings(full=True))
    for pool in (ThreadPoolExecutor(2), ProcessPoolExecutor(2)):
        with pool:
            assert verify(net, Settings(full=True), pool) == alone


def test_the_seed_changes_no_count(shipped):
    model = shipped("examples/shufflenet_unit")
    assert model.verify(seed=1).layers == model.verify(seed=2).layers


class Stop:
    """A watch that interrupts after some layers."""

    def __init__(self, after):
        self.after = after
        self.work = None
        self.heard = []

    def planned(self, work):
        self.work = dict(work)

    def performed(self, type, work, seconds):
        self.heard.append((type, work))
        assert seconds >= 0
        if len(self.heard) == self.after:
            raise KeyboardInterrupt


def test_a_watch_hears_the_work_planned_and_done(network):
    net = network((3, 4, 4), {"conv": {"out_channels": 2, "kernel_size": 1}}, "relu", "relu6")
    watch = Stop(after=0)
    verify(net, Settings(full=True), watch=watch)
    # 4 · 4 · 2 · 3 products, then 32 values with one and two comparisons
    assert watch.work == {"conv": 96, "relu": 32, "relu6": 64}
    assert watch.heard == [("conv", 96), ("relu", 32), ("relu6", 64)]


def test_an_interruption_leaves_what_was_proved(network):
    net = network((3, 4, 4), {"conv": {"out_channels": 2, "kernel_size": 1}}, "relu", "relu6")
    with pytest.raises(Interrupted) as caught:
        verify(net, Settings(full=True), watch=Stop(after=2))
    verification = caught.value.verification
    assert [layer.name for layer in verification.layers] == ["conv_1", "relu_1"]
    assert all(layer.agrees for layer in verification.layers)
    assert not verification.complete
    assert not verification.ok


def test_the_api_refuses_what_it_cannot_do(shipped):
    model = shipped("examples/one_5x5")
    with pytest.raises(convcost.OptionError, match="engine 'fast'"):
        model.verify(engine="fast")
    with pytest.raises(convcost.OptionError, match="seed"):
        model.verify(seed=0.5)
    assert convcost.verify("examples/one_5x5", full=True).performed == 25


def test_results_are_plain_data(shipped):
    data = shipped("examples/worked_separable").verify(full=True).to_dict()
    layer = data["layers"][0]
    assert layer["executed"] == {"input_shapes": [[3, 12, 12]], "output_shape": [3, 8, 8]}
    assert layer["counted"] == layer["predicted"]
    assert layer["counted"]["ops"] == {"mul": 4_800, "add": 4_800}  # 3 · 5 · 5 · 8 · 8
    assert (layer["name"], layer["agrees"], layer["same_as"]) == ("separable_conv_1/depthwise", True, None)
    assert data["total"]["counted"]["mul"] == data["performed_mults"] == 53_952


# --- random networks

small = st.integers(1, 3)
padding = st.sampled_from(["same", 0, 1, [[0, 1], [1, 0]]])
flag = st.booleans()


def convolution(type, **fields):
    return st.fixed_dictionaries({"kernel_size": small, "bias": flag, "stride": small, **fields}).map(
        lambda given: {type: given}
    )


LAYERS = st.one_of(
    convolution("conv", out_channels=st.sampled_from([4, 6, 8]), padding=padding, dilation=small),
    convolution("conv", out_channels=st.sampled_from([4, 8]), padding=padding, groups=st.just(2)),
    convolution("depthwise_conv", padding=padding, depth_multiplier=st.sampled_from([1, 2])),
    convolution("transposed_conv", out_channels=st.sampled_from([2, 4])),
    convolution("separable_conv", out_channels=st.just(4), norm=st.just("batch_norm"), activation=st.just("relu6")),
    st.fixed_dictionaries({"kernel_size": st.just(2), "ceil_mode": flag, "padding": st.sampled_from([0, 1])}).map(
        lambda given: {"max_pool": given}
    ),
    st.fixed_dictionaries({"kernel_size": st.just(3), "padding": st.sampled_from([0, 1, "same"])}).map(
        lambda given: {"avg_pool": given}
    ),
    st.sampled_from(
        [
            "layer_norm",
            "batch_norm",
            "silu",
            "softmax",
            "scale",
            {"channel_shuffle": {"groups": 2}},
            {"concat": [[], ["relu"]]},
            {"residual": [{"pointwise_conv": {"out_channels": "in_channels"}}]},
            {"multiply": [[], ["global_avg_pool", "sigmoid"]]},
            {"upsample": {"scale_factor": 2, "mode": "bilinear"}},
            {"pad": {"padding": 1}},
            {"slice": {"start": 0, "end": "in_channels / 2"}},
        ]
    ),
)


@settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.sampled_from([4, 6]), st.integers(5, 13), st.integers(5, 13), st.lists(LAYERS, min_size=1, max_size=5), flag)
def test_random_networks_agree_shrunk_and_whole(channels, height, width, layers, fold):
    try:
        model = convcost.load({"input": [channels, height, width], "layers": layers})
    except convcost.SpecError:
        return  # what does not fit is no network
    if model.analyze().total.mults > 200_000:
        return
    for full in (False, True):
        verification = model.verify(full=full, fold=fold)
        assert verification.ok, [layer for layer in verification.layers if not layer.agrees]
        assert not verification.kept


def test_a_wrong_shape_is_told_once_and_what_follows_runs_on_what_came_out(network, monkeypatch):
    net = network((3, 6, 6), {"max_pool": {"kernel_size": 2}}, "relu")
    wrong = proof.shrink(net)[0]
    pool, relu = wrong.layers
    said = replace(pool.outputs[0], shape=(3, 5, 5))
    moved = replace(pool, outputs=(said,))
    after = replace(relu, inputs=(said,), outputs=(replace(relu.outputs[0], shape=(3, 5, 5)),))
    broken = replace(wrong, layers=(moved, after))  # as if the builder had inferred it
    verification = verify(broken, Settings(full=True))
    assert [layer.agrees for layer in verification.layers] == [False, True]
    assert verification.layers[0].differences()[0].kind == "output_shape"
    assert verification.layers[1].input_shapes == ((3, 2, 2),)
