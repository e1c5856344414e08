"""The rewritten text: what is touched, what stays, and what it says."""

from __future__ import annotations

import difflib

import pytest

import convcost
from convcost import spec
from convcost.analysis.cost import Analysis
from convcost.rewrites import NAMES, named
from convcost.rewrites.application import apply, survey
from convcost.spec import source
from convcost.spec.rewriting import Note, rewrite_text
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


@pytest.mark.parametrize("name", shipped())
def test_a_rewritten_shipped_spec_says_the_rewritten_network(name):
    read = source.read(name)
    network = convcost.load(name).network
    impossible = []
    for rewrite in map(named, NAMES):
        sites = list(survey(network, rewrite).sites.values())
        if not sites:
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


IMPOSSIBLE = {  # an item that the rewrite would take in some of its uses only, or that cannot be left out
    "ghostnet": ["standard"],
    "mobilenet_v3_large": ["standard"],
    "mobilenet_v3_small": ["standard"],
    "shufflenet_v1": ["grouped"],
    "unet": ["grouped"],
    "vgg16": ["grouped"],
    "examples/seven_convolutions": ["fully_convolutional"],
}


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet18", "examples/one_5x5", "squeezenet1_0", "alexnet"])
@pytest.mark.parametrize("rewrite", ["separable", "stacked", "asymmetric", "fire", "standard", "fully_convolutional"])
def test_execution_agrees_with_a_rewritten_spec(name, rewrite, tmp_path):
    network = convcost.load(name).network
    chosen = named(rewrite)
    sites = list(survey(network, chosen).sites.values())
    if not sites:
        pytest.skip("the rewrite does not apply")
    text = rewrite_text(source.read(name), {}, network, [(Note(rewrite, ""), sites)], apply(network, sites).network)
    path = tmp_path / "new.yaml"
    path.write_text(text, encoding="utf-8")
    assert convcost.load(path).verify().ok


# --- what cannot be done ---


def message(caught):
    (fault,) = caught.value.faults
    return fault.message, fault.found


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
    place = caught.value.faults[0].place
    assert (place.line, place.column) == (3, 5)
    assert "repeat: 3" in rewrite(text, "separable", "conv_1.*")


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
