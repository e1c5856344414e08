"""Symbols that stay symbols: formulas, and where they hold."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from itertools import product

import pytest

import convcost
from convcost.cost.report import AnalysisReport
from convcost.errors import ConvcostError, OptionError, SpecError
from convcost.numbers import make_divisible
from convcost.spec.source import shipped
from convcost.symbolic import Formula, from_dict
from convcost.symbolic.solutions import solutions

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


@pytest.mark.no_cover
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


# --- the table: short names, and what must hold ---

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
CALLS = {"floor": math.floor, "make_divisible": make_divisible, "max": max, "min": min, "round": round, "gcd": math.gcd}


def evaluated(text, values):
    """Return the value of a formula as it is printed: `9,408·s1² + ⌊(r − 1)/2⌋`, exactly."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)  # the commas between arguments have a space behind them
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda power: "**" + power[0].translate(SUPERSCRIPTS), text)
    text = text.replace("·", "*").replace("−", "-").replace("⌊", "floor(").replace("⌋", ")")
    text = re.sub(r"(?<![\w*.])\d+", lambda number: f"F({number[0]})", text)
    return eval(text, {"F": Fraction, **CALLS, **values})  # noqa: S307 -- our own output


def screen(name, free):
    """Return an analysis, the rows of its table by their cells, and the lines below the table."""
    analysis = convcost.analyze(name, free=free)
    table = AnalysisReport.of(analysis).table()
    return analysis, table.rows, table.footer


def named(footer, values):
    """Return the values of the names that the lines below a table define, with those of the symbols."""
    values = dict(values)
    for line in footer:
        for part in line.split("; "):
            definition = re.fullmatch(r"([csf]\d+) = (.+)", part)
            if definition:
                values[definition[1]] = evaluated(definition[2], values)
    return values


POINTS = {
    "alpha": [Fraction(1, 4), Fraction(7, 10), 1, Fraction(13, 10), Fraction(29, 16)],
    "width": [Fraction(11, 10), Fraction(12, 10), 2],
    "theta": [Fraction(1, 2), Fraction(3, 5), Fraction(1, 10)],
    "r": [128, 192, 221, 224, 253, 255, 256, 284, 300, 572],
}
NAMED = [("mobilenet_v1", "r"), ("densenet121", "theta"), ("efficientnet_b0", "width"), ("googlenet", "r")]
NAMED += [(name, "alpha") for name in ("mobilenet_v2", "mobilenet_v3_small", "ghostnet", "mnasnet1_0")]
NAMED += [(name, "r") for name in ("resnet50", "unet", "squeezenet1_0", "vgg16", "deeplabv3_resnet50")]


@pytest.mark.parametrize(("name", "symbol"), NAMED)
def test_every_printed_formula_has_the_value_of_the_analysis(name, symbol):
    analysis, rows, footer = screen(name, [symbol])
    tried = 0
    for value in POINTS[symbol]:
        try:
            numbers = convcost.analyze(name, set={symbol: value})
        except ConvcostError:  # a size that does not fit
            continue
        if analysis.network.free.conditions.failing({symbol: value}):
            continue
        tried += 1
        values = named(footer, {symbol: value})
        total = numbers.total
        for line in footer:
            metric, _, text = line.partition(" = ")
            if metric in ("params", "mults", "macs", "adds", "useful mults"):
                text = text if text not in ("params", "mults", "macs", "adds") else f"{getattr(total, text)}"
                assert evaluated(text, values) == getattr(total, metric.replace(" ", "_"))
        layers = iter(numbers.layers)
        for row in rows:
            if row.weight == "heading":
                continue
            layer = next(layers)
            _, type, output, params, mults, *_ = row.cells
            assert type == layer.type
            assert tuple(evaluated(size, values) for size in output.split("×")) == layer.output_shape
            assert evaluated(params, values) == layer.cost.params
            assert evaluated(mults, values) == layer.cost.mults
        assert next(layers, None) is None
    assert tried >= 2


def test_names_do_not_take_those_of_symbols():
    text = "make_divisible(5 * c1, 8)"
    widths = [{"conv": {"out_channels": text, "kernel_size": 1}}, {"conv": {"out_channels": "s1", "kernel_size": 1}}]
    _, rows, footer = screen(spec(*widths, symbols={"c1": 8, "s1": 2}, input=(3, 15, 15)), ["c1", "s1"])
    assert [row.cells[2] for row in rows] == ["c2×15×15", "s1×15×15"]
    assert "c2 = make_divisible(5·c1, 8)" in footer


def test_a_size_and_what_takes_it_have_names():
    conv = {"conv": {"out_channels": 4, "kernel_size": 3, "stride": 2}}
    _, rows, footer = screen(spec(conv, "flatten", symbols={"r": 9}, input=(1, "r", "r + 8")), ["r"])
    # (r − 3)/2 rounded down and 1 more; the other axis has 4 more
    assert [row.cells[2] for row in rows] == ["4×s1×(s1 + 4)", "(4·s1² + 16·s1)"]
    assert "s1 = ⌊(r − 1)/2⌋" in footer


def test_a_total_of_many_terms_fits_where_its_names_stand_below():
    _, rows, footer = screen("mobilenet_v2", ["alpha"])
    assert footer[0] == (
        "params = 30·c1² + c1·c2 + 6·c1·c3 + 6·c1·c4 + 6·c2² + 6·c2·c3 + 18·c3² + 42·c4² + 6·c4·c5 + 30·c5² + 6·c5·c6"
        " + 30·c6² + 6·c6·c7 + c7·c9 + 280·c1 + 80·c2 + 160·c3 + 320·c4 + 240·c5 + 240·c6 + 2·c7 + 1,002·c9 + 1,000"
    )
    assert footer[5:14] == (
        *(f"c{i} = make_divisible({width}·alpha, 8)" for i, width in enumerate((32, 16, 24, 64, 96, 160, 320), 1)),
        "c8 = max(1, alpha)",
        "c9 = make_divisible(1280·c8, 8)",
    )
    assert max(len(cell) for row in rows for cell in row.cells) < 40


@pytest.mark.parametrize(
    ("name", "symbol", "text"),
    [
        ("resnet50", "r", "Where r mod 32 is 0, 29, 30 or 31, r ≥ 61."),
        ("regnet_y_400mf", "g", "Where g is 2, 4 or 8."),  # divides 48, 104, 208 and 440, and is not 1
        ("regnet_y_400mf", "w1", "Where w1 is a multiple of 8, w1 ≥ 16."),
        ("shufflenet_v1", "c", "Where c is a multiple of 12, c ≥ 36."),
        ("shufflenet_v2", "c2", "Where c2 is a multiple of 2."),
        ("mobilenet_v1", "r", "Where r ≥ 64."),
        ("densenet121", "theta", "Where c1 ≥ 1, c2 ≥ 1, c3 ≥ 1."),
    ],
)
def test_what_must_hold_is_said_shortly(name, symbol, text):
    _, _, footer = screen(name, [symbol])
    assert text in footer


def test_what_must_hold_of_widths_is_said_in_their_names():
    _, _, footer = screen("ghostnet", ["alpha"])
    names = dict(reversed(each.split(" = ")) for line in footer for each in line.split("; ") if each.startswith("c"))
    narrow, wide = names["make_divisible(80·alpha, 4)"], names["make_divisible(112·alpha, 4)"]
    assert f"Where {narrow} ≠ {wide}." in footer


@pytest.mark.no_cover
@pytest.mark.parametrize("name", shipped())
def test_what_is_said_of_a_symbol_is_what_its_conditions_are(name):
    """At each of the first 100 values and each seventh up to 1,000, where the conditions are evaluated one by one."""
    for symbol in convcost.load(name).network.symbols:
        try:
            free = convcost.analyze(name, free=[symbol]).network.free
        except ConvcostError:
            continue
        (atom,) = free.symbols[symbol].atoms()
        found = solutions(atom, list(free.conditions)) if len(free.conditions) else None
        if found is not None and atom.step is not None:
            for count in (*range(1, 100), *range(100, 1000, 7)):
                value = count * atom.step
                assert (value in found) == all(each.holds({symbol: value}) for each in free.conditions)
