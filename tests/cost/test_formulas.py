"""The layer types' formulas, derived from their code, against the formulas of the papers and against numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import convcost
from convcost.cost.formulas import quotients, sheets
from convcost.cost.layer_formulas import of_layer, texts
from convcost.errors import OptionError
from convcost.layers import REGISTRY
from convcost.ops import is_symbolic
from convcost.symbolic import symbol

M, N, g, m, Dk, Di, Dp = [symbol(name, whole=True) for name in ("M", "N", "g", "m", "Dk", "Di", "Dp")]


def only(type, variant=""):
    (sheet,) = [sheet for sheet in sheets([type]) if sheet.variant == variant]
    return sheet


def test_every_layer_type_has_formulas():
    assert {sheet.type for sheet in sheets()} == set(REGISTRY)


def test_a_convolution():  # Howard et al. 2017, equation 2, and groups
    sheet = only("conv")
    assert sheet.cost.mults == sheet.cost.adds == Dk**2 * M * N / g * Dp**2
    assert sheet.cost.params == Dk**2 * M * N / g
    assert sheet.extra["bias"].params == N
    assert sheet.channels == N
    s, p, d = symbol("s", whole=True), symbol("p", whole=True, minimum=0), symbol("d", whole=True)
    assert sheet.size == (Di + 2 * p - d * (Dk - 1) - 1) // s + 1
    assert sheet.conditions == ("Di + d + 2·p ≥ Dk·d + 1", "M/g is whole", "N/g is whole")


def test_a_separable_convolution():  # Howard et al. 2017, equation 5, with a depth multiplier
    sheet = only("separable_conv")
    assert sheet.cost.mults == Dp**2 * m * M * Dk**2 + Dp**2 * m * M * N
    assert sheet.cost.params == m * M * Dk**2 + m * M * N
    assert sheet.extra["bias"].params == m * M + N


def test_a_transposed_convolution_counts_its_input():  # Dumoulin and Visin 2016, chapter 4
    sheet = only("transposed_conv")
    assert sheet.cost.mults == Di**2 * M * N / g * Dk**2
    assert str(sheet.size) == "Di·s + Dk·d − d + o − 2·p − s + 1"


def test_norms_and_activations():
    assert texts(only("softmax").cost) == {
        "params": "0",
        "mults": "0",
        "adds": "2·Dp²·M",
        "div": "Dp²·M",
        "cmp": "Dp²·M − Dp²",
        "exp": "Dp²·M",
    }
    norm = only("layer_norm")
    assert norm.cost.adds == Dp**2 * (3 * M + 1)
    assert norm.extra["affine"].mults == Dp**2 * M
    assert only("batch_norm").cost.buffers == 2 * M
    assert only("max_pool").cost.ops.cmp == Dp**2 * M * (Dk**2 - 1)
    assert only("upsample", "bilinear").cost.mults == 4 * Dp**2 * M
    assert only("gelu", "tanh").cost.mults == 6 * Dp**2 * M


def test_the_ratios_are_those_of_the_papers():
    told = {each.name: (str(each.mults), str(each.params)) for each in quotients()}
    assert told == {
        "separable": ("1/N + 1/Dk²", "1/N + 1/Dk²"),
        "separable, Dkh × Dkw": ("1/N + 1/(Dkh·Dkw)", "1/N + 1/(Dkh·Dkw)"),
        "separable, multiplier m": ("m/N + m/Dk²", "m/N + m/Dk²"),
        "separable, with biases": ("1/N + 1/Dk²", "(Dk²·M + M·N + M + N)/(Dk²·M·N + N)"),
        "grouped": ("1/g", "1/g"),
        "depthwise stage": ("1/N", "1/N"),
    }


def test_values_take_the_symbols_places():
    values = {"M": 3, "N": 256, "Dk": 5, "Di": 12, "s": 1, "p": 0, "d": 1, "g": 1}
    (sheet,) = sheets(["conv"], values)
    assert (sheet.channels, sheet.size) == (256, 8)
    assert sheet.cost.mults == 8 * 8 * 256 * 3 * 5 * 5  # 1,228,800
    assert quotients(values)[0].mults == Fraction(1, 256) + Fraction(1, 25)


sizes = st.integers(1, 40)


def symbols_in(sheet):
    """Return the names of the symbols on which a type's costs depend."""
    costs = [sheet.cost.params, *sheet.cost.ops.to_dict().values()]
    return {name for cost in costs if is_symbolic(cost) for name in cost.symbols}


@given(st.sampled_from(sorted(set(REGISTRY) - {"slice", "separable_conv"})), st.data())
def test_each_formula_is_what_the_layer_counts(type, data):
    g = data.draw(st.integers(1, 4))
    values = {
        "M": g * 36,
        "N": g * data.draw(sizes),
        "Di": data.draw(st.integers(9, 40)),
        "Dk": data.draw(st.integers(2, 4)),
        "s": data.draw(st.integers(2, 4)),
        "p": data.draw(st.integers(0, 1)),
        "d": data.draw(st.integers(1, 2)),
        "g": g,
        "m": data.draw(sizes),
        "o": 1,
        "n": data.draw(sizes),
        "u": data.draw(st.integers(1, 3)),
    }
    more = {name for sheet in sheets([type]) for name in symbols_in(sheet)} - values.keys() - {"Dp"}
    values |= {name: data.draw(st.integers(1, 6), name) for name in sorted(more)}
    for sheet in sheets([type]):
        (number,) = [each for each in sheets([type], values | {"Dp": 7}) if each.variant == sheet.variant]
        at = values | {"Dp": number.size if sheet.size is not None else 7}
        if type != "adaptive_avg_pool":
            (number,) = [each for each in sheets([type], at) if each.variant == sheet.variant]
        else:
            at["Dp"] = 7
        for kind, count in sheet.cost.ops.to_dict().items():
            assert count.evaluate(at) == getattr(number.cost.ops, kind)
        if not isinstance(sheet.cost.params, int):
            assert sheet.cost.params.evaluate(at) == number.cost.params
        if sheet.size is not None and not isinstance(sheet.size, int):
            assert sheet.size.evaluate(at) == number.size


@pytest.mark.parametrize(
    ("types", "settings", "message"),
    [
        (["cov"], {}, "did you mean 'conv'"),
        (["conv"], {"Q": 1}, "there is no symbol 'Q'"),
        (["conv"], {"N": 0}, "N is at least 1"),
        (["conv"], {"M": 4, "g": 3}, "groups must divide in_channels"),
        (["conv"], {"Di": 2, "Dk": 3, "p": 0, "d": 1}, "the kernel must fit"),
    ],
)
def test_what_cannot_be_is_told(types, settings, message):
    with pytest.raises(OptionError, match=message):
        sheets(types, settings)


@pytest.mark.parametrize("shape", [(5,), (5, 7), (5, 7, 8)])
@pytest.mark.parametrize("type", ["layer_norm", "rms_norm", "l2_normalize", "softmax", "scale", "prelu", "batch_norm"])
def test_a_formula_of_a_layer_along_its_channels(type, shape):
    """With numbers for its symbols it is what the layer counts."""
    (layer,) = convcost.load({"input": list(shape), "layers": [{type: {"axis": 0}}]}).network.layers
    values = {"M": 5, "Dp": 7, "Di": 7, "Dph": 7, "Dpw": 8, "Dih": 7, "Diw": 8}
    found = {
        name: eval(text.replace("·", "*").replace("−", "-").replace("²", "**2"), {}, values)  # noqa: S307 -- our own text
        for name, text in of_layer(layer).items()
    }
    cost = layer.cost()
    ops = cost.ops.to_dict()
    assert found == {"params": cost.params, "mults": ops.pop("mul", 0), "adds": ops.pop("add", 0), **ops}
