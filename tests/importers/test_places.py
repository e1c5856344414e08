"""Errors and warnings about a model file's network, at the modules of the file."""

from __future__ import annotations

import nets
import pytest

import convcost

HELP = "a smaller kernel or stride before it, more padding, or a larger input"


def message(file, module, size):
    """Return the error of a kernel of 3 that does not fit."""
    return (
        f"error: the kernel must fit into its padded input\n --> {file}, {module}\n"
        f"  = found: kernel_size 3 does not fit into an input of {size}\n  = help: {HELP}"
    )


def without_padding(net, x, out, scope):
    """Add a convolution of 3×3 with a ReLU."""
    x = net.add("Conv", [x], out, f"{scope}.conv", [[out, net.channels[x], 3, 3], [out]])
    return net.relu(x, f"{scope}.relu")


def test_an_error_at_another_resolution_names_the_module(write):
    net = nets.Net(4, 64, 64)
    x = net.pool(net.conv("input", 8, 3, "stem.conv"), 2, "stem.pool")
    path = write(net.file(without_padding(net, x, 6, "body")))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path, set={"r": 4})
    assert str(caught.value) == message(path, "body.conv", 2)  # half of 4


def test_one_of_several_that_are_written_once(write):
    net = nets.Net(4, 64, 64)
    x = "input"
    for number in range(5):
        x = without_padding(net, x, 4, f"body.{number}")
    path = write(net.file(x))
    assert "repeat: 5" in convcost.load(path).origin.reader.source.text
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path, set={"r": 8})
    # 8, 6, 4, and the fourth has 2
    assert str(caught.value) == message(path, "one of body.0.conv, body.1.conv, body.2.conv, …", 2)


def test_a_warning_names_the_module(write):
    net = nets.Net(4, 16, 16)
    x = net.add("Conv", ["input"], 8, "stem.conv", [[8, 4, 1, 1], [8]], pads=[1, 1, 1, 1])
    model = convcost.load(write(net.file(x)))
    (warning,) = model.warnings
    assert (warning.place.line, warning.path, warning.source) == (0, "stem.conv", "")
    assert warning.message == "padding around a kernel of size 1 adds positions that see only zeros"
