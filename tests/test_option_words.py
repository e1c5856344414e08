"""Errors name options on the command line, and arguments in Python."""

from __future__ import annotations

import inspect

import pytest

import convcost
from convcost import option_words
from convcost.errors import ErrorDetail, OptionError
from convcost.option_words import in_python


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--set alpha=0.25,0.5,1", "set={'alpha': '0.25,0.5,1'}"),
        ("--set r=32, or --max-products 17 allows more", "set={'r': 32}, or max_products=17 allows more"),
        ("--set n=1:9: 100,001", "set={'n': '1:9'}: 100,001"),
        ("--set n=a b", "set={'n': 'a b'}"),
        ("--set H=… --set W=…, or --input", "set={'H': …, 'W': …}, or inputs"),
        ("--input x=1x3x8x8 --input y=…x4", "inputs={'x': (1, 3, 8, 8), 'y': (…, 4)}"),
        ("--input 1x3x8x8", "inputs=(1, 3, 8, 8)"),
        ("--input NAME=SHAPE tries others", "inputs={'NAME': SHAPE} tries others"),
        ("--input is for model files, and 'n' is a spec", "inputs is for model files, and 'n' is a spec"),
        ("leave --declare out", "leave declare out"),
        (
            "--declare 'Top K=macs:1000,output_shape:64x7x7' gives it",
            "declare={'Top K': {'macs': 1000, 'output_shape': (64, 7, 7)}} gives it",
        ),
        ("--allow-unknown counts the rest only", "allow_unknown=True counts the rest only"),
        ("without --full a tiny one", "without full=True a tiny one"),
        ("--dtype takes a type of numbers", "dtype takes a type of numbers"),
        ("--dtype int8, or --dtype 'head*:float32' for", "dtype='int8', or dtype='head*:float32' for"),
        ("--max mults=300M", "max={'mults': '300M'}"),
        ("--max: suggest cannot limit it", "max: suggest cannot limit it"),
        ("--jobs 2", "--jobs 2"),
        ("--pareto mults,params:max", "pareto=['mults', 'params:max']"),
        ("--best METRIC --top N", "best=METRIC, top=N"),
        ("--over takes a range", "over takes a range"),
        ("--over a=1/4:1, or a=1/4:1:1/32 for", "over='a=1/4:1', or a=1/4:1:1/32 for"),
        ("--density 10%", "density='10%'"),
        # what is no argument, is for a shell, or says both already
        ("--layer takes a pattern", "--layer takes a pattern"),
        ("`convcost rewrite --to NAME`, or --max-layers N", "`convcost rewrite --to NAME`, or --max-layers N"),
        ("git fetch --unshallow origin", "git fetch --unshallow origin"),
        ("--max-points N, in Python max_points=N", "--max-points N, in Python max_points=N"),
        ("a--set b", "a--set b"),
    ],
)  # fmt: skip
def test_an_option_is_an_argument(text, expected):
    assert in_python(text) == expected


def test_an_error_says_both():
    detail = ErrorDetail(
        "--dtype: no", found="--set a=1", help="leave --declare out", note="--full", source="--set a=1"
    )
    error = OptionError(detail)
    assert str(error) == "error: dtype: no\n = found: set={'a': 1}\n = note: full=True\n = help: leave declare out"
    assert error.text() == str(detail)
    assert error.details == (detail,)


def test_whoever_asks_in_python_reads_of_arguments():
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load("mobilenet_v1", set={"alpa": 1})
    assert str(caught.value).startswith("error: set: ")
    with pytest.raises(convcost.OptionError) as caught:
        convcost.analyze("mobilenet_v1", dtype="int9")
    assert str(caught.value) == "error: dtype: there is no type of numbers 'int9'\n = help: did you mean 'int8'?"


def test_each_argument_is_one_of_the_api():
    """What an option becomes is an argument of a function or method that users call."""
    functions = [value for value in vars(convcost).values() if inspect.isfunction(value)]
    functions += [value for value in vars(convcost.Model).values() if inspect.isfunction(value)]
    known = {name for function in functions for name in inspect.signature(function).parameters}
    words = [name for name, _ in option_words._VALUES.values()]
    words += [text.partition("=")[0] for text in option_words._FLAGS.values()]
    assert set(words) <= known
