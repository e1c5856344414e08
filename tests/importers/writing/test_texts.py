"""Specs of imported models as people would have written them: whole texts, and what any network keeps."""

from __future__ import annotations

import nets
import onnx_writer as w
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import convcost
from convcost.importers import IMPORTERS, import_model
from convcost.importers.writing import names
from convcost.spec import load
from convcost.spec.document import FIRST_TYPES, ITEM_KEYS
from convcost.spec.source import Source

RESNET = """\
# Imported from net.onnx (ONNX, opset 17, by test).
name: net
symbols: {r: 64}
input: [3, r, r]

blocks:
  basic:
    params: {out: , stride: 1}
    layers:
      - residual:
          body:
            - conv: {out_channels: out, kernel_size: 3, padding: 1, stride: stride, activation: relu}
            - conv: {out_channels: out, kernel_size: 3, padding: 1}
          shortcut:
            - {conv: {out_channels: out, kernel_size: 1, stride: stride}, if: stride != 1}
      - relu

  layer:
    params: {out: 2 * in_channels, depth: }
    layers:
      - basic: {out: out, stride: 2}
      - {basic: {out: out}, repeat: depth}

layers:
  - {conv: {out_channels: 16, kernel_size: 7, stride: 2, padding: 3, activation: relu}, name: conv1}
  - max_pool: {kernel_size: 2}
  - {basic: {out: 16}, name: layer1, repeat: 2}
  - {layer: {depth: 1}, name: layer2}
  - {layer: {depth: 2}, name: layer3}
  - global_avg_pool
  - flatten
  - {linear: {out_features: 10}, name: fc}
"""
MOBILENET = """\
# Imported from net.onnx (ONNX, opset 17, by test).
name: net
symbols: {r: 64}
input: [3, r, r]

defaults:
  conv: {activation: hard_swish}

blocks:
  inverted_bottleneck:
    params: {out: , stride: 1}
    layers:
      - conv: {out_channels: 6 * in_channels, kernel_size: 1}
      - depthwise_conv: {kernel_size: 3, padding: 1, stride: stride}
      - conv: {out_channels: out, kernel_size: 1, activation: none}

  stage:
    params: {out: , depth: }
    layers:
      - inverted_bottleneck: {out: out, stride: 2}
      - {residual: [inverted_bottleneck: {out: out}], repeat: depth}

layers:
  - {conv: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}, name: features.0.0}
  - {inverted_bottleneck: {out: 16}, name: features.1.conv}
  - stage: {out: 24, depth: 1}
  - stage: {out: 32, depth: 2}
  - stage: {out: 64, depth: 1}
  - global_avg_pool
  - flatten
  - {linear: {out_features: 10}, name: classifier}
"""
GOOGLENET = """\
# Imported from net.onnx (ONNX, opset 17, by test).
name: net
symbols: {r: 64}
input: [3, r, r]

defaults:
  conv: {activation: relu}

blocks:
  inception:
    params: {branch1: , branch2: , branch2_1: , branch3: , branch3_1: , branch4_1: }
    layers:
      - concat:
          - - conv: {out_channels: branch1, kernel_size: 1}
          - - conv: {out_channels: branch2, kernel_size: 1}
            - conv: {out_channels: branch2_1, kernel_size: 3, padding: 1}
          - - conv: {out_channels: branch3, kernel_size: 1}
            - conv: {out_channels: branch3_1, kernel_size: 3, padding: 1}
          - - max_pool: {kernel_size: 3, stride: 1, padding: 1}
            - conv: {out_channels: branch4_1, kernel_size: 1}

layers:
  - {conv: {out_channels: 16, kernel_size: 7, stride: 2, padding: 3}, name: conv1.conv}
  - inception: {branch1: 8, branch2: 12, branch2_1: 16, branch3: 2, branch3_1: 4, branch4_1: 4}
    name: inception3a
  - inception: {branch1: 16, branch2: 16, branch2_1: 24, branch3: 4, branch3_1: 12, branch4_1: 8}
    name: inception3b
  - max_pool: {kernel_size: 2}
  - inception: {branch1: 24, branch2: 12, branch2_1: 26, branch3: 2, branch3_1: 6, branch4_1: 8}
    name: inception4a
  - inception: {branch1: 20, branch2: 14, branch2_1: 28, branch3: 3, branch3_1: 8, branch4_1: 8}
    name: inception4b
  - global_avg_pool
  - flatten
  - {linear: {out_features: 10}, name: fc}
"""
UNET = """\
# Imported from net.onnx (ONNX, opset 17, by test).
name: net
symbols: {r: 32}
input: [1, r, r]

defaults:
  conv: {bias: false, norm: batch_norm, activation: relu}

blocks:
  up:
    inputs: [x, skip]
    params: {out: in_channels / 2}
    layers:
      - transposed_conv: {out_channels: out, kernel_size: 2, stride: 2}
      - {concat: , from: [skip, previous]}
      - {conv: {out_channels: out, kernel_size: 3, padding: 1}, repeat: 2}

  down:
    params: {out: 2 * in_channels}
    layers:
      - max_pool: {kernel_size: 2}
      - {conv: {out_channels: out, kernel_size: 3, padding: 1}, repeat: 2}

layers:
  - {conv: {out_channels: 8, kernel_size: 3, padding: 1}, name: inc.double_conv, repeat: 2}
  - {down: , name: down1}
  - {down: , name: down2}
  - {down: , name: down3}
  - {up: , from: [down3, down2], name: up1}
  - {up: , from: [up1, down1], name: up2}
  - {up: , from: [up2, inc.double_conv], name: up3}
  - conv: {out_channels: 2, kernel_size: 1, bias: true, norm: none, activation: none}
    name: outc.conv
"""
BARE_UNET = """\
# Imported from net.onnx (ONNX, opset 17, by test).
name: net
symbols: {r: 32}
input: [1, r, r]

defaults:
  conv: {bias: false, norm: batch_norm, activation: relu}

blocks:
  up:
    inputs: [x, skip]
    params: {out: }
    layers:
      - {conv: {out_channels: out, kernel_size: 3, padding: 1}, repeat: 2}
      - transposed_conv: {out_channels: out / 2, kernel_size: 2, stride: 2}
      - {concat: , from: [skip, previous]}

layers:
  - {conv: {out_channels: 8, kernel_size: 3, padding: 1}, name: skip_1, repeat: 2}
  - max_pool: {kernel_size: 2}
  - {conv: {out_channels: 16, kernel_size: 3, padding: 1}, name: skip_2, repeat: 2}
  - max_pool: {kernel_size: 2}
  - {conv: {out_channels: 32, kernel_size: 3, padding: 1}, name: skip_3, repeat: 2}
  - max_pool: {kernel_size: 2}
  - {up: {out: 64}, from: [previous, skip_3]}
  - {up: {out: 32}, from: [previous, skip_2]}
  - {up: {out: 16}, from: [previous, skip_1]}
  - {conv: {out_channels: 8, kernel_size: 3, padding: 1}, repeat: 2}
  - conv: {out_channels: 2, kernel_size: 1, bias: true, norm: none, activation: none}
"""


def imported(content, *, flat=False):
    return import_model(IMPORTERS["onnx"], content, "net.onnx", flat=flat)


def body(net, *outputs, **options):
    """Return the text of a network behind its input."""
    return imported(net.file(*outputs), **options).text.partition("input: ")[2].partition("\n\n")[2]


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (nets.resnet(), RESNET),
        (nets.mobilenet(), MOBILENET),
        (nets.googlenet(), GOOGLENET),
        (nets.unet(), UNET),
        (nets.unet(scoped=False), BARE_UNET),
    ],
    ids=["resnet", "mobilenet", "googlenet", "unet", "unet without names"],
)
def test_a_network_is_written_as_a_person_would(model, text):
    found = imported(model)
    assert found.text == text
    assert found.difference(load(Source("net.onnx", text), {})) == ""


@pytest.mark.parametrize("operator", ["Concat", "Sub"])
def test_branches_that_run_in_another_order_than_they_meet_are_read_by_name(operator):
    net = nets.Net(8, 16, 16)
    first, second = net.conv("input", 4, 1, "a"), net.conv("input", 4, 3, "b")
    more = {"axis": 1} if operator == "Concat" else {}
    content = net.file(net.add(operator, [second, first], 8, **more))
    written = import_model(IMPORTERS["onnx"], content, "net.onnx").text.partition("layers:\n")[2]
    assert written.splitlines() == [
        "  - {conv: {out_channels: 4, kernel_size: 1}, name: a}",
        "  - {conv: {out_channels: 4, kernel_size: 3, padding: 1}, from: input, name: b}",
        f"  - {{{'concat' if more else 'subtract'}: , from: [b, a]}}",
    ]


def test_branches_within_a_residual_are_written_within_it():
    net = nets.Net(8, 16, 16)
    start = net.relu(net.conv("input", 8, 3, "stem"))
    x = net.relu(net.conv(start, 8, 1, "block0.conv1"))
    joined = net.concat([net.conv(x, 4, 1, "block0.a"), net.conv(x, 4, 3, "block0.b")], "block0")
    content = net.file(net.head(net.sum(joined, start, "block0"), 10))
    written = import_model(IMPORTERS["onnx"], content, "net.onnx").text.partition("layers:\n")[2]
    assert written.splitlines()[1:7] == [
        "  - residual:",
        "      - conv: {out_channels: 8, kernel_size: 1, activation: relu}",
        "      - concat:",
        "          - - conv: {out_channels: 4, kernel_size: 1}",
        "          - - conv: {out_channels: 4, kernel_size: 3, padding: 1}",
        "    name: block0",
    ]


def test_modules_without_names_are_called_after_their_structure():
    written = import_model(IMPORTERS["onnx"], nets.googlenet(scoped=False), "net.onnx").text
    assert written.partition("blocks:\n")[2].splitlines()[0] == "  inception:"


def test_numbers_of_a_text_are_those_of_the_network():
    # 3→16, 7×7 at 32²; two blocks of 16 at 16²; 16→32 and one of 32 at 8²; 32→64 and two of 64 at 4²; 64→10
    params = 16 * 3 * 49 + 16 + 4 * (16 * 16 * 9 + 16)
    params += (32 * 16 * 9 + 32) + (32 * 32 * 9 + 32) + (32 * 16 + 32) + 2 * (32 * 32 * 9 + 32)
    params += (64 * 32 * 9 + 64) + (64 * 64 * 9 + 64) + (64 * 32 + 64) + 4 * (64 * 64 * 9 + 64) + 64 * 10 + 10
    macs = 32**2 * 16 * 3 * 49 + 16**2 * 4 * 16 * 16 * 9
    macs += 8**2 * (32 * 16 * 9 + 32 * 32 * 9 + 32 * 16 + 2 * 32 * 32 * 9)
    macs += 4**2 * (64 * 32 * 9 + 64 * 64 * 9 + 64 * 32 + 4 * 64 * 64 * 9) + 64 * 10
    total = convcost.Model(load(Source("net.onnx", RESNET), {})).analyze().total
    assert (total.params, total.macs) == (params, macs)


def test_one_item_a_layer_is_written_on_demand():
    net = nets.Net(3, 16, 16)
    x = net.relu(net.norm(net.conv("input", 4, 3, "a.conv"), "a.bn"), "a.relu")
    text = body(net, net.sum(x, net.conv(x, 4, 3, "b"), ""), flat=True)
    assert (
        text
        == """\
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
    name: a.conv
  - batch_norm:
    name: a.bn
  - relu:
    name: a.relu
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
    name: b
  - add:
    from: [a.relu, b]
"""
    )


def test_a_shortcut_that_runs_first_stays_first():
    net = nets.Net(4, 16, 16)
    short = net.conv("input", 8, 1, "proj")
    y = net.conv(net.conv("input", 8, 3, "a"), 8, 3, "b")
    assert (
        body(net, net.sum(y, short)).partition("layers:")[2]
        == """
  - add:
      - - conv: {out_channels: 8, kernel_size: 1}
      - - {conv: {out_channels: 8, kernel_size: 3, padding: 1}, repeat: 2}
"""
    )


def test_a_pooled_branch_takes_the_size_of_the_picture():
    net = nets.Net(4, 24, 24)
    x = net.conv("input", 8, 3, "a", stride=2)
    pooled = net.add("GlobalAveragePool", [x], 8)
    net.tensors.append(w.tensor("sizes", [4], [1, 8, 12, 12], w.INT64))
    net.channels["sizes"] = 0
    net.tensors.append(w.tensor("none", [0], []))
    wide = net.add("Resize", [pooled, "none", "none", "sizes"], 8, mode="nearest")
    text = body(net, net.concat([x, wide]))
    assert "upsample: {size: ceil(r / 2)}" in text


def test_what_holds_for_the_first_repetition_alone_is_no_relation():
    net = nets.Net(128, 64, 64)
    x = "input"
    for number, out in enumerate((64, 32, 16, 8, 4)):  # the first of two convolutions halves the channels
        x = net.pool(x, scope=f"down{number}.pool")
        for turn in range(2):
            x = net.conv(x, out, 3, f"down{number}.conv{turn}")
    assert (
        body(net, x).partition("\nlayers:")[0]
        == """\
blocks:
  down:
    params: {out: in_channels / 2}
    layers:
      - max_pool: {kernel_size: 2}
      - {conv: {out_channels: out, kernel_size: 3, padding: 1}, repeat: 2}
"""
    )


def test_repetitions_within_repetitions_keep_the_order_of_the_file():
    net = nets.Net(8, 16, 16)
    x = "input"
    for number in range(3):
        y = net.conv(net.conv(x, 8, 3, f"m.{number}.a"), 8, 3, f"m.{number}.b")
        x = net.sum(y, x, f"m.{number}")
    found = imported(net.file(x))
    assert found.difference(load(Source("net.onnx", found.text), {})) == ""
    assert found.text.endswith("""
layers:
  - residual:
      - {conv: {out_channels: 8, kernel_size: 3, padding: 1}, repeat: 2}
    name: m
    repeat: 3
""")
    assert [item.name for item in found.layers] == [f"m.{n}.{part}" for n in range(3) for part in ("a", "b", "add")]


def test_a_network_of_fixed_size_keeps_its_numbers():
    net = nets.Net(1, 8, 8)
    flat = net.add("Flatten", [net.conv("input", 2, 3, "a")], 128)
    content = net.file(net.add("Gemm", [flat], 5, "fc", [[5, 128], [5]], transB=1))
    assert "input: [1, 8, 8]\n" in imported(content).text
    assert "symbols" not in imported(content).text


def test_blocks_are_not_called_by_words_of_the_language():
    assert frozenset(ITEM_KEYS) <= names.RESERVED
    net = nets.Net(4, 8, 8)
    x = "input"
    for turn in range(3):  # modules called as a layer type
        y = net.conv(net.conv(x, 4 + 4 * turn, 3, f"conv{turn}.a"), 8 + 4 * turn, 1, f"conv{turn}.b")
        x = net.relu(net.pool(y, 3, f"conv{turn}.c", stride=1), f"conv{turn}.d")
    text = body(net, x)
    blocks = [
        line.strip(" :")
        for line in text.splitlines()
        if line.startswith("  ") and line.endswith(":") and line[2] not in " -"
    ]
    assert blocks
    assert not set(blocks) & FIRST_TYPES


STEPS = st.lists(st.integers(0, 11), min_size=1, max_size=6)
PROGRAMS = st.tuples(
    st.lists(STEPS, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4), st.sampled_from((4, 8, 12))), min_size=1, max_size=6),
    st.booleans(),
)


DENSE = """\
# Imported from net.onnx (ONNX, opset 17, by test).
name: net
symbols: {r: 16}
input: [4, r, r]

blocks:
  layer:
    layers:
      - conv: {out_channels: 8, kernel_size: 1, activation: relu}
      - conv: {out_channels: 6, kernel_size: 3, padding: 1}

layers:
  - {conv: {out_channels: 8, kernel_size: 1}, name: stem}
  - {layer: , name: dense, repeat: {times: 4, collect: dense}}
  - {conv: {out_channels: 5, kernel_size: 1}, name: head}
"""


def dense_net(times=4, *, spoiled=""):
    """Return a network with a dense block, and what each of its layers gives."""
    net = nets.Net(4, 16, 16)
    values = [net.conv("input", 8, 1, "stem")]
    x = values[0]
    for turn in range(times):
        x = net.relu(net.conv(x, 8, 1, f"dense.layer{turn + 1}.conv1"), f"dense.layer{turn + 1}.relu")
        wide = 5 if spoiled == "width" and turn == 2 else 6
        values.append(net.conv(x, wide, 3, f"dense.layer{turn + 1}.conv2"))
        order = values[::-1] if spoiled == "order" and turn == 2 else values
        x = net.concat(order, "dense")
    outputs = [net.conv(x, 5, 1, "head")]
    if spoiled == "inner":
        outputs.append(net.relu(values[2], "tap"))
    if spoiled == "output":
        outputs.append(values[2])
    return net.file(*outputs)


def test_layers_that_read_all_before_them_are_one_repetition(tmp_path):
    found = imported(dense_net())
    assert found.text == DENSE
    path = tmp_path / "net.yaml"
    path.write_text(DENSE, encoding="utf-8")
    widths = [8, 8 + 6, 8 + 2 * 6, 8 + 3 * 6]
    params = (4 + 1) * 8 + sum((width + 1) * 8 + (8 * 9 + 1) * 6 for width in widths) + (8 + 4 * 6 + 1) * 5
    assert convcost.load(path).analyze().total.params == params


@pytest.mark.parametrize("spoiled", ["width", "order", "inner", "output"])
def test_a_dense_block_with_an_exception_is_none(spoiled):
    found = imported(dense_net(spoiled=spoiled))
    assert "dense}" not in found.text
    assert found.difference(load(Source("net.onnx", found.text), {})) == ""


def random_net(program):
    """Return a network of modules: each a sequence of steps that is run several times, at some width."""
    modules, runs, scoped = program
    net = nets.Net(4, 16, 16, scoped=scoped)
    values = [("input", 16)]
    for number, (module, times, width) in enumerate(runs):
        for turn in range(times):
            for at, step in enumerate(modules[module % len(modules)]):
                values.append(one_step(net, values, step, width, f"m{number}.{turn}.s{at}"))
    return net, values


def one_step(net, values, step, width, scope):
    """Add an operation that reads the newest value, and perhaps older ones of its size."""
    x, size = values[-1]
    channels = net.channels[x]
    same = [value for value, its in values[:-1] if its == size and net.channels[value] == channels and value != x]
    wide = [value for value, its in values[:-1] if its == size and net.channels[value] + channels < 64 and value != x]
    if step == 0 and same:
        return net.sum(x, same[-1], scope), size
    if step == 1 and same:
        return net.sum(same[0], x, scope), size
    if step == 2 and wide:
        return net.concat([x, wide[-1]], scope), size
    if step == 3 and wide:
        return net.concat([wide[0], x, wide[-1]], scope) if len(wide) > 1 else x, size
    if step == 4 and size >= 4:
        return net.pool(x, 2, scope), size // 2
    if step == 5:
        return net.act(x, "Sigmoid", scope), size
    if step == 6:
        return net.relu(
            net.norm(net.conv(x, width, 3, f"{scope}.conv", bias=False), f"{scope}.bn"), f"{scope}.relu"
        ), size
    if step == 7:
        return net.conv(x, channels, 3, scope, groups=channels), size
    if step == 8 and size >= 4:
        return net.conv(x, width, 3, scope, stride=2), size // 2
    if step == 9:
        return net.conv(x, 2 * channels if channels < 32 else width, 1, scope), size
    if step == 10 and same:
        return net.add("Mul", [x, same[-1]], channels, scope), size
    return net.relu(net.conv(x, width, 1, scope), scope), size


@settings(max_examples=150, deadline=None)
@example(([[2, 0]], [(0, 1, 4), (0, 3, 4)], False), False)
@example(([[0, 11]], [(0, 1, 4), (0, 3, 8)], False), False)
@given(PROGRAMS, st.booleans())
def test_any_network_is_the_same_when_its_text_is_read(program, flat):
    net, values = random_net(program)
    found = imported(net.file(values[-1][0]), flat=flat)
    network = load(Source("net.onnx", found.text), {})
    assert found.difference(network) == ""
    if "symbols: {r: 16}" in found.text:
        assert load(Source("net.onnx", found.text), {"r": 48}).layers[-1].type == network.layers[-1].type


def test_the_text_takes_what_any_spec_takes(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(MOBILENET, encoding="utf-8")
    found = convcost.analyze(path, free=["r"])
    at = convcost.load(path, set={"r": 128}).analyze().total
    assert found.total.macs.evaluate({"r": 128}) == at.macs
    assert found.total.params == at.params
    # the stem alone has a kernel of 3×3 that mixes channels: 8·3·9 and its bias become 3·9 and 3·8, with two biases
    less = 8 * 3 * 9 + 8 - (3 * 9 + 3) - (3 * 8 + 8)
    assert at.params - convcost.load(path).rewrite("separable").analyze().total.params == less
