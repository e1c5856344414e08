"""The sizes of inputs: given, open, and named."""

from __future__ import annotations

import onnx_writer as w
import pytest

import convcost

KERNEL = w.tensor("k", [4, 3, 3, 3])
CONV = w.node("Conv", "x k", "y", pads=[1, 1, 1, 1])


def of_shape(*shape, **recorded):
    """Return a model of one convolution with an input of this shape."""
    return w.model([CONV], {"x": list(shape)}, "y", [KERNEL], recorded)


def macs(height, width):
    """Return the macs of the convolution."""
    return height * width * 3 * 4 * 9


@pytest.mark.parametrize("inputs", [{"x": (1, 3, 10, 20)}, {"": (1, 3, 10, 20)}, {"x": [3, 10, 20]}])
def test_open_sizes_are_given(inputs, write):
    model = convcost.load(write(of_shape("N", 3, "h", "w", y=["N", 4, "h", "w"])), inputs=inputs)
    assert model.network.input_shape == (3, 10, 20)
    assert model.analyze().total.macs == macs(10, 20)


def test_other_sizes_than_the_files_are_taken_and_its_shapes_left_out(write):
    model = convcost.load(write(of_shape(10, 3, 32, 32, y=[10, 4, 32, 32])), inputs={"": (1, 3, 64, 48)})
    assert model.analyze().total.macs == macs(64, 48)


def test_sizes_that_only_fill_open_axes_are_still_compared_with_the_files_shapes(write):
    path = write(of_shape("N", 3, "h", "w", y=["N", 4, "h", 9]))
    with pytest.raises(convcost.SpecError, match=r"gives \[4, 10, 20\]"):
        convcost.load(path, inputs={"": (1, 3, 10, 20)})


def test_axes_without_a_name_are_named(write):
    for shape, symbols in (
        (["N", 3, "", ""], {"H", "W"}),
        ([1, 3, 8, ""], {"W"}),
    ):
        path = write(of_shape(*shape))
        assert set(convcost.load(path, free=()).network.free.symbols) == symbols
    assert convcost.load(path, set={"W": 20}).analyze().total.macs == macs(8, 20)


def test_sizes_that_several_inputs_share(write):
    nodes = [w.node("Add", "a b", "y")]
    path = write(w.model(nodes, {"a": ["N", 3, "h"], "b": ["N", 3, "h"]}, "y"))
    assert convcost.load(path, inputs={"a": (1, 3, 7)}).network.inputs[1].shape == (3, 7)
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, inputs={"a": (1, 3, 7), "b": (1, 3, 8)})
    assert caught.value.details[0].found == "'h' is 7 and 8"


@pytest.mark.parametrize(
    ("inputs", "message", "help"),
    [
        ({"y": (1, 3, 8, 8)}, "the model has no input 'y'", "known: x"),
        ({"x": (3, 8)}, "the input 'x' has 4 axes, the first for the batch", "it is 1×3×8×8"),
        ({"x": (1, 3, 8, 0)}, "the shape of the input 'x' is 1 to 8 whole numbers from 1 to 10**15",
         "such as --input x=1x3x224x224"),
        ({"x": "1x3"}, "the shape of the input 'x' is 1 to 8 whole numbers from 1 to 10**15",
         "such as --input x=1x3x224x224"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit(inputs, message, help, write):
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(write(of_shape(1, 3, 8, 8)), inputs=inputs)
    assert (caught.value.details[0].message, caught.value.details[0].help) == (message, help)


def test_a_name_is_needed_where_there_are_several(write):
    path = write(w.model([w.node("Add", "a b", "y")], {"a": [1, 3], "b": [1, 3]}, "y"))
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, inputs={"": (1, 4)})
    assert str(caught.value) == (
        f"error: the model has 2 inputs\n --> {path}\n  = help: --input NAME=1x4; its inputs: a, b"
    )


def test_a_spec_takes_no_input(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text("input: [3]\nlayers: [relu]\n")
    with pytest.raises(convcost.OptionError) as caught:
        convcost.load(path, inputs={"": (1, 3)})
    assert caught.value.details[0].help == "--set gives the symbols of a spec their values"


def test_layers_that_depend_on_open_sizes_say_which_to_give(write, refused):
    nodes = [
        w.node("Shape", "x", "s"),
        w.node("Gather", "s two", "h"),
        w.node("Concat", "one h ten three", "shape", axis=0),
        w.node("Reshape", "x shape", "y"),
    ]
    numbers = [w.tensor(name, [1], [value], w.INT64) for name, value in
               {"one": 1, "two": 2, "three": 3, "ten": 10}.items()]  # fmt: skip
    assert refused(w.model(nodes, {"x": ["N", 3, "h", 10]}, "y", numbers)).splitlines()[-1] == (
        "  = help: give them: --input x=1x3x224x10"
    )
