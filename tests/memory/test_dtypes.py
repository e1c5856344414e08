"""Types of numbers: for all of a network, for some layers, and what is refused."""

from __future__ import annotations

import pytest

import convcost
from convcost.network import Widths
from convcost.network.widths import BITS
from convcost.spec.document import DTYPES

NET = {
    "input": [1, 2, 2],
    "layers": [
        {"conv": {"out_channels": 2, "kernel_size": 1}, "name": "stem", "repeat": 2},
        {"conv": {"out_channels": 2, "kernel_size": 1}, "name": "head", "dtype": "float16"},
    ],
}
FLOAT32, FLOAT16, INT8 = Widths(), Widths("float16", "float16", "float16"), Widths("int8", "int8", "int32")


def widths(dtype):
    return [row.layer.widths for row in convcost.memory(NET, dtype=dtype).layers]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        ((), [FLOAT32, FLOAT32, FLOAT16]),
        ("int8", [INT8, INT8, INT8]),
        ({"weights": "int4"}, [Widths("int4"), Widths("int4"), Widths("int4", "float16", "float16")]),
        ("weights=int4, activations=int8", [*[Widths("int4", "int8")] * 2, Widths("int4", "int8", "float16")]),
        (["int8", "head:float32"], [INT8, INT8, FLOAT32]),
        (["head:float32", "int8"], [INT8, INT8, INT8]),  # the last that matches wins
        (["stem:int8"], [INT8, INT8, FLOAT16]),  # all repetitions
        (["stem.2:int8"], [FLOAT32, INT8, FLOAT16]),
        (["*e*:int8", {"biases": "int16"}], [Widths("int8", "int8", "int16")] * 3),
    ],
)  # fmt: skip
def test_types_are_given(dtype, expected):
    assert widths(dtype) == expected


def test_inputs_have_the_type_of_all_activations_and_that_of_no_layer():
    assert [convcost.memory(NET, dtype=dtype).pieces[0].bytes for dtype in ("int8", "weights=int8", "*:int8")] == [
        4, 16, 16,
    ]  # fmt: skip


def test_counts_do_not_depend_on_types():
    model = convcost.load({**NET, "dtype": "int4"})
    assert model.analyze().total == convcost.load(NET).analyze().total


def test_specs_and_bytes_know_the_same_types():
    assert tuple(BITS) == DTYPES


KNOWN = f"\n = help: known: {', '.join(sorted(BITS))}"
FORM = "\n = help: --dtype int8, --dtype weights=int8,activations=int16, or --dtype 'head*:float32' for some layers"
REFUSED = {
    "int9": "there is no type of numbers 'int9'\n = help: did you mean 'int8'?",
    "weights=double": f"there is no type of numbers 'double'\n = found: weights=double{KNOWN}",
    "weight=int8": "no numbers are called 'weight'\n = found: weight=int8\n = help: did you mean 'weights'?",
    "weights=int8,weights=int4": f"weights is given twice\n = found: --dtype 'weights=int8,weights=int4'{FORM}",
    "haed:int8": "no layer matches 'haed'\n = help: did you mean 'head'?",
}
MISSHAPEN = {
    "weights=int8,int8": f"WHAT=TYPE behind a comma\n = found: --dtype 'weights=int8,int8'{FORM}",
    "head:": f"a type of numbers\n = found: --dtype 'head:'{FORM}",
    ":int8": f"a type of numbers\n = found: --dtype ':int8'{FORM}",
    "": f"a type of numbers\n = found: --dtype ''{FORM}",
}


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        *((dtype, f"error: --dtype: {message}") for dtype, message in REFUSED.items()),
        *((dtype, f"error: --dtype takes {message}") for dtype, message in MISSHAPEN.items()),
        ({"weights": 8}, f"error: --dtype: there is no type of numbers 8\n = found: {{'weights': 8}}{KNOWN}"),
    ],
)
def test_what_is_no_type_is_refused(dtype, message):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.memory(NET, dtype=dtype)
    assert caught.value.text() == message


@pytest.mark.parametrize(("option", "value"), [("batch", 0), ("align", 0), ("align", 1.5), ("batch", True)])
def test_numbers_are_whole_and_positive(option, value):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.memory(NET, **{option: value})
    assert caught.value.text() == f"error: {option} is a whole number, at least 1\n = found: {value}"
