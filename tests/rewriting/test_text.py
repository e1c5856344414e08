"""The rewritten text: what is touched, what stays, and what it says."""

from __future__ import annotations

import difflib
import re

import pytest

import convcost
from convcost import spec
from convcost.cost.analysis import Analysis
from convcost.rewriting.application import apply, survey
from convcost.rewriting.rewrites import NAMES, named
from convcost.rewriting.selection import select
from convcost.rewriting.text import Note, rewrite_text
from convcost.spec import source
from convcost.spec.source import Source, shipped


def changed(before, after):
    """Return the lines that are gone and those that are new, without the comment above everything."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()[1:]))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


NET = """\
# a network of mine
name: Mine
input: [3, 32, 32]
symbols: {alpha: 1}

layers:
  # the stem
  - conv: {out_channels: 32 * alpha, kernel_size: 5, stride: 2, padding: 2}   # wide
    name: stem
  - relu
  - conv:
      out_channels: make_divisible(64 * alpha, 8)  # rounded
      kernel_size: 5
      padding: 2
  - concat:
    from: [stem, stem]
"""


def test_a_type_is_renamed_and_nothing_else(rewrite):
    new = rewrite(NET, "separable", "stem")
    assert changed(NET, new) == (
        ["  - conv: {out_channels: 32 * alpha, kernel_size: 5, stride: 2, padding: 2}   # wide"],
        ["  - separable_conv: {out_channels: 32 * alpha, kernel_size: 5, stride: 2, padding: 2}   # wide"],
    )
    assert new.startswith("# rewritten: separable (Howard et al. 2017, arXiv:1704.04861, section 3.1)\n# a network")


def test_fields_in_lines_change_in_their_lines(rewrite):
    assert changed(NET, rewrite(NET, "dilated", "conv_2")) == (
        ["  - conv:", "      kernel_size: 5"],
        ["  - conv:   # dilated", "      kernel_size: 3", "      dilation: 2"],
    )


def test_several_layers_are_a_new_block_and_the_item_uses_it(rewrite):
    assert changed(NET, rewrite(NET, "stacked", "stem")) == (
        ["  - conv: {out_channels: 32 * alpha, kernel_size: 5, stride: 2, padding: 2}   # wide"],
        [
            "blocks:",
            "  stacked:   # stacked: Simonyan and Zisserman 2014, arXiv:1409.1556, section 2.3",
            "    params: {out_channels: }",
            "    layers:",
            "      - conv: {out_channels: out_channels, kernel_size: 3, padding: 1}",
            "      - conv: {out_channels: out_channels, kernel_size: 3, stride: 2, padding: 1}",
            "",
            "  - stacked: {out_channels: 32 * alpha}   # wide",
        ],
    )


def test_a_share_of_the_channels_stays_an_expression(rewrite):
    new = rewrite(NET, "bottleneck", "conv_2")
    assert "      - conv: {out_channels: out_channels / 4, kernel_size: 1}\n" in new
    assert "      out_channels: make_divisible(64 * alpha, 8)  # rounded\n" in new
    half = spec.load(Source("net.yaml", new), {"alpha": "1/2"})
    assert [layer.output_shape[0] for layer in half.layers if layer.name.startswith("bottleneck")] == [8, 8, 32]


def test_equal_items_share_a_block_and_others_have_their_own(rewrite):
    text = """\
    input: [8, 32, 32]
    layers:
      - conv: {out_channels: 8, kernel_size: 5, padding: 2}
      - conv: {out_channels: 16, kernel_size: 5, padding: 2}
      - conv: {out_channels: 16, kernel_size: 7, padding: 2}
    """
    new = rewrite(text, "stacked")
    assert "- stacked: {out_channels: 8}" in new
    assert "- stacked: {out_channels: 16}" in new
    assert "- stacked_2: {out_channels: 16}" in new


def test_a_pair_of_items_becomes_one(rewrite):
    text = """\
input: [8, 32, 32]
symbols: {s: 2}
layers:
  - relu
  # the filter
  - depthwise_conv: {kernel_size: [3, 5], stride: s, padding: same}   # dw
  - batch_norm
  # the mixer
  - conv: {out_channels: 16, kernel_size: 1, bias: false}
    name: mix
"""
    gone, new = changed(text, rewrite(text, "standard"))
    assert gone[-1] == "  - conv: {out_channels: 16, kernel_size: 1, bias: false}"
    assert new == [
        "  - conv: {out_channels: 16, kernel_size: [3, 5], bias: false, stride: s, padding: same}   # standard",
    ]
    assert len(gone) == 3  # the comments stay


def test_the_channels_that_reach_a_pair_are_those_before_its_first_item(rewrite):
    text = """\
    input: [4, 32, 32]
    layers:
      - depthwise_conv: {kernel_size: in_channels - 1, depth_multiplier: 2}
      - conv: {out_channels: in_channels * 2, kernel_size: 1}
    """
    # 4 channels reach the new item, as they did the depthwise one; 8 reached the pointwise one
    assert "- conv: {out_channels: 16, kernel_size: in_channels - 1}" in rewrite(text, "standard")


def test_what_a_default_would_change_is_written(rewrite):
    text = """\
    input: [8, 32, 32]
    defaults:
      conv: {kernel_size: 3, norm: batch_norm}
      separable_conv: {stride: 2, mid_norm: none, activation: relu}
    layers:
      - conv: {out_channels: 8}
    """
    wanted = "separable_conv: {out_channels: 8, stride: 1, mid_norm: batch_norm, activation: none}"
    new = rewrite(text, "separable")
    line = next(line for line in new.splitlines() if "separable_conv: {out" in line)
    assert set(line.partition("{")[2].partition("}")[0].split(", ")) == set(
        wanted[len("separable_conv: {") : -1].split(", ")
    )


def test_a_block_s_expressions_are_passed_on(rewrite):
    text = """\
    input: [8, 32, 32]
    blocks:
      b:
        params: {out: , act: relu, s: 1}
        layers:
          - conv: {out_channels: out, kernel_size: 5, stride: s, padding: 2, activation: act}
            repeat: 2
    layers:
      - b: {out: 16}
      - b: {out: 24, act: none, s: 2}
    """
    new = rewrite(text, "asymmetric")
    assert "- asymmetric: {out_channels: out, stride: s, activation: act}   # asymmetric: was conv" in new
    assert "kernel_size: [1, 5], stride: [1, stride], padding: [0, 2], activation: activation}" in new
    assert "kernel_size: [5, 1], stride: [stride, 1], padding: [2, 0], activation: activation}" in new


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize("name", ["separable", "stacked", "grouped", "fire"])
def test_line_ends_and_the_end_of_the_file(name, end, rewrite):
    text = "input: [8, 32, 32]\nlayers:\n  - conv: {out_channels: 16, kernel_size: 5, padding: 2}".replace(
        "\n", end or "\n"
    )
    rewrite(text + end, name)


@pytest.mark.parametrize(
    "item",
    [
        "conv",
        "conv:",
        "conv: {}",
        "{conv: , name: x}",
        '"conv": {"bias": false}',
        "conv: {bias: false,}",
        "conv: {  bias : false  }",
        "conv:\n      bias: false  # no\n\n      # more\n      groups: 1",
        "conv: {bias: false,  # no\n      groups: 1}",
    ],
)
@pytest.mark.parametrize("name", ["separable", "stacked", "grouped", "bottleneck"])
def test_any_way_to_write_an_item(item, name, rewrite):
    # the text that comes back is read again and must describe the rewritten network, so no error is the proof
    text = "input: [8, 32, 32]\ndefaults:\n  conv: {out_channels: 16, kernel_size: 5, padding: 2}\nlayers:\n"
    new = rewrite(f"{text}  - relu\n  - {item}\n  - relu\n", name)
    assert new.count("relu") >= 2


SLOW = frozenset(["detr_resnet50", "retinanet_resnet50_fpn"])
"""The networks that take seconds, and have the layers of others."""


@pytest.mark.no_cover
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.exhaustive] if name in SLOW else []) for name in shipped()]
)
def test_a_rewritten_shipped_spec_says_the_rewritten_network(name):
    read = source.read(name)
    network = convcost.load(name).network
    impossible, absent = [], []
    for rewrite in map(named, NAMES):
        found = survey(network, rewrite)
        sites = list(found.sites.values())
        if not sites:
            absent.append(rewrite.name)
            assert {re.sub(r"\d+", "N", reason) for reason in found.refusals.values()} <= REASONS[rewrite.name]
            continue
        rewritten = apply(network, sites).network
        try:
            text = rewrite_text(read, {}, network, [(Note(rewrite.name, rewrite.source), sites)], rewritten)
        except convcost.OptionError:
            impossible.append(rewrite.name)
            continue
        assert Analysis.of(spec.load(Source(name, text), {})).total == Analysis.of(rewritten).total
        comments = [line for line in read.text.splitlines() if line.lstrip().startswith("#")]
        assert all(line in text.splitlines() for line in comments)
    assert impossible == IMPOSSIBLE.get(name, [])
    assert absent == [rewrite for rewrite in NAMES if name in ABSENT[rewrite].split()]


IMPOSSIBLE = {  # an item that the rewrite would take in some of its uses only, or that cannot be left out
    "mobilenet_v4_small": ["standard"],
    "ghostnet": ["standard"],
    "unet": ["grouped"],
    "vgg16": ["grouped"],
    "examples/seven_convolutions": ["fully_convolutional"],
}


ABSENT = {
    "separable": """dcgan_generator gru_keywords examples/shufflenet_unit examples/worked_separable
        examples/xception_step_3_channels""",
    "standard": """alexnet alexnet_grouped coatnet_0 crnn dcgan_generator deeplabv3_resnet50 densenet121
        detr_resnet50 dla34 efficientnet_b0 efficientnet_v2_s googlenet gru_keywords inception_v3 regnet_y_400mf
        repvgg_a0 resnet18 resnet50 resnext50_32x4d retinanet_resnet50_fpn shufflenet_v1 squeezenet1_0
        squeezenet1_1 stable_diffusion_unet swin_tiny unet unet_3d vgg16 vit_b_16 yolov8n examples/one_5x5
        examples/shufflenet_unit examples/two_3x3 examples/worked_standard examples/xception_step_1_whole
        examples/xception_step_2_towers examples/xception_step_3_channels""",
    "grouped": """dcgan_generator ds_cnn_keywords gru_keywords mobilenet_v1 swin_tiny vit_b_16 examples/one_5x5
        examples/seven_convolutions examples/shufflenet_unit examples/two_3x3 examples/worked_separable
        examples/worked_standard""",
    "stacked": """coatnet_0 convnext_tiny convnextv2_tiny crnn dcgan_generator ds_cnn_keywords efficientnet_b0
        efficientnet_v2_s fastvit_t8 ghostnet gru_keywords mnasnet1_0 mobilenet_v1 mobilenet_v2
        mobilenet_v3_large mobilenet_v3_small mobilenet_v4_small mobilevit_s regnet_y_400mf repvgg_a0
        shufflenet_v1 shufflenet_v2 squeezenet1_1 stable_diffusion_unet swin_tiny unet unet_3d vgg16 vit_b_16
        xception yolov8n examples/seven_convolutions examples/shufflenet_unit examples/two_3x3
        examples/worked_separable examples/xception_step_1_whole examples/xception_step_2_towers
        examples/xception_step_3_channels""",
    "asymmetric": """dcgan_generator gru_keywords examples/shufflenet_unit examples/worked_separable
        examples/xception_step_3_channels""",
    "bottleneck": """dcgan_generator gru_keywords examples/one_5x5 examples/seven_convolutions
        examples/shufflenet_unit examples/two_3x3 examples/worked_separable examples/xception_step_3_channels""",
    "fire": """dcgan_generator gru_keywords unet_3d xception examples/one_5x5 examples/seven_convolutions
        examples/shufflenet_unit examples/two_3x3 examples/worked_separable examples/worked_standard
        examples/xception_step_3_channels""",
    "dilated": """coatnet_0 convnext_tiny convnextv2_tiny crnn dcgan_generator ds_cnn_keywords efficientnet_b0
        efficientnet_v2_s fastvit_t8 ghostnet gru_keywords mnasnet1_0 mobilenet_v1 mobilenet_v2
        mobilenet_v3_large mobilenet_v3_small mobilenet_v4_small mobilevit_s regnet_y_400mf repvgg_a0
        shufflenet_v1 shufflenet_v2 squeezenet1_1 stable_diffusion_unet swin_tiny unet unet_3d vgg16 vit_b_16
        xception yolov8n examples/seven_convolutions examples/shufflenet_unit examples/two_3x3
        examples/worked_separable examples/xception_step_1_whole examples/xception_step_2_towers
        examples/xception_step_3_channels""",
    "fully_convolutional": """crnn dcgan_generator deeplabv3_resnet50 detr_resnet50 dla34 ghostnet gru_keywords
        retinanet_resnet50_fpn squeezenet1_0 squeezenet1_1 stable_diffusion_unet swin_tiny unet unet_3d vit_b_16
        yolov8n examples/one_5x5 examples/shufflenet_unit examples/two_3x3 examples/worked_separable
        examples/worked_standard examples/xception_step_1_whole examples/xception_step_2_towers
        examples/xception_step_3_channels""",
}
"""The shipped specs without a layer that a rewrite could take."""
REASONS = {
    "separable": {"its kernel [N, N] has no window to filter", "it has groups"},
    "standard": {
        "no depthwise convolution feeds it alone, through norms and activations only",
        "no pointwise convolution alone reads it, through norms and activations only",
    },
    "grouped": {"N groups do not divide its N input channels", "it has groups already"},
    "stacked": {"its kernel is not square", "it has groups", "no N×N add up to its kernel of N"},
    "asymmetric": {"it has no window", "it has groups"},
    "bottleneck": {"N does not divide its N output channels", "it has no window", "it has groups"},
    "fire": {
        "the inputs of concat must have the same spatial size: [N, N, N, N] and [N, N, N, N]",
        "N does not divide its N output channels",
        "it has no window",
        "it has groups",
        "the inputs of concat must have the same spatial size: [N, N, N] and [N, N, N]",
    },
    "dilated": {"its kernel of N has no room for holes", "an even kernel has no middle tap"},
    "fully_convolutional": {"no flatten stands before it that nothing else reads", "it reads tokens"},
}
"""What is said there of the layers that it is for, N being a number."""

NO_PAIR = "no depthwise convolution feeds it alone, through norms and activations only"
REFUSED = {
    ("mobilenet_v2", "stacked"): {f"no 3×3 add up to its kernel of {size}" for size in (1, 3)},
    ("resnet18", "standard"): set(),  # it has no pointwise convolution behind which a depthwise one could stand
    ("examples/one_5x5", "fire"): {"8 does not divide its 1 output channels"},
    ("examples/one_5x5", "standard"): set(),
    ("examples/one_5x5", "fully_convolutional"): set(),  # it has no linear layer
    ("squeezenet1_0", "standard"): {NO_PAIR},
    ("squeezenet1_0", "fully_convolutional"): set(),
    ("alexnet", "standard"): set(),
}
"""What is said of the layers of a network to which a rewrite does not apply; nothing where it is for none of them."""
PAIRS = [
    (name, rewrite)
    for name in ("mobilenet_v2", "resnet18", "examples/one_5x5", "squeezenet1_0", "alexnet")
    for rewrite in ("separable", "stacked", "asymmetric", "fire", "standard", "fully_convolutional")
]


@pytest.mark.parametrize(("name", "rewrite"), [pair for pair in PAIRS if pair not in REFUSED])
def test_execution_agrees_with_a_rewritten_spec(name, rewrite, tmp_path):
    network = convcost.load(name).network
    sites = list(survey(network, named(rewrite)).sites.values())
    assert sites
    text = rewrite_text(source.read(name), {}, network, [(Note(rewrite, ""), sites)], apply(network, sites).network)
    path = tmp_path / "new.yaml"
    path.write_text(text, encoding="utf-8")
    assert convcost.load(path).verify().ok


@pytest.mark.parametrize(("name", "rewrite"), REFUSED)
def test_a_rewrite_that_does_not_apply_refuses_and_says_why(name, rewrite):
    network = convcost.load(name).network
    found = survey(network, named(rewrite))
    assert not found.sites
    assert set(found.refusals.values()) == REFUSED[name, rewrite]
    with pytest.raises(convcost.OptionError):
        select(network, named(rewrite), ())


# --- what cannot be done ---


def message(caught):
    (detail,) = caught.value.details
    return detail.message, detail.found


def test_some_uses_of_an_item_are_refused(rewrite):
    text = """\
    input: [8, 32, 32]
    layers:
      - conv: {out_channels: 8, kernel_size: 3, padding: 1}
        repeat: 3
    """
    with pytest.raises(convcost.OptionError) as caught:
        rewrite(text, "separable", "conv_1.2")
    assert message(caught) == (
        "an item is rewritten in all of its uses or in none: separable",
        "it also writes 'conv_1.1', 'conv_1.3'",
    )
    place = caught.value.details[0].place
    assert (place.line, place.column) == (3, 5)
    assert "repeat: 3" in rewrite(text, "separable", "conv_1.*")
    with pytest.raises(convcost.OptionError) as caught:
        rewrite(text.replace("repeat: 3", "repeat: 5"), "separable", "conv_1.2")
    assert message(caught)[1] == "it also writes 'conv_1.1', 'conv_1.3', 'conv_1.4' and 1 more"


def test_uses_that_would_differ_are_refused(rewrite):
    text = """\
    input: [8, 32, 32]
    blocks:
      b: {params: {k: }, layers: [conv: {out_channels: 8, kernel_size: k, padding: k // 2}]}
    layers:
      - b: {k: 5}
      - b: {k: 7}
    """
    with pytest.raises(convcost.OptionError) as caught:
        rewrite(text, "dilated")
    assert message(caught)[1] == "its uses would differ in dilation: 2 and 3"


@pytest.mark.parametrize("key", ["from: first", "repeat: 1", "if: 1 == 1"])
def test_an_item_that_says_more_is_not_left_out(key, rewrite):
    text = f"""\
    input: [8, 32, 32]
    layers:
      - identity:
        name: first
      - depthwise_conv: {{kernel_size: 3}}
        {key}
      - pointwise_conv: {{out_channels: 8}}
    """
    with pytest.raises(convcost.OptionError) as caught:
        rewrite(text, "standard")
    assert message(caught)[1] == f"an item with {key.partition(':')[0]!r} cannot be left out"


def test_a_text_that_would_say_something_else_is_refused(rewrite):
    text = """\
    input: [8, 32, 32]
    defaults:
      conv: {out_channels: in_channels * 2, kernel_size: 5, padding: 2}
    layers:
      - conv
    """
    with pytest.raises(convcost.OptionError) as caught:  # the second of the stack would double the channels again
        rewrite(text, "stacked")
    assert message(caught)[1] == "what it would say is not what the rewrite makes of the network"
    assert "separable_conv" in rewrite(text, "separable")


def test_a_block_cannot_be_added_to_braces(rewrite):
    text = '{"input": [8, 32, 32], "layers": [{"conv": {"out_channels": 8, "kernel_size": 5}}]}'
    assert "separable_conv" in rewrite(text, "separable")
    with pytest.raises(convcost.OptionError) as caught:
        rewrite(text, "stacked")
    assert message(caught)[1] == "a block cannot be added to a spec that is written in {}"


IN_LINES = """\
input: [8, 32, 32]
layers:
  - conv:
      out_channels: 8
      kernel_size:
        - 5
        - 5
      padding: >
        2
      norm:
        batch_norm:
          affine: false
"""


def test_fields_in_lines_of_their_own_are_written_in_braces_in_a_block(rewrite):
    norm = "norm: {batch_norm: {affine: false}}}"
    assert changed(IN_LINES, rewrite(IN_LINES, "stacked")) == (
        [*IN_LINES.splitlines()[2:3], *IN_LINES.splitlines()[4:]],
        [
            "blocks:",
            "  stacked:   # stacked: Simonyan and Zisserman 2014, arXiv:1409.1556, section 2.3",
            "    params: {out_channels: }",
            "    layers:",
            *["      - conv: {out_channels: out_channels, kernel_size: 3, padding: 1, " + norm] * 2,
            "",
            "  - stacked:   # stacked: was conv",
        ],
    )


def test_fields_in_lines_of_their_own_stay_as_they_are_in_the_item(rewrite):
    assert changed(IN_LINES, rewrite(IN_LINES, "separable")) == (
        ["  - conv:"],
        ["  - separable_conv:   # separable: was conv"],
    )
    text = IN_LINES.replace("      padding:", "      # below\n      padding:")
    gone, new = changed(text, rewrite(text, "dilated"))
    assert gone == ["  - conv:", "        - 5", "        - 5"]
    assert new == ["  - conv:   # dilated", "        3", "      dilation: 2"]


def test_the_lines_below_a_block_scalar_stay(rewrite):
    fields = "      kernel_size: 5\n      padding: >\n        2\n      out_channels: 8\n"
    text = f"input: [8, 9, 9]\nlayers:\n  - conv:\n{fields}"
    gone, _ = changed(text, rewrite(text, "stacked"))
    assert gone == ["  - conv:", "      kernel_size: 5", "      padding: >", "        2"]
