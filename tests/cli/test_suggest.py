"""`convcost suggest`: which layers it chooses, and what it says of it."""

from __future__ import annotations

import json
import shlex

import pytest

import convcost as api

THREE = """\
name: three
input: [8, 16, 16]
defaults:
  conv: {kernel_size: 3, padding: 1, bias: false}
layers:
  - conv: {out_channels: 16}
  - conv: {out_channels: 64}
    name: wide
  - conv: {out_channels: 16}
    repeat: 2
  - conv: {out_channels: 4}
"""
# mults: 8·16·9·256 = 294,912; 16·64·9·256 = 2,359,296; 64·16·9·256 = 2,359,296 and 16·16·9·256 = 589,824;
# 16·4·9·256 = 147,456: 5,750,784 in all
# wide, separable: (16·9 + 16·64)·256 = 299,008, saves 2,060,288
# conv_3, separable: (64·9 + 64·16)·256 = 409,600 and (16·9 + 16·16)·256 = 102,400, saves 2,437,120: 1,218,560 a layer


@pytest.fixture
def three(folder):
    """Return the name of a spec with four layers between which to choose."""
    (folder / "three.yaml").write_text(THREE, encoding="utf-8")
    return "three.yaml"


def steps(convcost, *arguments):
    result = convcost("suggest", *arguments, "-f", "json")
    return result.status, json.loads(result.out)


def test_the_biggest_saving_for_each_layer_touched_goes_first(convcost, three):
    status, data = steps(convcost, three, "--max", "mults=1.3M")
    assert status == 0
    assert [(step["layers"], step["total"]["mults"]) for step in data["steps"]] == [
        (["wide"], 5_750_784 - 2_060_288),
        (["conv_3.1", "conv_3.2"], 5_750_784 - 2_060_288 - 2_437_120),
    ]
    assert data["reached"] is True
    assert data["totals"]["after"]["mults"] == 1_253_376


def test_it_stops_where_the_limits_are_kept(convcost, three):
    assert [step["layers"] for step in steps(convcost, three, "--max", "mults=4M")[1]["steps"]] == [["wide"]]
    status, data = steps(convcost, three, "--max", "mults=6M")
    assert (status, data["steps"], data["command"]) == (0, [], None)
    assert "nothing to do" in convcost("suggest", three, "--max", "mults=6M").out


def test_the_command_line_does_it(convcost, three, folder):
    _, data = steps(convcost, three, "--max", "mults=1.3M", "--max", "params=10k")
    words = shlex.split(data["command"])
    assert words[:2] == ["convcost", "rewrite"]
    assert convcost(*words[1:]).status == 0
    total = api.analyze(words[-1]).total
    assert (total.mults, total.params) == tuple(data["totals"]["after"][name] for name in ("mults", "params"))


@pytest.mark.parametrize(
    ("name", "limit", "allow"),
    [
        ("resnet18", "mults=400M", "separable,bottleneck,grouped"),
        ("inception_v3", "mults=3G", "separable"),
        ("inception_v3", "params=15M", "grouped,asymmetric"),
        ("alexnet", "params=30M", "fully_convolutional,separable"),
        ("mobilenet_v2", "mults=280M", "grouped"),
    ],
)
def test_the_command_line_does_it_for_shipped_networks(name, limit, allow, convcost):
    status, data = steps(convcost, name, "--max", limit, "--allow", allow, "--ends")
    words = shlex.split(data["command"])
    assert convcost(*words[1:]).status == 0
    assert status == 0
    total = api.analyze(words[-1]).total
    assert {metric: getattr(total, metric) for metric in ("mults", "params")} == {
        metric: data["totals"]["after"][metric] for metric in ("mults", "params")
    }


def test_the_first_and_the_last_layer_are_spared_unless_told(convcost, three):
    status, data = steps(convcost, three, "--max", "mults=1M")
    assert status == 1
    assert data["spared"] == ["conv_1", "conv_4"]
    assert len(data["steps"]) == 2
    status, data = steps(convcost, three, "--max", "mults=1M", "--ends")
    # conv_1 saves 294,912 − (8·9 + 8·16)·256 = 243,712, and conv_4 147,456 − (16·9 + 16·4)·256 = 94,208
    assert status == 0
    assert data["totals"]["after"]["mults"] == 1_253_376 - 243_712 - 94_208


def test_a_limit_that_other_options_keep_is_not_called_out_of_reach(convcost, three):
    status, out, err = convcost("suggest", three, "--max", "mults=1M")
    assert (status, err) == (1, "")
    assert "Not kept: mults come down to 1,253,376, 253,376 above 1,000,000" in out
    assert "\nWithin reach with --ends.\n" in out
    assert "Out of reach" not in out
    assert "accuracy" in out
    assert "convcost rewrite three.yaml --to separable:wide" in out
    assert convcost("suggest", three, "--max", "mults=1M", "--ends").status == 0
    assert steps(convcost, three, "--max", "mults=1M")[1]["reached_by"] == "--ends"


def test_what_more_rewrites_keep_names_them(convcost, three):
    # wide and conv_3 as fire modules leave less than separable ones, with the ends 294,912 + 147,456
    _, data = steps(convcost, three, "--max", "mults=1.2M", "--allow", "grouped")
    options = "--allow grouped,separable,asymmetric,stacked,bottleneck,fire,fully_convolutional"
    assert data["reached_by"] == options
    status, again = steps(convcost, three, "--max", "mults=1.2M", *options.split())
    assert (status, again["reached"], again["reached_by"]) == (0, True, None)


def test_out_of_reach_is_what_no_option_keeps(convcost, three):
    status, out, _ = convcost("suggest", three, "--max", "mults=1")
    assert status == 1
    assert "Out of reach: mults come down to 1,253,376, 1,253,375 above 1" in out
    assert "Within reach" not in out
    assert steps(convcost, three, "--max", "mults=1")[1]["reached_by"] is None


def test_where_an_item_writes_an_end_its_other_uses_are_chosen(convcost):
    """In U-Net one item writes the first layer and most of the others."""
    status, data = steps(convcost, "unet", "--max", "mults=100G")
    assert status == 0
    assert not {name for step in data["steps"] for name in step["layers"]} & {*data["spared"]}
    assert 100e9 - 15.4e9 < data["totals"]["after"]["mults"] <= 100e9  # the smallest step saves 15,397,132,800


@pytest.mark.parametrize(("limit", "steps_"), [(900_000_000, 9), (1_711_538_688, 1), (400_000_000, 15)])
def test_single_uses_of_a_block_are_chosen_and_no_more_than_it_takes(limit, steps_, convcost):
    """ResNet-18: each use of a 3×3 convolution in a block is one by itself, and the text gets copies of the block."""
    status, data = steps(convcost, "resnet18", "--max", f"mults={limit}")
    assert status == 0
    total = data["totals"]["after"]["mults"]
    assert all(len(step["layers"]) == 1 for step in data["steps"])
    assert len(data["steps"]) == steps_
    # of stride 1: 3 · 102,534,656 + 3 · 102,308,864 + 3 · 101,857,280 + 4 · 100,954,112; of stride 2 some 51 M each
    assert limit - 102_534_656 < total <= limit
    words = shlex.split(data["command"])
    assert convcost(*words[1:]).status == 0
    assert api.analyze(words[-1]).total.mults == total


def test_only_what_is_allowed_is_used(convcost, three):
    _, data = steps(convcost, three, "--max", "mults=1.3M", "--allow", "grouped", "--with", "groups=4")
    assert {step["rewrite"] for step in data["steps"]} == {"grouped"}
    assert "--with groups=4" in data["command"]


@pytest.mark.parametrize("width", [80, 120, 140])
def test_a_terminal_of_any_width(width, terminal, three):
    out = terminal(
        "suggest", three, "--max", "mults=1.3M", "--max", "params=10k", width=width, env={"NO_COLOR": "1"}
    ).out
    *lines, command = out.splitlines()
    assert all(len(line) <= width for line in lines)
    assert command.startswith("convcost rewrite three.yaml ")  # in one piece, to be copied
    assert command.endswith(" -o three-rewritten.yaml")
    assert "1,253,376" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "suggest needs a limit"),
        (["--max", "mult=3"], "--max: there is no total 'mult'"),
        (["--max", "mults"], "--max takes METRIC=LIMIT"),
        (["--max", "mults=x"], "the limit of mults is a whole number"),
        (["--max", "mults=-1"], "the limit of mults is a whole number"),
        (["--max", "mults=3M", "--allow", "seperable"], "there is no rewrite 'seperable'"),
        (["--max", "mults=3M", "--with", "groups=4"], "the rewrite 'separable' has no option 'groups'"),
        (["--max", "mults=3M", "--set", "a=1"], "--set: three.yaml has no symbol 'a'"),
    ],
)
def test_wrong_input(arguments, message, convcost, three):
    status, out, err = convcost("suggest", three, *arguments)
    assert (status, out) == (2, "")
    assert f"error: {message}" in err


def test_the_steps_are_bounded(convcost, folder):
    """Each is counted and written anew: one step of 30,001 layers and no second, as 60,002 are more than 60,000."""
    conv = "  - conv: {out_channels: 8, kernel_size: 3, padding: 1}\n"
    (folder / "long.yaml").write_text(f"input: [8, 4, 4]\nlayers:\n{conv * 4}  - {{relu: , repeat: 29997}}\n")
    status, out, err = convcost("suggest", "long.yaml", "--max", "mults=1")
    assert (status, out) == (2, "")
    assert err == (
        "error: there are too many steps to suggest for so many layers\n"
        " = found: more than 1 step of 30,001 layers each, at most 60,000 layers together\n"
        " = help: a limit that is nearer, `convcost rewrite --to NAME` for all layers at once, or --max-layers N for "
        "more\n"
    )
    status, _, err = convcost("suggest", "long.yaml", "--max", "mults=1", "--max-layers", "60002")
    assert (status, err) == (1, "")  # out of reach, which two steps show
