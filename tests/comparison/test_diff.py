"""Two networks beside each other: what was added, removed and changed."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest

import convcost
from convcost import spec
from convcost.comparison.diff import Difference, percent
from convcost.cost.analysis import total
from convcost.spec.source import Source, shipped

STEM = {"conv": {"out_channels": 4, "kernel_size": 3, "bias": False}, "name": "stem"}
HEAD = {"conv": {"out_channels": 2, "kernel_size": 1, "bias": False}, "name": "head"}


def difference(before, after, **options):
    first, second = (convcost.load({"input": [3, 8, 8], "layers": layers}) for layers in (before, after))
    return first.diff(second, **options)


def read(text, **settings):
    return spec.load(Source("net.yaml", text), settings)


def edited(name, *edits, before=None, after=None):
    """Return the difference that edits of a shipped network's text make; each replaces its first place."""
    text = shipped()[name].read_text(encoding="utf-8")
    changed = text
    for old, new in edits:
        assert old in changed
        changed = changed.replace(old, new, 1)
    return Difference.of(read(text, **(before or {})), read(changed, **(after or {})))


def counts(found):
    """Return how many layers are told to be what; one that only passes other shapes on is apart."""
    kinds = Counter("passes on" if change.passes_on else change.kind for change in found.layers)
    return dict(kinds)


def named(found, *kinds):
    return [change.layer.name for change in found.layers if change.kind in kinds and not change.passes_on]


def told(found):
    return [(change.kind, change.layer.name, change.what) for change in found.layers]


def test_equal_networks_do_not_differ():
    assert told(difference([STEM, HEAD], [STEM, HEAD])) == [("same", "stem", ()), ("same", "head", ())]


def test_a_field_that_changed_is_told():
    wider = {"conv": {**STEM["conv"], "stride": 2}, "name": "stem"}
    assert told(difference([STEM], [wider])) == [("changed", "stem", ("stride 1 → 2", "output 4×6×6 → 4×3×3"))]


def test_added_and_removed_layers_cost_nothing_on_the_other_side():
    found = difference([STEM, "relu"], [STEM, "sigmoid", HEAD])
    assert [(change.kind, change.layer.name) for change in found.layers] == [
        ("same", "stem"),
        ("removed", "relu_1"),
        ("added", "sigmoid_1"),
        ("added", "head"),
    ]
    removed, added = found.layers[1], found.layers[3]
    assert removed.costs[0].ops.cmp == 4 * 36
    assert removed.costs[1].ops.cmp == 0
    assert (added.costs[0].mults, added.costs[1].mults) == (0, 2 * 4 * 36)


def test_a_new_name_is_no_change():
    (change,) = difference([STEM], [{**STEM, "name": "first"}]).layers
    assert (change.kind, change.before.name, change.after.name) == ("same", "stem", "first")


def test_a_type_that_changed_is_told():
    assert told(difference([{"relu": None, "name": "act"}], [{"relu6": None, "name": "act"}])) == [
        ("changed", "act", ("relu → relu6",))
    ]


def test_a_norm_that_folds_no_more_is_a_change():
    norm = {"batch_norm": None, "name": "norm"}
    found = difference([STEM, norm], [STEM, norm, {"add": None, "from": ["stem", "norm"]}])
    assert told(found)[1] == ("changed", "norm", ("folds no more",))


@pytest.mark.no_cover
@pytest.mark.parametrize(("first", "second"), list(pairwise(shipped())))
def test_the_layers_of_shipped_networks_add_up_to_both_totals(first, second):
    found = convcost.load(first).diff(convcost.load(second), fold=False)
    for side, analysis in enumerate((found.before, found.after)):
        assert total([change.costs[side] for change in found.layers]) == analysis.total
    assert found.before.total == convcost.analyze(first, fold=False).total
    assert found.after.total == convcost.analyze(second, fold=False).total


SEPARABLE = "  - separable_conv: {out_channels: 256 * alpha, kernel_size: 3}\n"
BASIC = "            - conv: {out_channels: out, kernel_size: 3, stride: stride, padding: 1}\n"
BRANCH = "          - - conv: {out_channels: reduce3, kernel_size: 1}\n"
INCEPTION_4B = """\
  - inception: {c1: 160, reduce3: 112, c3: 224, reduce5: 24, c5: 64, pool: 64}
    name: inception_4b
"""
INCEPTION_4C = """\
  - inception: {c1: 128, reduce3: 128, c3: 256, reduce5: 24, c5: 64, pool: 64}
    name: inception_4c
"""


def test_a_layer_in_the_middle_of_mobilenet():
    """Its number moves those of all that follow; a convolution writes its norm and its activation, too."""
    found = edited("mobilenet_v1", (SEPARABLE, SEPARABLE + "  - conv: {out_channels: 256, kernel_size: 1}\n"))
    assert counts(found) == {"same": 84, "added": 3}
    assert named(found, "added") == ["conv_2", "conv_2/batch_norm", "conv_2/relu"]


def test_a_layer_at_the_beginning_of_mobilenet():
    found = edited(
        "mobilenet_v1",
        (
            "  - separable_conv: {out_channels: 64",
            "  - separable_conv: {out_channels: 32, kernel_size: 5}\n  - separable_conv: {out_channels: 64",
        ),
    )
    assert counts(found) == {"same": 84, "added": 6}
    assert {name.split("/")[0] for name in named(found, "added")} == {"separable_conv_1"}


def test_a_layer_taken_out_of_mobilenet():
    """What follows has other channels before it, and is the same otherwise."""
    found = edited("mobilenet_v1", ("  - separable_conv: {out_channels: 64 * alpha, kernel_size: 3}\n", ""))
    assert named(found, "removed", "changed", "added") == [
        f"separable_conv_1/{stage}{follower}"
        for stage in ("depthwise", "pointwise")
        for follower in ("", "/batch_norm", "/relu")
    ]
    assert counts(found)["removed"] == 6


def test_another_width_of_one_layer_of_mobilenet():
    """Two layers are written differently; four pass the channels on to the pointwise one."""
    old = "- separable_conv: {out_channels: 128 * alpha, kernel_size: 3}"
    found = edited("mobilenet_v1", (old, old.replace("128", "160")))
    assert named(found, "changed") == ["separable_conv_3/pointwise"]
    assert counts(found) == {"changed": 1, "passes on": 6, "same": 84 - 7}


def test_another_width_of_all_layers_of_mobilenet():
    """A layer that is twice as wide has the shapes of the one behind it, and is not that one."""
    found = edited("mobilenet_v1", after={"alpha": "2"})
    assert all(change.before.name == change.after.name for change in found.layers)
    assert named(found, "changed") == ["conv_1", *(f"separable_conv_{k}/pointwise" for k in _SEPARABLE_CONVS)]


_SEPARABLE_CONVS = [1, 2, 3, 4, 5, 6, *(f"7.{turn}" for turn in range(1, 6)), 8, 9]


def test_a_repetition_more_of_mobilenet():
    found = edited("mobilenet_v1", after={"deep": 6})
    assert counts(found) == {"same": 84, "added": 6}
    assert {name.split("/")[0] for name in named(found, "added")} == {"separable_conv_7.6"}


@pytest.mark.parametrize("kernel", [1, 3])
@pytest.mark.parametrize("behind", [False, True])
def test_a_layer_in_a_residual_of_a_block_that_is_used_eight_times(kernel, behind):
    new = f"            - conv: {{out_channels: in_channels, kernel_size: {kernel}, padding: {kernel // 2}}}\n"
    found = edited("resnet18", (BASIC, BASIC + new if behind else new + BASIC))
    assert counts(found) == {"same": 69, "added": 8 * 3}  # a convolution, its norm, its activation
    blocks = Counter(name.partition("/conv_")[0] for name in named(found, "added"))
    assert set(blocks.values()) == {3}


def test_more_blocks_of_a_stage_of_resnet():
    found = edited("resnet18", after={"n3": 4})
    assert counts(found) == {"same": 69, "added": 2 * 7}  # 2 convolutions, 2 norms, a relu, an add, a relu
    assert {"/".join(name.split("/")[:2]) for name in named(found, "added")} == {
        "conv3_x/basic_2.2",
        "conv3_x/basic_2.3",
    }


def test_a_stage_of_resnet_with_another_name():
    found = edited("resnet18", ("name: conv3_x", "name: stage3"), after={"n3": 3})
    assert counts(found) == {"same": 69, "added": 7}
    assert sum(change.renamed for change in found.layers) == 16  # 14 of two blocks; 2 of the first one's shortcut


def test_a_layer_in_a_branch_of_googlenet():
    found = edited("googlenet", (BRANCH, BRANCH + "            - conv: {out_channels: 7, kernel_size: 1}\n"))
    assert counts(found) == {"same": 197 - 9, "added": 9 * 3, "passes on": 9}  # the 3 × 3 convolution reads 7 channels


def test_a_branch_more_of_googlenet():
    """What reads the modules' outputs reads 16 channels more, and nothing else changes."""
    found = edited("googlenet", (BRANCH, "          - - conv: {out_channels: 16, kernel_size: 1}\n" + BRANCH))
    assert named(found, "added", "removed", "changed") == [
        f"{module}/branch_2/conv_1{follower}"
        for module in ("inception_3a", "inception_3b", *(f"inception_4{x}" for x in "abcde"), *_FIFTH)
        for follower in ("", "/batch_norm", "/relu")
    ]


_FIFTH = "inception_5a", "inception_5b"


def test_two_modules_of_googlenet_change_places():
    found = edited("googlenet", (INCEPTION_4B + INCEPTION_4C, INCEPTION_4C + INCEPTION_4B))
    assert counts(found) == {"same": 197}  # both read and give 512 channels
    assert {change.layer.name.split("/")[0] for change in found.layers if change.moved} == {"inception_4b"}
    assert sum(change.moved for change in found.layers) == 20  # 6 convolutions of 3 layers, a pool, a concat


def test_a_module_of_googlenet_with_another_width():
    found = edited("googlenet", ("c1: 160", "c1: 192"))
    assert named(found, "changed") == ["inception_4b/branch_1/conv_1"]


@pytest.mark.parametrize("item", ["relu", "conv: {out_channels: in_channels, kernel_size: 1}", "batch_norm"])
@pytest.mark.parametrize("name", ["mobilenet_v1", "resnet18", "googlenet"])
def test_an_item_anywhere_leaves_all_others_the_same(name, item):
    """In every list of items: the network, blocks, bodies, branches."""
    text = shipped()[name].read_text(encoding="utf-8")
    before = read(text)
    lines = text.splitlines(keepends=True)
    tried = 0
    for place, line in enumerate(lines):
        if not (found := re.match(r"( +)- (?!- )", line)):
            continue
        try:
            after = read("".join([*lines[:place], f"{found[1]}- {item}\n", *lines[place:]]))
        except convcost.SpecError:  # a convolution takes no vector
            continue
        difference = Difference.of(before, after, fold=False)
        more = len(after.layers) - len(before.layers)
        assert counts(difference) == {"same": len(before.layers), "added": more}, line
        assert not any(change.moved for change in difference.layers)
        tried += 1
    assert tried >= 12


def test_layers_that_change_places_cost_what_they_did():
    norm = {"batch_norm": None, "name": "norm"}
    act = {"relu": None, "name": "act"}
    found = difference([STEM, act, norm], [STEM, norm, act])
    assert [(change.kind, change.layer.name, change.moved, change.what) for change in found.layers] == [
        ("same", "stem", False, ()),
        ("changed", "norm", True, ("folds now",)),
        ("same", "act", False, ()),
    ]


def test_a_layer_without_a_name_moves_to_where_it_reads_something_else():
    found = difference([STEM, "flatten", "dropout"], [STEM, "dropout", "flatten"])
    (change,) = [change for change in found.layers if change.kind != "same"]
    assert (change.moved, change.layer.name, change.what) == (
        True,
        "flatten_1",
        (),
    ) or change.what == ("input 144 → 4×6×6", "output 144 → 4×6×6")
    assert sum(change.moved for change in found.layers) == 1


def test_a_layer_in_a_block_is_renamed_and_the_same():
    before = {"input": [3, 8, 8], "layers": [STEM, "relu", HEAD]}
    after = {"input": [3, 8, 8], "blocks": {"unit": {"layers": ["relu", HEAD]}}, "layers": [STEM, "unit"]}
    found = convcost.load(before).diff(convcost.load(after))
    assert [(change.kind, change.after.name, change.renamed) for change in found.layers] == [
        ("same", "stem", False),
        ("same", "unit_1/relu_1", True),
        ("same", "unit_1/head", True),
    ]


def test_every_total_is_told_with_its_change():
    found = difference([STEM], [STEM, HEAD])
    # 4 · 3 · 9 = 108 weights at 36 places; 2 · 4 = 8 more at 36: 288; 144 values, then 72 more
    assert found.totals() == {
        "params": (108, 116),
        "buffers": (0, 0),
        "mults": (3888, 4176),
        "adds": (3888, 4176),
        "macs": (3888, 4176),
        "flops": (7776, 8352),
        "useful_mults": (3888, 4176),
        "output_values": (144, 216),
        "activations": (144, 216),
        "deployed_params": (108, 116),  # no norm is folded
    }
    totals = found.to_dict()["totals"]
    assert [*totals["change"]] == [*found.totals()]
    assert totals["change"]["params"] == {"delta": 8, "percent": 100 * 8 / 108}
    assert totals["change"]["buffers"] == {"delta": 0, "percent": 0.0}
    for side, analysis in ("before", found.before), ("after", found.after):
        assert totals[side] == analysis.to_dict()["total"]


def test_a_percentage_needs_something_to_begin_with():
    assert (percent(0, 3), percent(0, 0), percent(4, 3), percent(4, 0)) == (None, 0.0, -25.0, -100.0)
