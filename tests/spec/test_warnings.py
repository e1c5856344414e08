"""Warnings: what is valid and rarely meant, each condition with its place, and nothing else."""

from __future__ import annotations

from textwrap import dedent

import pytest

import convcost
from convcost import spec
from convcost.errors import Place
from convcost.network import Network, NetworkBuilder
from convcost.spec.source import Source, shipped
from convcost.spec.warnings import input_warning, unread_layers


def warnings(text, **settings):
    """Return the warnings of a spec."""
    return spec.load(Source("net.yaml", dedent(text)), settings).warnings


def told(text, **settings):
    """Return the message, line and column of each warning of a spec."""
    return [(each.message, each.place.line, each.place.column) for each in warnings(text, **settings)]


@pytest.mark.parametrize("name", shipped())
def test_no_shipped_spec_warns(name):
    model = convcost.load(name)
    assert model.warnings == ()
    numbers = {name: value for name, value in model.network.symbols.items() if type(value) is int}
    assert convcost.load(name, set=numbers).warnings == ()  # every symbol changes something
    assert model.analyze().to_dict()["warnings"] == []


def test_the_whole_message():
    (warning,) = warnings("symbols: {a: 1}\ninput: [3, 8, 8]\nlayers: [relu]\n")
    assert str(warning) == (
        "warning: nothing reads the symbol 'a'\n"
        " --> net.yaml:1:11, symbols.a\n"
        "  |\n"
        "1 | symbols: {a: 1}\n"
        "  |           ^\n"
        "  = help: remove it, or read it"
    )
    error = warning.as_error()
    assert str(error) == str(warning).replace("warning:", "error:", 1)
    assert (error.place, error.path, error.help) == (Place("net.yaml", 1, 11), "symbols.a", "remove it, or read it")


def test_symbols_that_nothing_reads():
    text = """\
        symbols:
          unit: 2
          width: 3
          half: width / 2
          step: {value: 8, multiple_of: unit}
          gone:
          kept: 1
        input: [width, step, step]
        layers:
          - {relu: , if: kept == 1}
        """
    assert told(text) == [("nothing reads the symbol 'half'", 4, 3), ("nothing reads the symbol 'gone'", 6, 3)]


@pytest.mark.parametrize(
    "use",
    [
        "input: [a, 4, 4]\nlayers: [relu]",
        "input: [1, 4, 4]\nlayers: [{conv: {out_channels: 2 * a, kernel_size: 1}}]",
        "input: [1, 4, 4]\nlayers: [{conv: {out_channels: 2, kernel_size: [a, 1]}}]",
        "input: [1, 4, 4]\nlayers: [{pad: {padding: [[a, 1], 2]}}]",
        "input: [1, 4, 4]\nlayers: [{relu: , repeat: a}]",
        "input: [1, 4, 4]\nlayers: [{relu: , if: a > 0}]",
        "input: [1, 4, 4]\ndefaults: {conv: {kernel_size: a}}\nlayers: [{conv: {out_channels: 2}}]",
        "input: [1, 4, 4]\nlayers: [{conv: {out_channels: 2, kernel_size: 1, norm: {group_norm: {num_groups: a}}}}]",
        "input: [1, 4, 4]\nlayers: [{residual: {body: [relu], shortcut: [{relu: , repeat: a}]}}]",
        "input: [1, 4, 4]\nlayers: [{concat: [[], [{relu: , repeat: a}]]}]",
        "input: [1, 4, 4]\nblocks: {b: {params: {p: a}, layers: [{relu: , repeat: p}]}}\nlayers: [b]",
        "input: [1, 4, 4]\nblocks: {b: {params: {p: 1}, layers: [{relu: , repeat: p}]}}\nlayers: [b: {p: a}]",
        "input: [1, 4, 4]\nblocks: {b: {layers: [{relu: , repeat: a}]}}\nlayers: [b]",
        "input: [1, 4, 4]\nblocks: {b: {params: {a: a}, layers: [{relu: , repeat: a}]}}\nlayers: [b]",
        "input: [1, 4, 4]\nblocks: {b: {params: {a: a, c: a}, layers: [{relu: , repeat: c}]}}\nlayers: [b]",
    ],
)
def test_a_symbol_that_is_read_anywhere_is_no_warning(use):
    assert told(f"symbols: {{a: 1}}\n{use}\n") == []
    assert told(f"symbols: {{a: 2}}\n{use}\n", a=1) == []


def test_a_parameter_of_the_same_name_hides_a_symbol():
    text = (
        "symbols: {a: 1}\ninput: [1, 4, 4]\nblocks: {b: {params: {a: 2}, layers: [{relu: , repeat: a}]}}\nlayers: [b]"
    )
    assert told(text) == [("nothing reads the symbol 'a'", 1, 11)]


def test_setting_a_symbol_that_changes_nothing():
    text = "symbols: {a: 1, b: 2 * a, c: 3, d: c}\ninput: [d, 4, 4]\nlayers: [relu]\n"
    dead = "nothing reads the symbol 'b'"
    assert told(text) == [(dead, 1, 17)]  # b reads a
    assert told(text, a=5) == [("setting the symbol 'a' changes nothing", 1, 11), (dead, 1, 17)]
    assert told(text, b=5) == [("setting the symbol 'b' changes nothing", 1, 17)]
    assert told(text, c=5) == [(dead, 1, 17)]  # the input reads d, which reads c
    assert told(text, c=5, d=6) == [(dead, 1, 17), ("setting the symbol 'c' changes nothing", 1, 27)]
    assert [each.help for each in warnings(text, c=5, d=6)] == [
        "remove it, or read it",
        "what depends on it is set itself, or read by nothing",
    ]


def test_blocks_and_parameters_that_nothing_reads():
    text = """\
        input: [3, 8, 8]
        blocks:
          used: {params: {p: 1, q: 2, r: q}, layers: [{relu: , repeat: p}]}
          inner: {layers: [used]}
          unused: {layers: [inner]}
        layers:
          - used: {q: 3}
        """
    assert [(each.message, each.place.line, each.place.column, each.path) for each in warnings(text)] == [
        ("nothing reads the parameter 'r'", 3, 31, "blocks.used.params"),  # r reads q
        ("nothing uses the block 'unused'", 5, 3, "blocks.unused"),  # which uses `inner`
    ]


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("kernel_size: 1, padding: 1", "padding: 1"),
        ("kernel_size: 1, padding: [[0, 1], 0]", "padding: [[0, 1], 0]"),
        ("kernel_size: [1, 3], padding: 1", "padding: 1"),
        ("kernel_size: [3, 1], padding: [0, 2]", "padding: [0, 2]"),
    ],
)
def test_padding_on_a_kernel_of_size_1(field, found):
    (warning,) = warnings(f"input: [3, 8, 8]\nlayers:\n  - conv: {{out_channels: 4, {field}}}\n")
    assert warning.message == "padding around a kernel of size 1 adds positions that see only zeros"
    assert (warning.place, warning.path, warning.found) == (Place("net.yaml", 3, 5), "conv_1", found)
    assert told(f"input: [3, 8, 8]\nlayers: [depthwise_conv: {{{field}}}]\n") == [(warning.message, 2, 10)]


@pytest.mark.parametrize(
    "layer",
    [
        "conv: {out_channels: 4, kernel_size: 1}",
        "conv: {out_channels: 4, kernel_size: 1, padding: same}",
        "conv: {out_channels: 4, kernel_size: 1, padding: valid}",
        "conv: {out_channels: 4, kernel_size: [1, 3], padding: [0, 1]}",
        "conv: {out_channels: 4, kernel_size: 3, padding: 1}",
        "transposed_conv: {out_channels: 4, kernel_size: 1, padding: 1}",  # which crops
        "separable_conv: {out_channels: 4, kernel_size: 3, padding: 1}",  # its pointwise stage has no padding
    ],
)
def test_other_paddings_are_no_warning(layer):
    assert told(f"input: [3, 8, 8]\nlayers: [{layer}]\n") == []


def test_a_default_padding_is_one_warning_with_all_of_its_lines():
    lines = "".join("  - conv: {out_channels: 4, kernel_size: 1}\n" for _ in range(8))
    (warning,) = warnings(f"input: [3, 8, 8]\ndefaults: {{conv: {{padding: 1}}}}\nlayers:\n{lines}")
    assert (warning.place.line, warning.note) == (4, "also in lines 5, 6, 7, 8, 9 and 2 more")
    assert warning.help == "padding: 0, or pointwise_conv, here; a default reaches 1×1 kernels too"


def test_a_repetition_is_one_warning():
    text = "input: [3, 8, 8]\nlayers:\n  - {conv: {out_channels: 4, kernel_size: 1, padding: 1}, repeat: 9}\n"
    (warning,) = warnings(text)
    assert (warning.path, warning.note) == ("conv_1.1", "")


def test_a_padding_of_1_on_the_last_layer_of_mobilenet_v2():
    text = shipped()["mobilenet_v2"].read_text(encoding="utf-8")
    found = spec.load(Source("net.yaml", text.replace("kernel_size: 1}   #", "kernel_size: 1, padding: 1}   #")), {})
    assert [(each.message, each.path) for each in found.warnings] == [
        ("padding around a kernel of size 1 adds positions that see only zeros", "conv_2")
    ]
    more = 320 * 1280 * (9 * 9 - 7 * 7)
    assert convcost.Model(found).analyze().total.macs == 300_774_272 + more == 313_881_472


@pytest.mark.parametrize(
    ("shape", "message", "found", "help"),
    [
        ((224, 224, 3), "[H, W, C]", "read as 224 channels of 224×3", "[3, 224, 224]"),
        ((480, 640, 3), "[H, W, C]", "read as 480 channels of 640×3", "[3, 480, 640]"),
        ((28, 28, 1), "[H, W, C]", "read as 28 channels of 28×1", "[1, 28, 28]"),
        ((64, 64, 4), "[H, W, C]", "read as 64 channels of 64×4", "[4, 64, 64]"),
        ((1, 3, 224, 224), "[N, C, H, W], with a batch axis", "read as 1 channel of 3×224×224", "[3, 224, 224]"),
        ((1, 1, 28, 28), "[N, C, H, W], with a batch axis", "read as 1 channel of 1×28×28", "[1, 28, 28]"),
        ((1, 3, 480, 640), "[N, C, H, W], with a batch axis", "read as 1 channel of 3×480×640", "[3, 480, 640]"),
        ((1, 224, 224, 3), "[N, H, W, C], with a batch axis", "read as 1 channel of 224×224×3", "[3, 224, 224]"),
    ],
)
def test_inputs_that_look_like_another_order(shape, message, found, help):
    (warning,) = warnings(f"name: net\ninput: {list(shape)}\nlayers: [relu]\n")
    assert warning.message == f"the input looks like {message}"
    assert (warning.place, warning.path, warning.found) == (Place("net.yaml", 2, 8), "input", found)
    assert warning.help == f"channels come first, without a batch axis: {help}"


@pytest.mark.parametrize(
    "shape",
    [
        (3, 224, 224),
        (1, 28, 28),
        (3, 3, 3),
        (256, 8, 8),
        (512, 7, 7),
        (512, 4, 4),
        (64, 8, 3),
        (64, 32, 1),  # a sequence with a width of 1
        (64, 32, 4),
        (1, 80, 3000),
        (1, 64, 64, 64),  # a volume of one channel
        (3, 16, 112, 112),  # sixteen frames
        (1, 3, 8, 8),
        (2, 3, 224, 224),
        (3, 8, 224, 224),
        (1, 16),
        (784,),
    ],
)
def test_other_inputs_are_no_warning(shape):
    assert input_warning(shape) is None
    assert told(f"input: {list(shape)}\nlayers: [identity]\n") == []


def test_an_input_of_another_layout_is_no_warning():
    assert input_warning((224, 224, 3), "tokens") is None


@pytest.mark.parametrize(
    ("name", "input", "number"),
    [("resnet18", "[1, 3, 224, 224]", ("params", 33_673_000)), ("mobilenet_v2", "[224, 224, 3]", ("macs", 36_793_408))],
)
def test_the_input_of_another_framework_gives_numbers_and_a_warning(name, input, number):
    text = shipped()[name].read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("input:"))
    found = convcost.Model(spec.load(Source("net.yaml", text.replace(line, f"input: {input}")), {}))
    assert [each.path for each in found.warnings] == ["symbols.r", "input"]  # which read r
    metric, value = number
    assert found.analyze().value(metric) == value


def test_a_separable_convolution_of_one_channel():
    item = "separable_conv: {out_channels: 8, kernel_size: 3"
    (warning,) = warnings(f"input: [1, 8, 8]\nlayers:\n  - {item}}}\n")
    assert warning.message == "a separable convolution of one input channel gives multiples of one feature map"
    assert (warning.place, warning.found) == (Place("net.yaml", 3, 5), "1 channel reaches it")
    assert told(f"input: [1, 8, 8]\nlayers:\n  - {item}, depth_multiplier: 4}}\n") == []  # four feature maps
    assert told(f"input: [2, 8, 8]\nlayers:\n  - {item}}}\n") == []
    assert told("input: [1, 8, 8]\nlayers:\n  - {depthwise_conv: {kernel_size: 3}, name: depthwise}\n") == []
    stages = "[depthwise_conv: {kernel_size: 3}, pointwise_conv: {out_channels: 4}]"
    assert told(f"input: [1, 8, 8]\nlayers: {stages}\n") == []  # written in two


def test_outputs_that_nothing_reads_where_the_network_names_its_own():
    builder = NetworkBuilder("net")
    image = builder.input((3, 8, 8))
    first = builder.add("relu", image, name="first")
    builder.add("relu", first, name="second")
    last = builder.add("relu", first, name="last")
    network = builder.build()
    assert list(unread_layers(network)) == []  # each that nothing reads is an output
    named = Network(*[getattr(network, name) for name in network.__struct_fields__[:8]], named_outputs=(last,))
    assert [layer.name for layer in unread_layers(named)] == ["second"]


def test_sizes_that_stay_free_are_no_warning():
    text = "symbols: {n: }\ninput: [n, 8, 8]\nlayers: [{conv: {out_channels: 8, kernel_size: n, padding: n}}]\n"
    network = spec.Spec(Source("net.yaml", text)).network({}, ())
    assert network.free is not None
    assert network.warnings == ()


def test_a_network_that_is_built_or_rewritten_has_none():
    text = {"symbols": {"a": 1}, "input": [3, 8, 8], "layers": [{"conv": {"out_channels": 8, "kernel_size": 3}}]}
    model = convcost.load(text)
    assert [each.message for each in model.warnings] == ["nothing reads the symbol 'a'"]
    assert model.rewrite("separable").warnings == ()


def test_what_else_reads_symbols_blocks_and_items():
    text = """\
        symbols: {widths: [4, 8], n: 2, k: 3, z: 2, chosen: 1, other: 2}
        inputs:
          image: [3, 32, 32]
          text: {shape: [24, 24, 3], layout: tokens}
        outputs: [boxes, read]
        blocks:
          up:
            inputs: [x, skip]
            params: {out: }
            layers:
              - concat:
                from: [x, skip]
              - conv: {out_channels: out, kernel_size: 1}
        layers:
          - conv: {out_channels: widths(0), kernel_size: k, padding: 1}
            from: image
            name: side
          - conv: {out_channels: widths(i), kernel_size: 1}
            repeat: {times: n, index: i}
          - relu:
            if: chosen == 2
            else: [{relu: , repeat: other}]
            name: deep
          - up: {out: z}
            from: [side, deep]
            name: boxes
          - upsample: {size: side.size}
            from: deep
          - relu:
            from: text
            name: read
        """
    assert told(text) == [("nothing reads what this item gives", 27, 5)]  # upsample
    assert told(text.replace("outputs: [boxes, read]\n", "\n")) == []
    (warning,) = warnings(text)
    assert (warning.path, warning.found, warning.help) == (
        "upsample_1",
        "the network's `outputs` do not name it",
        "name it under `outputs`, or remove the item",
    )


def test_each_input_is_looked_at():
    layers = "  - {relu: , from: a}\n  - {relu: , from: b}\n"
    found = warnings(f"inputs:\n  a: [3, 32, 32]\n  b: [224, 224, 3]\nlayers:\n{layers}")
    assert [(each.message, each.path, each.place.line) for each in found] == [
        ("the input looks like [H, W, C]", "inputs.b", 3)
    ]
