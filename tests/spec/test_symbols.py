"""Symbols: defaults, facts, and what `--set` may make of them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import convcost
from convcost.errors import FormulaError, OptionError
from convcost.network import Network
from convcost.spec import Source, Spec

Shapes = Callable[..., list[tuple[str, tuple[int, ...]]]]
Load = Callable[..., Network]
ErrorCollector = Callable[..., list[tuple[str, int, int]]]

ALPHA = """
    symbols: {alpha: 1, r: {value: 224, multiple_of: 32}, classes: 10}
    input: [3, r, r]
    layers:
      - conv: {out_channels: "make_divisible(32 * alpha, 8)", kernel_size: 3, stride: 2, padding: 1}
      - global_avg_pool
      - flatten
      - linear: {out_features: classes}
    """


def refused(load: Load, text: str, **settings: Any) -> str:
    with pytest.raises(OptionError) as caught:
        load(text, **settings)
    return caught.value.text()


def test_a_setting_goes_before_the_default(shapes: Shapes) -> None:
    assert shapes(ALPHA)[0][1] == (32, 112, 112)
    assert shapes(ALPHA, alpha="0.5", r=96, classes=" 3 ")[0][1] == (16, 48, 48)
    assert shapes(ALPHA, classes=3)[-1][1] == (3,)


@pytest.mark.parametrize(
    ("setting", "channels"),
    [
        (0.75, 24),
        ("3/4", 24),
        ("1 - 1/4", 24),
        (Fraction(3, 4), 24),
        ("75e-2", 24),
        (2, 64),
        ("2 ** 3", 256),
        (0.35, 16),
    ],
)
def test_a_setting_is_a_number_or_an_expression(setting: Any, channels: int, load: Load) -> None:
    # 32 · 0.35 = 11.2 → 16: 8 would lose more than a tenth
    assert load(ALPHA, alpha=setting).layers[0].output_shape[0] == channels


def test_the_network_knows_the_values_of_its_symbols(load: Load) -> None:
    assert load(ALPHA, alpha="0.5").symbols == {"alpha": Fraction(1, 2), "r": 224, "classes": 10}
    assert load("symbols: {a: relu, b: true, N: }\ninput: [3]\nlayers: [relu]\n").symbols == {"a": "relu", "b": True}


def test_a_default_may_use_earlier_symbols_and_follows_what_is_set(load: Load) -> None:
    text = "symbols: {a: 2, b: a * 3, c: b + a}\ninput: [c]\nlayers: [relu]\n"
    assert load(text).input_shape == (8,)
    assert load(text, a=1).input_shape == (4,)
    assert load(text, b=1).input_shape == (3,)


@pytest.mark.parametrize("symbols", ["{M: N + 1, N: 2}", "{M: M + 1}", "{M: in_channels}"])
def test_a_default_sees_no_later_symbol(symbols: str, errors: ErrorCollector) -> None:
    ((message, line, column),) = errors(f"symbols: {symbols}\ninput: [3]\nlayers: [relu]\n")
    assert message.startswith(("there is no", "'N'", "'M'", "in_channels"))
    assert (line, column) == (1, 14)


def test_a_symbol_without_a_value_may_be_set(load: Load, errors: ErrorCollector) -> None:
    text = "symbols:\n  N:\n  M: {multiple_of: 2}\ninput: [3, N]\nlayers: [relu]\n"
    assert load(text, N=5).input_shape == (3, 5)
    assert errors(text) == [("the symbol 'N' has no value", 2, 3)]
    assert load(text, N=5, M=4).symbols == {"N": 5, "M": 4}


def test_a_symbol_without_a_value_is_told_once_however_often_it_is_used(errors: ErrorCollector) -> None:
    text = """\
        symbols: {N: , K: }
        input: [3, N, N]
        layers:
          - conv: {out_channels: N, kernel_size: K}
          - {relu: , repeat: N}
          - {relu: , if: N > 2}
        """
    assert errors(text) == [("the symbol 'N' has no value", 1, 11), ("the symbol 'K' has no value", 1, 16)]


def test_a_symbol_may_hold_a_word_or_a_truth_value(load: Load) -> None:
    text = """
        symbols: {nl: relu, wide: false, p: same}
        input: [3, 8, 8]
        layers:
          - conv: {out_channels: 4, kernel_size: 3, activation: nl, bias: wide, padding: p}
          - {tanh: , if: wide and nl == relu}
        """
    assert [layer.type for layer in load(text).layers] == ["conv", "relu"]
    assert [layer.type for layer in load(text, wide=True).layers] == ["conv", "relu", "tanh"]
    assert [layer.type for layer in load(text, wide="true", nl="silu").layers] == ["conv", "silu"]
    assert load(text, p="valid").layers[0].output_shape == (4, 6, 6)


# multiple_of


@pytest.mark.parametrize("r", [32, "32 * 7", 0.5e2 * 64, 3200])
def test_a_multiple_is_accepted(r: Any, load: Load) -> None:
    load(ALPHA, r=r)


@pytest.mark.parametrize(
    ("r", "nearest"),
    [(100, "96 and 128"), ("33", "32 and 64"), ("32.5", "32 and 64"), ("1/3", "0 and 32"), (-1, "-32 and 0")],
)
def test_what_is_no_multiple_is_refused_with_the_nearest(r: Any, nearest: str, load: Load) -> None:
    assert refused(load, ALPHA, r=r) == (
        f"error: r must be a multiple of 32\n = found: --set r={r}\n = help: {nearest} are the nearest"
    )


def test_multiple_of_may_be_a_fraction(load: Load) -> None:
    text = "symbols: {a: {value: 1, multiple_of: 1/32}}\ninput: [3]\nlayers: [relu]\n"
    assert load(text, a=0.75).symbols["a"] == Fraction(24, 32)
    assert refused(load, text, a=0.3).startswith("error: a must be a multiple of 1/32\n")


def test_multiple_of_may_be_a_formula_in_earlier_symbols(load: Load, errors: ErrorCollector) -> None:
    text = "symbols: {n: 4, a: {value: 8, multiple_of: n * 2}}\ninput: [3]\nlayers: [relu]\n"
    assert load(text).symbols["a"] == 8
    assert refused(load, text, a=4).startswith("error: a must be a multiple of 8\n")
    assert errors(text, n=3) == [("a must be a multiple of 6", 1, 28)]


@pytest.mark.parametrize("value", ["true", "relu"])
def test_a_multiple_is_a_number(value: str, load: Load, errors: ErrorCollector) -> None:
    assert refused(load, ALPHA, r=value).startswith("error: r must be a multiple of 32\n")
    text = f"symbols: {{a: {{value: {value}, multiple_of: 2}}}}\ninput: [3]\nlayers: [relu]\n"
    assert errors(text) == [("a must be a multiple of 2", 1, 22)]


@pytest.mark.parametrize("multiple", ["true", "relu", "0", "-2"])
def test_multiple_of_is_a_number_above_0(multiple: str, errors: ErrorCollector) -> None:
    text = f"symbols: {{a: {{value: 8, multiple_of: {multiple}}}}}\ninput: [3]\nlayers: [relu]\n"
    assert errors(text) == [("multiple_of is a number greater than 0", 1, 38)]


# settings


def test_an_unknown_setting_suggests_the_nearest_symbol(load: Load) -> None:
    assert refused(load, ALPHA, alhpa=1) == (
        "error: --set: net.yaml has no symbol 'alhpa'\n = help: did you mean 'alpha'?"
    )
    text = "input: [3]\nlayers: [relu]\n"
    assert refused(load, text, x=1) == "error: --set: net.yaml has no symbol 'x'\n = help: it declares no symbols"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("", "this is not an expression"),
        ("x", "the value of 'alpha' cannot depend on x"),
        ("classes", "the value of 'alpha' cannot depend on classes"),
        ("in_channels", "the value of 'alpha' cannot depend on in_channels"),
        ("1 / 0", "a division by zero"),
        ("9**9**9", "a power is astronomically large or small"),
        ("012", "012 is not a number"),
        ("(1", "a parenthesis is not balanced"),
        ("True", "the value of 'alpha' cannot depend on True"),
        (None, "the value of 'alpha' cannot depend on None"),
        (float("nan"), "the value of 'alpha' cannot depend on nan"),
        (float("inf"), "the value of 'alpha' cannot depend on inf"),
        ([1, 2], "alpha is no list"),
        ("1\x1b[31m", "this is not an expression"),
    ],
)
def test_a_setting_that_is_no_value_is_refused(setting: Any, message: str, load: Load) -> None:
    told = refused(load, ALPHA, alpha=setting)
    assert told.startswith(f"error: {message}\n = found: --set alpha=")
    assert "\x1b" not in told


def test_an_astronomic_setting_is_refused(load: Load) -> None:
    for setting in (10**5_000, "9" * 5_000, "1e999"):
        told = refused(load, ALPHA, alpha=setting)
        assert "astronomically" in told
        assert len(told) < 500


def test_all_wrong_settings_are_told_at_once(load: Load) -> None:
    told = refused(load, ALPHA, alpha="x", r=5, beta=1, classes="(")
    assert told.count("error: ") == 4


def test_a_setting_that_the_network_cannot_take_is_told_where_it_is_used(errors: ErrorCollector) -> None:
    assert errors("symbols: {n: 4}\ninput: [n]\nlayers: [relu]\n", n=-1) == [
        ("a size of the input is a whole number from 1 to 10**15", 2, 9)
    ]


def test_the_api_takes_settings_by_name() -> None:
    mapping = {"symbols": {"n": 4}, "input": ["n"], "layers": ["relu"]}
    assert convcost.load(mapping, set={"n": 7}).network.input_shape == (7,)
    assert convcost.load(mapping).network.input_shape == (4,)


@pytest.mark.parametrize(
    ("rest", "message", "place", "path"),
    [
        (
            "}\ninput: [1, 9, 9]\nlayers: [{conv: {out_channels: (a+b+c+1)**17 * (d+1)**9, kernel_size: 1}}]",
            "a formula has at most 10,000 terms",
            (3, 32),
            "layers[0]",
        ),
        (
            "}\ninput: [(a+b+c+d+1)**25, 9, 9]\nlayers: [relu]",
            "a power of a formula has at most 10,000 terms",
            (2, 8),
            "input",
        ),
        (
            ", s: (a+b+c+d+1)**25}\ninput: [s, 9, 9]\nlayers: [relu]",
            "a power of a formula has at most 10,000 terms",
            (1, 34),
            "symbols.s",
        ),
        (
            "}\ninput: [1, 9, 9]\nlayers: [relu, {conv: {out_channels: a**31, kernel_size: 1}}]",
            "the exponents of a formula add up to at most 30",
            (3, 38),
            "layers[1]",
        ),
        (
            "}\ninput: [a**30, 9, 9]\nlayers: [{depthwise_conv: {kernel_size: 1, depth_multiplier: a}}]",
            "the exponents of a formula add up to at most 30",
            (3, 11),
            "layers[0]",
        ),
        (
            "}\ninput: [a, 9, 9]\nlayers: [{depthwise_conv: {kernel_size: 1, depth_multiplier: 1e15}, repeat: 20}]",
            "a number of a formula has at most 512 bits",
            (3, 11),
            "layers[0]",
        ),
    ],
)
def test_a_formula_that_is_too_large_is_told_where_it_is_written(
    rest: str, message: str, place: tuple[int, int], path: str
) -> None:
    with pytest.raises(FormulaError) as caught:
        Spec(Source("net.yaml", "symbols: {a: , b: , c: , d: " + rest + "\n")).network({}, [])
    (detail,) = caught.value.details
    assert detail.place is not None
    assert (detail.message, (detail.place.line, detail.place.column), detail.path) == (message, place, path)
    assert detail.help == "give symbols values, or let fewer of them stay free"


def test_a_network_whose_cost_is_too_large_a_formula_says_so() -> None:
    first = {"conv": {"out_channels": "(a+b+c+9)**15", "kernel_size": "1", "bias": "false"}}  # (18 over 3) = 816 terms
    second = {"conv": {"out_channels": "(a+b+c+8)**15", "kernel_size": "1", "bias": "false"}}
    names = {name: {"value": 1, "multiple_of": 1} for name in "abc"}
    small = convcost.load({"symbols": names, "input": [1, 2, 2], "layers": [first, "relu"]}, free="abc")
    assert len(small.analyze().total.params.terms) == 816  # type: ignore[attr-defined]  # it is a formula
    layers = [first, second, first, second]
    large = convcost.load({"symbols": names, "input": [1, 2, 2], "layers": layers}, free="abc")
    with pytest.raises(FormulaError) as caught:  # 816 · 816 products, and again
        large.analyze()
    assert caught.value.text().splitlines()[:2] == [
        "error: formulas are worked out within 1,000,000 terms",
        " --> <mapping>",
    ]


LIST = """
    symbols: {widths: [16, 24], deep: 2}
    input: [3, 4, 4]
    layers:
      - conv: {out_channels: widths(i), kernel_size: 1}
        repeat: {times: len(widths), index: i}
    """


@pytest.mark.parametrize("given", [[8, "3 * 4", 5], (8, 12, 5), "[8, 3 * 4,5]", " [8,12,5] "])
def test_a_list_is_set_as_a_list(given: Any, load: Load) -> None:
    network = load(LIST, widths=given)
    assert [layer.output_shape[0] for layer in network.layers] == [8, 12, 5]
    assert network.symbols["widths"] == [8, 12, 5]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[8, deep]", "the value of 'widths' cannot depend on deep"),
        ("[]", "this is not an expression"),
        ("[8,, 9]", "this is not an expression"),
    ],
)
def test_a_list_that_cannot_be_set_is_shown_whole(given: str, message: str, load: Load) -> None:
    with pytest.raises(OptionError) as caught:
        load(LIST, widths=given)
    assert caught.value.text().splitlines() == [f"error: {message}", f" = found: --set widths={given}"]


def test_a_number_for_a_list_is_refused(load: Load) -> None:
    with pytest.raises(OptionError) as caught:
        load(LIST, widths="8")
    assert caught.value.text() == "error: widths is a list\n = found: --set widths=8\n = help: --set widths=[8]"


def test_a_symbol_without_a_default_may_become_a_list(load: Load) -> None:
    text = LIST.replace("widths: [16, 24]", "widths: ")
    assert [layer.output_shape[0] for layer in load(text, widths="[8, 9]").layers] == [8, 9]
