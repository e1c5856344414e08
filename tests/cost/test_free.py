"""Symbols that stay symbols: formulas, and where they hold."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product

import pytest

import convcost
from convcost.errors import OptionError, SpecError
from convcost.spec.source import shipped
from convcost.symbolic import Formula, from_dict

WIDTHS = (1, Fraction(3, 4), Fraction(1, 2), Fraction(1, 4))
SIZES = (224, 192, 160, 128)
# macs in millions and parameters in millions that the paper's tables 6 and 7 print
PRINTED = {
    (1, 224): (569, 4.2),
    (Fraction(3, 4), 224): (325, 2.6),
    (Fraction(1, 2), 224): (149, 1.3),
    (Fraction(1, 4), 224): (41, 0.5),
    (1, 192): (418, 4.2),
    (1, 160): (290, 4.2),
    (1, 128): (186, 4.2),
}
METRICS = ("params", "buffers", "mults", "adds", "macs", "flops", "useful_mults")


@pytest.fixture(scope="module")
def mobilenet():
    return convcost.analyze("mobilenet_v1", free=["alpha", "r"])


def test_mobilenet_is_a_polynomial(mobilenet):
    # 3·3·3·32 a (r/2)² + Σ stages (9 · in + in · out) a… (r/…)² + 1024 a · 1000
    stages = [(32, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)]
    stages += [(512, 512, 1)] * 5 + [(512, 1024, 2), (1024, 1024, 1)]
    linear, square, size = Fraction(27 * 32, 4), Fraction(0), 2
    for inputs, outputs, stride in stages:
        size *= stride
        linear += Fraction(9 * inputs, size**2)
        square += Fraction(inputs * outputs, size**2)
    mults = mobilenet.total.mults
    assert mults.coefficients("alpha", "r") == {(2, 2): square, (1, 2): linear, (1, 0): 1024 * 1000}
    assert str(mults) == "10752·alpha²·r² + 1125·alpha·r²/2 + 1024000·alpha"


@pytest.mark.parametrize(("alpha", "r"), list(product(WIDTHS, SIZES)))
def test_the_polynomial_is_the_analysis_at_every_width_and_resolution(mobilenet, alpha, r):
    total = convcost.analyze("mobilenet_v1", set={"alpha": alpha, "r": r}).total
    for metric in METRICS:
        assert getattr(mobilenet.total, metric).substitute({"alpha": alpha, "r": r}) == getattr(total, metric)
    if (alpha, r) in PRINTED:
        macs, params = PRINTED[alpha, r]
        assert abs(total.macs / 10**6 - macs) < 1
        assert round(total.params / 10**6, 1) == params


def test_layers_and_shapes_are_formulas_too(mobilenet):
    at = {"alpha": Fraction(1, 4), "r": 128}
    for layer, number in zip(mobilenet.layers, convcost.analyze("mobilenet_v1", set=at).layers, strict=True):
        shape = tuple(x.substitute(at) if isinstance(x, Formula) else x for x in layer.output_shape)
        assert shape == number.output_shape
        for metric in METRICS:
            value = getattr(layer.cost, metric)
            assert (value.substitute(at) if isinstance(value, Formula) else value) == getattr(number.cost, metric)
        for kind, count in layer.cost.ops.to_dict().items():
            assert count.substitute(at) == number.cost.ops.to_dict()[kind]


def test_json_holds_texts_and_structures_that_a_program_can_evaluate(mobilenet):
    data = json.loads(json.dumps(mobilenet.to_dict()))
    assert data["total"]["mults"] == "10752*alpha**2*r**2 + 1125*alpha*r**2/2 + 1024000*alpha"
    assert data["free"]["alpha"] == {"multiple_of": "1/32", "minimum": "1/32", "default": 1}
    mults = from_dict({**data["total"]["structures"]["mults"], "symbols": data["free"]})
    assert mults.evaluate({"alpha": 1, "r": 224}) == 568_740_352
    assert data["layers"][0]["output_shape"] == ["32*alpha", "r/2", "r/2"]
    assert data["layers"][0]["ratio"]["exact"] == "1/9 + 1/(32*alpha)"
    assert data["network"]["symbols"] == {"deep": 5, "classes": 1000}


def spec(*layers, symbols=None, input=("N", 15, 15)):
    return {"symbols": symbols or {"N": None}, "input": list(input), "layers": list(layers)}


def test_a_symbol_without_a_value_stays_one():
    conv = {"conv": {"out_channels": "2 * N", "kernel_size": 3}}
    analysis = convcost.analyze(spec(conv))
    assert str(analysis.total.params) == "18·N² + 2·N"  # 2N · N · 9, and 2N biases
    assert str(analysis.total.mults) == "3042·N²"  # 13² · 2N · N · 9
    assert list(analysis.network.free.conditions) == []
    with pytest.raises(SpecError, match="the symbol 'N' has no value"):
        convcost.load(spec(conv))


def test_functions_that_need_a_value_stay_exact():
    text = "make_divisible(max(N, 12), 8)"
    analysis = convcost.analyze(spec({"conv": {"out_channels": text, "kernel_size": 1, "bias": "false"}}))
    assert str(analysis.total.params) == "N·make_divisible(max(12, N), 8)"
    assert analysis.total.params.evaluate({"N": 3}) == 3 * 16  # ⌊12 + 4⌋ // 8 · 8 = 16
    assert analysis.total.params.evaluate({"N": 30}) == 30 * 32


def test_floors_stay_exact():
    analysis = convcost.analyze(
        spec({"conv": {"out_channels": 1, "kernel_size": 3, "stride": 2}}, symbols={"r": None}, input=(1, "r", "r"))
    )
    mults = analysis.total.mults
    for r in (3, 4, 5, 100, 101):
        assert mults.evaluate({"r": r}) == 9 * ((r - 3) // 2 + 1) ** 2
    assert [str(each) for each in analysis.network.free.conditions] == ["r ≥ 3"]  # the kernel fits


def test_a_decision_is_made_at_the_default_and_its_condition_is_told():
    text = {"conv": {"out_channels": 8, "kernel_size": 3}, "if": "N > 5"}
    analysis = convcost.analyze(spec(text, "relu", symbols={"N": 6}), free=["N"])
    assert len(analysis.layers) == 2
    assert [str(each) for each in analysis.network.free.conditions] == ["N > 5"]
    assert len(convcost.analyze(spec(text, "relu", symbols={"N": 5}), free=["N"]).layers) == 1


@pytest.mark.parametrize(
    ("layer", "symbols", "message"),
    [
        ({"relu": None, "repeat": "N"}, {"N": None}, "this needs a value for N"),
        ({"relu": None, "if": "N > 5"}, {"N": None}, "this needs a value for N"),
        ({"conv": {"out_channels": "2 ** N", "kernel_size": 1}}, {"N": None}, "an exponent is a number"),
        (
            {"conv": {"out_channels": 6, "kernel_size": 1, "groups": "N"}},
            {"N": None},
            "groups must divide out_channels",
        ),
        ({"conv": {"out_channels": 6, "kernel_size": 16}}, {"N": None}, "the kernel must fit into its padded input"),
    ],
)
def test_what_needs_a_number_says_which_symbol_needs_a_value_and_where(layer, symbols, message):
    with pytest.raises(SpecError, match=message) as caught:
        convcost.analyze(spec(layer, symbols=symbols))
    (detail,) = caught.value.details
    assert detail.place is not None
    if "kernel" not in message:
        assert "N" in detail.found
        assert detail.help == "--set N=…"


def test_equal_shapes_add_up_whatever_the_symbol_is():
    residual = {"residual": [{"conv": {"out_channels": "N", "kernel_size": 3, "padding": "same"}}]}
    analysis = convcost.analyze(spec(residual))
    assert str(analysis.layers[1].cost.adds) == "225·N"
    assert not list(analysis.network.free.conditions)


def test_a_width_may_be_a_fraction_and_a_size_is_whole():
    conv = {"conv": {"out_channels": "32 * alpha", "kernel_size": 1, "bias": "false"}}
    analysis = convcost.analyze(spec(conv, symbols={"alpha": 1, "r": 7}, input=(3, "r", "r")), free=["alpha", "r"])
    free = analysis.network.free
    assert [str(each) for each in free.conditions] == ["32·alpha is whole", "32·alpha ≥ 1"]
    assert analysis.total.params.evaluate({"alpha": Fraction(1, 2)}) == 48
    assert [str(fact) for fact in free.symbols["r"].facts] == ["r is whole", "r ≥ 1"]


def test_batch_and_norms_are_counted_as_for_numbers():
    norm = {"conv": {"out_channels": 4, "kernel_size": 1, "norm": "batch_norm"}}
    free = convcost.analyze(spec(norm), batch=3, fold=False).total
    for n in (1, 5):
        number = convcost.analyze(spec(norm), set={"N": n}, batch=3, fold=False).total
        assert free.mults.evaluate({"N": n}) == number.mults
        assert free.params.evaluate({"N": n}) == number.params


def test_a_symbol_on_which_nothing_depends_is_named():
    analysis = convcost.analyze(spec("relu", symbols={"N": None, "unused": 3}), free=["unused"])
    assert analysis.unused == ["unused"]


@pytest.mark.parametrize(("free", "message"), [("M", "has no symbol 'M'"), ("word", "only a number can stay free")])
def test_only_numbers_that_are_declared_can_be_free(free, message):
    with pytest.raises(OptionError, match=message):
        convcost.analyze(spec("relu", symbols={"N": 3, "word": "relu"}), free=[free])


def test_numbers_do_not_import_symbols(tmp_path):
    import subprocess
    import sys

    program = "import sys, convcost; convcost.analyze('mobilenet_v1'); sys.exit('convcost.symbolic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


def test_what_needs_numbers_refuses_formulas():
    model = convcost.load("mobilenet_v1", free=["alpha"])
    for question in (model.compare, model.verify, lambda: model.diff(model)):
        with pytest.raises(OptionError, match="this needs a value for every symbol"):
            question()


@pytest.mark.parametrize("name", shipped())
def test_each_number_of_every_shipped_network_can_stay_free(name):
    model = convcost.load(name)
    total = model.analyze().total
    for symbol, value in model.network.symbols.items():
        if type(value) not in (int, Fraction):
            continue
        try:
            free = convcost.analyze(name, free=[symbol]).total
        except SpecError as error:
            (message,) = {detail.message for detail in error.details}
            assert message == f"this needs a value for {symbol}"  # it is a number of repetitions
            continue
        for metric in METRICS:
            formula = getattr(free, metric)
            told = formula.evaluate({symbol: value}) if isinstance(formula, Formula) else formula
            assert told == getattr(total, metric)
