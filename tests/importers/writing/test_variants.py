"""Blocks that differ in an item or two, as one with `if`; blocks that say nothing, written out."""

from __future__ import annotations

import nets
import onnx_writer as w
import pytest

from convcost.importers import IMPORTERS, import_model
from convcost.spec import load
from convcost.spec.source import Source


def imported(content):
    """Return a model as a spec that has its network."""
    found = import_model(IMPORTERS["onnx"], content, "net.onnx")
    assert found.difference(load(Source("net.onnx", found.text), {})) == ""
    return found.text


def residuals(*kinds):
    """Return inverted residuals, each of its expansion, what its gate is squeezed to, and its channels; 0 for none."""
    net = nets.Net(16, 32, 32)
    x = "input"
    for number, (wide, squeezed, out) in enumerate(kinds):
        at = f"blocks.{number}"
        y = net.act(net.conv(x, wide, 1, f"{at}.expand"), "HardSwish") if wide else x
        y = net.act(net.conv(y, net.channels[y], 3, f"{at}.depthwise", groups=net.channels[y]), "HardSwish")
        if squeezed:
            gate = net.add("GlobalAveragePool", [y], net.channels[y])
            gate = net.relu(net.conv(gate, squeezed, 1, f"{at}.se.reduce"))
            gate = net.act(net.conv(gate, net.channels[y], 1, f"{at}.se.expand"), "Sigmoid")
            y = net.add("Mul", [y, gate], net.channels[y], f"{at}.se")
        x = net.conv(y, out, 1, f"{at}.project")
    return net.file(x)


def test_a_gate_that_only_some_have_is_left_out_by_its_number():
    found = imported(residuals((64, 0, 24), (72, 20, 40), (120, 32, 40), (240, 0, 80), (200, 0, 80), (480, 60, 112)))
    assert (
        found.partition("blocks:\n")[2]
        == """\
  inverted_bottleneck_se:
    params: {out: , mid: , squeezed: 0}
    layers:
      - conv: {out_channels: mid, kernel_size: 1, activation: hard_swish}
      - depthwise_conv: {kernel_size: 3, padding: 1, activation: hard_swish}
      - multiply:
          - []
          - - global_avg_pool
            - conv: {out_channels: squeezed, kernel_size: 1, activation: relu}
            - conv: {out_channels: mid, kernel_size: 1, activation: sigmoid}
        if: squeezed > 0
      - conv: {out_channels: out, kernel_size: 1}

layers:
  - {inverted_bottleneck_se: {out: 24, mid: 64}, name: blocks.0}
  - {inverted_bottleneck_se: {out: 40, mid: 72, squeezed: 20}, name: blocks.1}
  - {inverted_bottleneck_se: {out: 40, mid: 120, squeezed: 32}, name: blocks.2}
  - {inverted_bottleneck_se: {out: 80, mid: 240}, name: blocks.3}
  - {inverted_bottleneck_se: {out: 80, mid: 200}, name: blocks.4}
  - {inverted_bottleneck_se: {out: 112, mid: 480, squeezed: 60}, name: blocks.5}
"""
    )


def test_a_gate_that_no_number_tells_of_is_left_out_by_a_parameter():
    found = imported(residuals((32, 8, 24), (48, 0, 40), (80, 0, 56), (112, 0, 64), (128, 32, 96), (192, 48, 80)))
    assert (
        found.partition("blocks:\n")[2]
        == """\
  inverted_bottleneck_se:
    params: {out: , mid: 2 * in_channels, gated: false}
    layers:
      - conv: {out_channels: mid, kernel_size: 1, activation: hard_swish}
      - depthwise_conv: {kernel_size: 3, padding: 1, activation: hard_swish}
      - multiply:
          - []
          - - global_avg_pool
            - conv: {out_channels: mid / 4, kernel_size: 1, activation: relu}
            - conv: {out_channels: mid, kernel_size: 1, activation: sigmoid}
        if: gated
      - conv: {out_channels: out, kernel_size: 1}

layers:
  - {inverted_bottleneck_se: {out: 24, gated: true}, name: blocks.0}
  - {inverted_bottleneck_se: {out: 40}, name: blocks.1}
  - {inverted_bottleneck_se: {out: 56}, name: blocks.2}
  - {inverted_bottleneck_se: {out: 64}, name: blocks.3}
  - {inverted_bottleneck_se: {out: 96, gated: true}, name: blocks.4}
  - {inverted_bottleneck_se: {out: 80, gated: true}, name: blocks.5}
"""
    )


def bottlenecks(*kinds):
    """Return bottlenecks, each of its stride and its channels; where these change it has a shortcut of its own."""
    net = nets.Net(64, 32, 32)
    x = "input"
    for number, (stride, out) in enumerate(kinds):
        at = f"blocks.{number}"
        y = net.relu(net.conv(x, out // 4, 1, f"{at}.conv1"))
        y = net.relu(net.conv(y, out // 4, 3, f"{at}.conv2", stride=stride))
        y = net.conv(y, out, 1, f"{at}.conv3")
        short = net.conv(x, out, 1, f"{at}.proj", stride=stride) if net.channels[x] != out or stride != 1 else x
        x = net.relu(net.sum(y, short, at))
    return net.file(x)


@pytest.mark.parametrize(
    ("kinds", "condition"),
    [
        ([(1, 256), (1, 256), (2, 512), (1, 512), (1, 512), (2, 1024)], "in_channels != out"),
        ([(2, 256), (1, 256), (1, 512), (1, 512), (2, 512), (1, 512), (1, 256)], "stride != 1 or in_channels != out"),
        ([(2, 64), (1, 64), (1, 64), (2, 64), (1, 64), (2, 64)], "stride != 1"),
    ],
)
def test_a_shortcut_has_a_layer_where_the_shape_changes(kinds, condition):
    found = imported(bottlenecks(*kinds))
    assert f"if: {condition}" in found
    assert found.count("residual") == 1


def test_a_shortcut_that_only_some_have_takes_the_numbers_of_the_block():
    found = imported(bottlenecks((1, 256), (1, 256), (2, 512), (1, 512), (1, 512), (2, 1024)))
    assert (
        found.partition("blocks:\n")[2]
        .partition("  layer:")[0]
        .startswith("""\
  bottleneck:
    params: {out: , stride: 1}
    layers:
      - residual:
          body:
            - conv: {out_channels: out / 4, kernel_size: 1, activation: relu}
            - conv: {out_channels: out / 4, kernel_size: 3, padding: 1, stride: stride, activation: relu}
            - conv: {out_channels: out, kernel_size: 1}
          shortcut:
            - {conv: {out_channels: out, kernel_size: 1, stride: stride}, if: in_channels != out}
      - relu
""")
    )


def test_a_block_that_is_no_more_than_the_use_of_another_is_written_out():
    net = nets.Net(8, 32, 32)
    x = "input"
    for stage, (mid, out, depth) in enumerate(((6, 24, 1), (8, 40, 1), (10, 56, 2), (12, 72, 1))):
        for turn in range(depth):
            at, values = f"stages.{stage}.blocks.{turn}", [x]
            for layer in range(3):
                values.append(net.relu(net.conv(values[-1], mid, 3, f"{at}.layers.{layer}")))
            y = net.relu(net.conv(net.concat(values, at), out, 1, f"{at}.aggregation"))
            x = net.sum(y, x, at) if turn else y
        if stage < 3:
            x = net.conv(x, out, 3, f"stages.{stage + 1}.downsample", stride=2, groups=out)
    found = imported(net.file(x))
    (name,) = [
        line.strip(" :") for line in found.splitlines() if line.startswith("  ") and line[2:].rstrip(":").isidentifier()
    ]
    assert found.count(f"- {{{name}: {{out: ") == 5


def blurred(*kinds):
    """Return blocks of an expansion, a filter where their channels change, and a projection."""
    net = nets.Net(16, 32, 32)
    x = "input"
    for number, (wide, out) in enumerate(kinds):
        at, before = f"blocks.{number}", net.channels[x]
        y = net.relu(net.conv(x, wide, 1, f"{at}.expand"))
        y = net.relu(net.conv(y, wide, 5, f"{at}.depthwise", groups=wide))
        if before != out:
            y = net.conv(y, wide, 3, f"{at}.filter", groups=wide)
        x = net.conv(y, out, 1, f"{at}.project")
    return net.file(x)


def test_channels_within_a_block_are_not_those_that_reach_it():
    found = imported(
        blurred((64, 24), (40, 24), (56, 40), (96, 40), (80, 40))
    )  # its file's network: as `imported` sees
    assert "in_channels !=" not in found
    assert "if: depthwise" in found


@pytest.mark.parametrize(
    ("nodes", "tensors"),
    [
        # rows become channels, of which the norm has a number each
        (
            [w.node("Transpose", "x", "t", perm=[0, 2, 1, 3]), w.node("BatchNormalization", "t n n n n", "y")],
            [w.tensor("n", [16])],
        ),
        # 20 is no multiple of 16, nor a share of it
        (
            [w.node("Resize", "x none none sizes", "y")],
            [w.tensor("none", [0]), w.tensor("sizes", [4], [1, 8, 20, 20], w.INT64)],
        ),
    ],
    ids=["norm", "resize"],
)
def test_sizes_that_a_layer_fixes_stay_numbers(nodes, tensors):
    found = imported(w.model(nodes, {"x": [1, 8, 16, 16]}, "y", tensors))
    assert found.partition("\n\nlayers:")[0].splitlines()[-1] == "input: [8, 16, 16]"
    assert "symbols:" not in found
