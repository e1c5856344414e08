"""Operations at the author's cost."""

from __future__ import annotations

import json

import pytest

import convcost
from convcost.layers import REGISTRY
from convcost.verification.formulas import types


def build(*shapes, layout="", **given):
    builder = convcost.NetworkBuilder("declared")
    outputs = builder.add("declared", *[builder.input(shape, layout) for shape in shapes], **given)
    return outputs, convcost.Model(builder.build())


def test_costs_are_what_the_author_says():
    output, model = build(
        [3, 8, 8], output_shape=[5, 8, 8], params=7, buffers=2, mul=10, add=20, exp=3, source="a paper"
    )
    (layer,) = model.analyze().layers
    assert (output.shape, output.layout) == ((5, 8, 8), "feature map")
    assert (layer.cost.params, layer.cost.buffers, layer.cost.macs, layer.cost.useful_mults) == (7, 2, 0, 10)
    assert layer.cost.ops.to_dict() == {"mul": 10, "add": 20, "exp": 3}
    assert layer.notes == ("declared", "output")


def test_each_mac_is_a_product_and_a_sum_unless_these_are_given():
    _, model = build([3, 8, 8], output_shape=[5], macs=100)
    assert model.analyze().total.ops.to_dict() == {"mul": 100, "add": 100}
    _, model = build([3, 8, 8], output_shape=[5], macs=100, mul=120, add=0)
    assert model.analyze().total.ops.to_dict() == {"mul": 120}


def test_several_outputs_and_inputs():
    (scores, boxes), model = build([3, 8, 8], [4, 2], output_shape=[[100], [100, 4]], cmp=5)
    assert (scores.shape, scores.layout) == ((100,), "vector")
    assert (boxes.shape, boxes.layout) == ((100, 4), "unknown")
    assert model.analyze().total.ops.to_dict() == {"cmp": 5}
    (tokens, _), _ = build([6, 3], layout="tokens", output_shape=[[16, 4], [2, 4]])
    assert tokens.layout == "tokens"


def test_the_layout_may_be_said():
    builder = convcost.NetworkBuilder()
    output = builder.add("declared", builder.input([3, 8, 8]), output_shape=[16, 4], layout="tokens")
    assert output.layout == "tokens"


def test_costs_scale_with_the_batch():
    _, model = build([3], output_shape=[3], params=7, mul=10)
    total = model.analyze(batch=4).total
    assert (total.params, total.mults) == (7, 40)


def test_nothing_calls_it_verified():
    builder = convcost.NetworkBuilder("net")
    x = builder.add("conv", builder.input([3, 4, 4]), out_channels=2, kernel_size=3)
    builder.add("declared", x, output_shape=[2], mul=9)
    verification = convcost.Model(builder.build()).verify()
    assert verification.ok
    assert [(layer.agrees, layer.declared) for layer in verification.layers] == [(True, False), (False, True)]
    assert "1 layer at declared costs: nothing verifies these" in str(verification)
    assert "declared" not in types()


def test_a_spec_declares_an_operation_whose_costs_may_be_expressions():
    spec = {
        "symbols": {"n": 100},
        "input": [3, 8, 8],
        "layers": [
            {"declared": {"output_shape": ["n", "2 * 2"], "cmp": "n ** 2", "layout": "tokens", "source": "NMS, p. 3"}}
        ],
    }
    analysis = convcost.load(spec).analyze()
    assert analysis.layers[0].output_shape == (100, 4)
    assert analysis.total.ops.to_dict() == {"cmp": 10_000}
    assert "declared" in str(analysis)
    assert json.loads(json.dumps(analysis.to_dict()))["layers"][0]["notes"] == ["declared", "output"]


@pytest.mark.parametrize(
    ("given", "message", "found"),
    [
        ({}, "declared needs output_shape", ""),
        ({"output_shape": [3], "mul": -1}, "mul must be at least 0", "-1"),
        ({"output_shape": [3], "params": "x"}, "params must be a whole number", "'x'"),
        ({"output_shape": []}, "output_shape must be a shape, or a list of shapes", "an empty list"),
        ({"output_shape": 3}, "output_shape must be a shape, or a list of shapes", "3"),
        ({"output_shape": [[3], 4]}, "output_shape must be a shape, or a list of shapes", "[[3], 4]"),
        ({"output_shape": [[3], [0]]}, "output_shape must be at least 1", "[[3], [0]]"),
        (
            {"output_shape": [3], "macs": 10, "mul": 9},
            "macs are multiplications too: mul must be at least macs",
            "mul 9, macs 10",
        ),
    ],
)
def test_costs_that_cannot_be_are_refused(given, message, found):
    with pytest.raises(convcost.NetworkError) as error:
        build([3, 4], **given)
    assert str(error.value).split("\n = help")[0] == f"error: {message}" + (f"\n = found: {found}" if found else "")


def test_it_needs_an_input():
    builder = convcost.NetworkBuilder()
    with pytest.raises(convcost.NetworkError, match="declared takes at least 1 input"):
        builder.add("declared", output_shape=[3])


def test_it_says_that_its_costs_are_the_authors():
    assert [type for type, layer in REGISTRY.items() if layer.declared] == ["declared", "unknown"]
