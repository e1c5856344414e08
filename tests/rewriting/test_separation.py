"""Uses of a block that are rewritten apart: they get copies of it, and nothing else changes."""

from __future__ import annotations

import random

import pytest

import convcost
from convcost import spec
from convcost.cost.analysis import Analysis
from convcost.rewriting.application import apply
from convcost.rewriting.candidates import find
from convcost.rewriting.rewrites import named
from convcost.rewriting.separation import separate
from convcost.rewriting.text import Note, rewrite_text
from convcost.spec import source
from convcost.spec.source import Source

BLOCKS = """\
input: [4, 8, 8]
blocks:
  # the pair
  pair:   # two
    params: {n: 4}
    layers:
      - conv: {out_channels: n, kernel_size: 3, padding: 1}
      - relu
  # of pairs

  double:
    layers:
      - pair
      - pair: {n: 4}
        repeat: 2
layers:
  - double
  - double:
    name: middle
  - pair
"""
# the convolutions are layers 0, 2, 4; 6, 8, 10 in `middle`; and 12


def separated(text, taken, label="x"):
    """Return the text in which the items that write some layers write no others."""
    read = Source("net.yaml", text)
    return separate(read, {}, spec.load(read, {}), dict.fromkeys(taken, label))[0].text


def test_what_no_label_divides_stays():
    every = range(0, 13, 2)
    assert separated(BLOCKS, every) == separated(BLOCKS, []) == BLOCKS


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_one_use_of_a_block_gets_a_copy_below_it(end):
    copy = "\n".join(line.replace("pair:", "pair_x:") for line in BLOCKS.split("\n")[3:8]) + "\n"
    new = BLOCKS.replace("      - relu\n", f"      - relu\n\n{copy}", 1)
    new = new.removesuffix("  - pair\n") + "  - pair_x\n"
    assert separated(BLOCKS.replace("\n", end), [12]).replace("\r", "") == new


def test_copies_use_copies():
    new = separated(BLOCKS, [6, 8, 10])
    assert "\n  double_x:\n    layers:\n      - pair_x\n      - pair_x: {n: 4}\n        repeat: 2\nlayers:" in new
    assert "\n  - double\n  - double_x:\n    name: middle\n  - pair\n" in new
    assert new.count("  pair_x:   # two\n") == 1


def test_a_use_in_a_block_is_one_by_itself():
    new = separated(BLOCKS, [6])
    assert "\n  double_x:\n    layers:\n      - pair_x\n      - pair: {n: 4}\n        repeat: 2\nlayers:" in new
    assert "\n  - double\n  - double_x:\n    name: middle\n  - pair\n" in new


def test_names_that_are_taken_are_not_taken_again():
    text = BLOCKS.replace("double", "pair_x")
    assert separated(text, [12]).endswith("\n  - pair_x_2\n")


@pytest.mark.parametrize("taken", [[8], [2, 4]])
def test_repetitions_cannot_be_told_apart(taken):
    """Layer 8 is the first of two repetitions; the second one is not taken, or one of the first is."""
    assert [line for line in separated(BLOCKS, taken).split("\n") if "repeat" in line] != []
    read = Source("net.yaml", BLOCKS)
    network = spec.load(read, {})
    sites = [site for each in find(Analysis.of(network), named("separable"), {"mults": 0}) for site in each.sites]
    chosen = [site for site in sites if min(site.becomes) == 8]
    with pytest.raises(convcost.OptionError, match="an item is rewritten in all of its uses or in none: separable"):
        rewrite_text(read, {}, network, [(Note("separable", ""), chosen)], apply(network, chosen).network)


@pytest.mark.parametrize(
    "text",
    [
        '{"input": [4], "blocks": {"b": {"layers": ["relu"]}}, "layers": ["b", "b"]}',
        "input: [4, 8, 8]\nblocks: {b: {layers: [conv: {out_channels: 4, kernel_size: 1}]}}\nlayers: [b, b]\n",
        "input: [4, 8, 8]\nblocks:\n  b:\n    layers: [conv: {out_channels: 4, kernel_size: 1}]\nlayers: ['b', 'b']\n",
        "input: [4, 8, 8]\nlayers:\n  - conv: {out_channels: 4, kernel_size: 1}\n    repeat: 2\n",
    ],
)
def test_a_text_in_which_nothing_can_be_copied_stays(text):
    assert separated(text, [1]) == text


def test_a_block_at_the_end_of_the_text():
    text = "input: [4, 8, 8]\nlayers: [b, b]\nblocks:\n  b:\n    layers: [conv: {out_channels: 4, kernel_size: 1}]"
    copy = "  b_x:\n    layers: [conv: {out_channels: 4, kernel_size: 1}]\n"
    assert separated(text, [1]) == f"{text.replace('b, b', 'b, b_x')}\n\n{copy}"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("name", "rewrite"),
    [
        ("resnet18", "separable"),
        ("resnet50", "separable"),
        ("unet", "separable"),
        ("googlenet", "grouped"),
        ("densenet121", "grouped"),
        ("mobilenet_v3_small", "grouped"),
        ("deeplabv3_resnet50", "bottleneck"),
    ],
)
def test_any_uses_of_shipped_networks_are_rewritten(name, rewrite, seed):
    read, network = source.read(name), convcost.load(name).network
    uses = find(Analysis.of(network), named(rewrite), {"mults": 0}, apart=True)
    drawn = random.Random(seed).sample(uses, k=max(1, len(uses) // 3))
    sites = [site for use in drawn for site in use.sites]
    expected = apply(network, sites).network
    text = rewrite_text(read, {}, network, [(Note(rewrite, ""), sites)], expected)
    assert Analysis.of(spec.load(Source(name, text), {})).total == Analysis.of(expected).total
