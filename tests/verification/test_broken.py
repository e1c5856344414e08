"""Verification can fail: each formula is broken in turn, and both ways of proving it name what is wrong."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from convcost.cli import app as cli
from convcost.layers import REGISTRY, convolution, merges, norms, pooling, upsampling
from convcost.layers.convolution import Conv, TransposedConv, _Convolution
from convcost.layers.norms import BatchNorm, LocalResponseNorm, Scale
from convcost.layers.pooling import AdaptiveAvgPool
from convcost.layers.upsampling import Upsample
from convcost.ops import Cost, Ledger, product
from convcost.verification.formulas import prove


def changed(definition, change):
    """Return a cost method: the right cost, then changed by `change(cost, layer, inputs, output)`."""
    right = definition.cost

    def cost(self, inputs, output):
        return change(right(self, inputs, output), self, inputs, output)

    return cost


def scaled(cost, numerator, denominator):
    """Return a convolution's cost with other products."""
    products = cost.ops.mul * numerator // denominator
    return replace(cost, ops=Ledger(mul=products, add=products), macs=products, useful_mults=products)


def short_kernel(cost, layer, inputs, output):
    return scaled(cost, layer.kernel_size[-1] - 1, layer.kernel_size[-1])


def without_groups(cost, layer, inputs, output):
    return scaled(cost, layer.groups, 1)


def on_the_output(cost, layer, inputs, output):
    return scaled(cost, product(output[1:]), product(inputs[0][1:]))


def bias_added(cost, layer, inputs, output):
    return replace(cost, ops=cost.ops + Ledger(add=product(output) if layer.bias else 0))


def padding_useful(cost, layer, inputs, output):
    return replace(cost, useful_mults=cost.ops.mul)


def bias_forgotten(cost, layer, inputs, output):
    return replace(cost, params=cost.params - output[0] if layer.bias else cost.params)


def per_value(**ops):
    return lambda cost, layer, inputs, output: replace(cost, ops=cost.ops + Ledger(**ops) * product(output))


def buffers_trained(cost, layer, inputs, output):
    return replace(cost, params=cost.params + cost.buffers, buffers=0)


CONV = {"conv": {"out_channels": 6, "kernel_size": 3, "padding": 1, "groups": 3}}
TRANSPOSED = {"transposed_conv": {"out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1}}

# what is patched, with what, the layer it shows in, the kind that differs
BROKEN = {
    "an axis of the kernel is one short": (_Convolution, "cost", changed(Conv, short_kernel), CONV, "mul"),
    "groups are forgotten": (_Convolution, "cost", changed(Conv, without_groups), CONV, "mul"),
    "a bias is an addition": (_Convolution, "cost", changed(Conv, bias_added), CONV, "add"),
    "padding is useful": (_Convolution, "cost", changed(Conv, padding_useful), CONV, "useful mults"),
    "a bias is no parameter": (_Convolution, "cost", changed(Conv, bias_forgotten), CONV, "params"),
    "one window more fits": (
        convolution, "output_size", lambda i, k, s, d, pad: (i + sum(pad) - d * (k - 1) - 1) // s + 2,
        CONV, "output shape"),
    "a transposed convolution multiplies on its output": (
        TransposedConv, "cost", changed(TransposedConv, on_the_output), TRANSPOSED, "mul"),
    "the margin is useful": (
        TransposedConv, "cost", changed(TransposedConv, padding_useful), TRANSPOSED, "useful mults"),
    "one comparison a value": (
        pooling, "maximum_of", lambda terms: Ledger(cmp=terms), {"max_pool": {"kernel_size": 3}}, "cmp"),
    "an average divides nothing": (pooling, "average_of", lambda terms: Ledger(add=terms), "global_avg_pool", "div"),
    "adaptive windows do not overlap": (
        AdaptiveAvgPool, "cost", lambda self, inputs, output: Cost(
            ops=Ledger(add=product(inputs[0])) + Ledger(div=1) * product(output)),
        {"adaptive_avg_pool": {"output_size": 4}}, "add"),
    "eps is not added": (
        norms, "standardise", lambda terms: Ledger(add=3 * terms, mul=terms, sqrt=1, div=terms + 2),
        "layer_norm", "add"),
    "statistics are trained": (BatchNorm, "cost", changed(BatchNorm, buffers_trained), "batch_norm", "buffers"),
    "a folded norm multiplies": (
        Cost, "at_rest", lambda self: self,
        {"conv": {"out_channels": 4, "kernel_size": 1, "norm": "batch_norm"}}, "mul"),
    "a response is not squared": (
        LocalResponseNorm, "cost", changed(LocalResponseNorm, per_value(mul=-1)),
        {"local_response_norm": {"size": 5}}, "mul"),
    "a factor is no parameter": (
        Scale, "cost", lambda self, inputs, output: Cost(
            ops=Ledger(mul=product(output)), useful_mults=product(output)), "scale", "params"),
    "each branch is added": (merges.Add, "cost", changed(merges.Add, per_value(add=1)), {"add": [[], ["relu"]]}, "add"),
    "interpolation has two neighbours on each plane": (
        upsampling, "accumulate", lambda products: Ledger(mul=products // 2, add=products // 2),
        {"upsample": {"scale_factor": 2, "mode": "bilinear"}}, "mul"),
    "interpolation in 2-d is as in 1-d": (
        Upsample, "cost", lambda self, inputs, output: Cost() if self.mode == "nearest" else Cost(
            ops=Ledger(mul=2, add=2) * product(output), useful_mults=2 * product(output)),
        {"upsample": {"scale_factor": 2, "mode": "bilinear"}}, "mul"),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_formula_is_named(what, monkeypatch, tmp_path, capsys):
    owner, name, wrong, layer, kind = BROKEN[what]
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps({"input": [3, 9, 9], "layers": [{"pad": {"padding": 1}}, layer, "relu"]}))
    monkeypatch.setattr(owner, name, wrong)
    monkeypatch.setattr("sys.argv", ["convcost", "verify", str(spec)])
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out = capsys.readouterr().out
    assert ended.value.code == 1
    (told,) = [line for line in out.splitlines() if line.startswith("✗ ")]
    type = (
        "batch_norm" if what == "a folded norm multiplies" else layer if isinstance(layer, str) else next(iter(layer))
    )
    assert f"({type}): " in told
    assert f"{kind}: counted " in told
    assert "1 of " in out
    assert "does not agree" in out
    (proof,) = prove([type])
    assert proof.counterexample is not None
    assert kind.replace(" ", "_") in [difference.kind for difference in proof.counterexample.differences]


TYPES = sorted(type for type, layer in REGISTRY.items() if not layer.composite and not layer.declared)


@pytest.mark.parametrize("type", TYPES)
def test_every_count_of_every_type_is_compared(type, monkeypatch):
    definition = REGISTRY[type]
    kinds = [*({kind: 1} for kind in Ledger.__struct_fields__)]
    more = [Cost(ops=Ledger(**kind)) for kind in kinds]
    more += [Cost(params=1), Cost(buffers=1), Cost(macs=1), Cost(useful_mults=1)]
    for extra in more:
        with monkeypatch.context() as patch:
            patch.setattr(
                definition, "cost", changed(definition, lambda cost, layer, inputs, output, extra=extra: cost + extra)
            )
            (proof,) = prove([type])
            assert not proof.proved, extra
            assert len(proof.counterexample.differences) == 1


@pytest.mark.parametrize("type", TYPES)
def test_the_output_shape_of_every_type_is_compared(type, monkeypatch):
    definition = REGISTRY[type]
    right = definition.output_shapes

    def wrong(self, *inputs):
        (first, *rest), *others = right(self, *inputs)
        return ((first + 1, *rest), *others)

    monkeypatch.setattr(definition, "output_shapes", wrong)
    (proof,) = prove([type])
    assert not proof.proved
    assert "output_shape" in [difference.kind for difference in proof.counterexample.differences]
