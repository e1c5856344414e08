"""Streaming networks of TensorFlow Lite files, which keep states between two runs."""

from __future__ import annotations

import tflite_writer as w
from tflite_models import counted, imported, items, refusal

TAPS, CHANNELS = 5, 8


def handle(file, name, at="", named=True):
    """Add a handle of a variable; the name of its tensor is `at`, or the variable's."""
    file.value(at or name, [], w.RESOURCE)
    file.add("VAR_HANDLE", [], [at or name], **({"f1": name} if named else {}))


def streamed(*, handles=("past",), named=True, again=False):
    """Return a file that filters the last 5 values of 8 channels, of which it keeps 4; `again` reads them once more."""
    file = w.File()
    file.input("x", [1, 1, 1, CHANNELS])
    for name in handles:
        handle(file, "past", name, named)
    file.value("old", [1, TAPS - 1, 1, CHANNELS])
    file.add("READ_VARIABLE", [handles[0]], ["old"])
    file.value("all", [1, TAPS, 1, CHANNELS])
    file.add("CONCATENATION", ["old", "x"], ["all"], f0=w.i32(1))
    file.value("kept", [1, TAPS - 1, 1, CHANNELS])
    cut = [file.numbers(0, 1, 0, 0), file.numbers(1, TAPS, 1, CHANNELS), file.numbers(1, 1, 1, 1)]
    file.add("STRIDED_SLICE", ["all", *cut], ["kept"])
    file.add("ASSIGN_VARIABLE", [handles[-1], "kept"], [])
    kernel = file.constant("k", [1, TAPS, 1, CHANNELS])
    file.value("y", [1, 1, 1, CHANNELS])
    file.add("DEPTHWISE_CONV_2D", ["all", kernel, -1], ["y"], f0=w.i8(1), f1=w.i32(1), f2=w.i32(1))
    if again:
        file.value("new", [1, TAPS - 1, 1, CHANNELS])
        file.add("READ_VARIABLE", [handles[0]], ["new"])
        file.value("z", [1, TAPS - 1, 1, CHANNELS])
        file.add("LOGISTIC", ["new"], ["z"])
    return file.bytes(["y", "z", "new"] if again else ["y"])


def shapes(content):
    """Return the shapes of what a network takes and gives."""
    model = imported(content).model
    return {name: tensor.shape for name, tensor in model.inputs.items()}, [each.shape for each in model.outputs]


def test_a_state_is_an_input_and_an_output():
    content = streamed()
    past = (CHANNELS, TAPS - 1, 1)  # with the channels first
    assert shapes(content) == ({"x": (CHANNELS, 1, 1), "past": past}, [(CHANNELS, 1, 1), past])
    assert (counted(content).params, counted(content).macs) == (TAPS * CHANNELS, TAPS * CHANNELS)
    assert imported(content).text.splitlines()[1] == (
        "# 1 state that it keeps between two runs, of 32 numbers, is an input and an output"
    )


def test_two_handles_of_one_name_are_one_state():
    assert shapes(streamed(handles=("read", "set"))) == shapes_with(streamed(), past="read")


def shapes_with(content, **names):
    given, gives = shapes(content)
    return {names.get(name, name): shape for name, shape in given.items()}, gives


def test_a_state_without_a_name_is_that_of_its_handle():
    assert shapes(streamed(named=False)) == shapes(streamed())
    assert refusal(streamed(handles=("read", "set"), named=False)).startswith(
        "error: the operator tflite.VAR_HANDLE has no layer type"
    )


def test_a_state_that_is_read_behind_what_sets_it_is_what_it_was_set_to():
    given, gives = shapes(streamed(again=True))
    assert [*given] == ["x", "past"]
    # the sigmoid of what is kept, and that itself
    assert gives == [(CHANNELS, 1, 1), (CHANNELS, TAPS - 1, 1), (CHANNELS, TAPS - 1, 1)]
    assert items(streamed(again=True))[-1] == "sigmoid"


def added(*, is_set):
    """Return a file that adds a variable, which it sets to what it is, or does not set."""
    file = w.File()
    file.input("x", [1, 4])
    handle(file, "table")
    file.value("old", [1, 4])
    file.add("READ_VARIABLE", ["table"], ["old"])
    if is_set:
        file.add("ASSIGN_VARIABLE", ["table", "old"], [])
    file.value("y", [1, 4])
    file.add("ADD", ["x", "old"], ["y"])
    return file.bytes(["y"])


def test_a_variable_that_nothing_sets_is_no_state():
    assert "tflite.READ_VARIABLE has no layer type" in refusal(added(is_set=False))


def test_a_state_that_stays_what_it_is_is_no_output():
    assert shapes(added(is_set=True)) == ({"x": (4,), "table": (4,)}, [(4,)])
