"""Model files where specs are taken, and `convcost import`."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import nets
import onnx_writer as w
import pytest

import convcost
from convcost import cli
from convcost.importers import IMPORTERS, import_model
from convcost.spec import load
from convcost.spec.source import Source

SMALL = Path(__file__).parent / "data" / "small.onnx"
# 3×13×13, padded to 15×16, a 3×3 convolution of stride 2 to 4×7×7; 3×3 depthwise; pooled; 4 features to 10
PARAMS = 4 * 3 * 9 + 4 + 4 * 9 + 2 * 4 + 4 * 10 + 10
MACS = 7 * 7 * 4 * 3 * 9 + 7 * 7 * 4 * 9 + 4 * 10
TEXT = """\
# Imported from small.onnx (ONNX, opset 17, by onnx).
name: small
symbols: {r: 13}
input: [3, r, r]

layers:
  - conv: {out_channels: 4, kernel_size: 3, stride: 2, padding: [[1, 1], [0, 2]], activation: {leaky_relu: {negative_slope: 0.1}}}
    name: stem
  - residual: [depthwise_conv: {kernel_size: 3, padding: 1, bias: false, norm: batch_norm}]
  - avg_pool: {kernel_size: 2, ceil_mode: true}
  - global_avg_pool
  - flatten
  - {linear: {out_features: 10}, name: fc}
"""  # noqa: E501 -- as it is written


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command beside `small.onnx` and returns its status and what it wrote."""
    monkeypatch.chdir(tmp_path)
    Path("small.onnx").write_bytes(SMALL.read_bytes())

    def command(*words, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["convcost", *words])
        monkeypatch.setattr(sys, "stdin", type("Stdin", (), {"buffer": BytesIO(stdin)})())
        with pytest.raises(SystemExit) as ended:
            cli.main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return command


def test_a_model_file_is_a_spec():
    total = convcost.load(SMALL).analyze().total
    assert (total.params, total.macs, total.buffers) == (PARAMS, MACS, 2 * 4)


def test_its_name_does_not_matter(tmp_path):
    path = tmp_path / "net.yaml"
    path.write_bytes(SMALL.read_bytes())
    assert convcost.load(path).analyze().total.params == PARAMS


@pytest.mark.parametrize("words", [["analyze", "small.onnx", "-f", "json"], ["analyze", "-", "-f", "json"]])
def test_analyze_counts_it(words, command):
    status, out, err = command(*words, stdin=SMALL.read_bytes())
    assert (status, err) == (0, "")
    assert json.loads(out)["total"]["params"] == PARAMS


def test_every_other_command_takes_it(command):
    assert command("verify", "small.onnx")[0] == 0
    assert command("check", "small.onnx", "--max", f"params={PARAMS}")[0] == 0
    assert command("check", "small.onnx", "--max", f"params={PARAMS - 1}")[0] == 1
    assert command("rewrite", "small.onnx", "--to", "separable", "-o", "new.yaml")[0] == 0


def test_diff_takes_files_and_what_git_has(command):
    status, out, _ = command("diff", "small.onnx", "small.onnx", "-f", "json")
    assert (status, {layer["kind"] for layer in json.loads(out)["layers"]}) == (0, {"same"})
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, timeout=60)
    assert command("diff", "small.onnx", "--base", "HEAD")[0] == 0


def test_import_writes_a_spec(command):
    assert command("import", "small.onnx") == (0, TEXT, "")
    assert command("import", "small.onnx", "-o", "net.yaml") == (0, "", "")
    assert Path("net.yaml").read_text(encoding="utf-8") == TEXT
    assert convcost.load("net.yaml").analyze().total == convcost.load("small.onnx").analyze().total


def test_a_file_that_exists_needs_force(command):
    Path("net.yaml").write_text("mine")
    error = "error: 'net.yaml' exists\n = help: --force writes over it\n"
    assert command("import", "small.onnx", "-o", "net.yaml") == (2, "", error)
    assert command("import", "small.onnx", "-o", "net.yaml", "--force")[0] == 0
    assert Path("net.yaml").read_text(encoding="utf-8") == TEXT


def test_flat_writes_an_item_for_each_layer(command):
    lines = command("import", "small.onnx", "--flat")[1].splitlines()
    items = [line.removeprefix("  - ").partition(":")[0] for line in lines if line.startswith("  - ")]
    assert items == [
        *("conv", "leaky_relu", "depthwise_conv", "batch_norm", "add"),
        *("avg_pool", "global_avg_pool", "flatten", "linear"),
    ]


def test_what_is_no_model_is_not_imported(command):
    Path("net.yaml").write_text("input: [1, 2, 2]\nlayers: [relu]\n")
    Path("net.bin").write_bytes(b"\0\1\2")
    formats = ", ".join(IMPORTERS[name].name for name in IMPORTERS)
    help = f"\n = help: formats: {formats}; a spec needs no import\n"
    assert command("import", "net.yaml") == (2, "", f"error: 'net.yaml' is a text, not a model file{help}")
    assert command("import", "net.bin") == (2, "", f"error: 'net.bin' is of an unknown format, not a model file{help}")


def test_a_spec_needs_no_importer():
    code = (
        "import sys, convcost\nconvcost.load('resnet50').analyze()\n"
        "sys.exit(any(name.startswith('convcost.importers') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


def same(content, *, flat):
    """Return how the network of an imported model differs from it."""
    found = import_model(IMPORTERS["onnx"], content, "net.onnx", flat=flat)
    return found.difference(load(Source("net.onnx", found.text), found.sizes))


@pytest.mark.parametrize("flat", [False, True])
def test_the_spec_gives_the_network(flat):
    assert same(SMALL.read_bytes(), flat=flat) == ""


@pytest.mark.parametrize("flat", [False, True])
def test_several_inputs_outputs_parts_and_strange_names(flat):
    nodes = [
        w.node("Split", "a", "p q", axis=1),
        w.node("Conv", "p k", "r", "/no/Conv"),
        w.node("Conv", "q k", "s", "/no/Conv"),
        w.node("Add", "r b", "t", "/1.0/yes/Add"),
        w.node("BatchNormalization", "s w w w w", "u", "/\u00e4: [x]/BN"),
        w.node("Relu", "u", "v", "/previous/Relu"),
    ]
    tensors = [w.tensor("k", [4, 4, 1, 1]), w.tensor("w", [4])]
    model = w.model(nodes, {"a": [1, 8, 6, 6], "b": [1, 4, 6, 6]}, "v t", tensors)
    assert same(model, flat=flat) == ""
    found = import_model(IMPORTERS["onnx"], model, "net.onnx", flat=flat)
    assert [tensor.shape for tensor in found.model.outputs] == [(4, 6, 6), (4, 6, 6)]


def test_a_network_that_differs_is_noticed():
    found = import_model(IMPORTERS["onnx"], SMALL.read_bytes(), "net.onnx")
    other = found.text.replace("out_features: 10", "out_features: 11")
    assert found.difference(load(Source("net.onnx", other), {})) == "fc"
    other = found.text.replace("ceil_mode: true", "padding: 1")
    assert found.difference(load(Source("net.onnx", other), {})) == "avg_pool_1"
    other = found.text.replace("input: [3, r, r]", "input: [3, r, r + 1]")
    assert found.difference(load(Source("net.onnx", other), {})) == "its inputs"
    other = found.text.replace("  - flatten\n", "  - flatten\n  - relu\n")
    assert found.difference(load(Source("net.onnx", other), {})) == "10 layers instead of 9"


def test_whatever_is_cut_off_or_changed_is_an_error_or_a_network():
    content = SMALL.read_bytes()
    chance = random.Random(0)
    changed = [content[:size] for size in range(0, len(content), 7)]
    for _ in range(600):
        bytes_ = bytearray(content)
        for _ in range(chance.choice([1, 1, 3])):
            bytes_[chance.randrange(len(content))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
        changed.append(bytes(bytes_))
    errors = []
    for each in changed:
        try:
            assert same(each, flat=False) == ""
        except convcost.SpecError as error:
            errors += error.details
    assert len(errors) > len(changed) / 4
    assert {(detail.place.file, detail.place.line) for detail in errors} == {("net.onnx", 0)}  # not of the spec


def test_rows_keep_the_modules_of_the_file(command):
    layers = json.loads(command("analyze", "small.onnx", "-f", "json")[1])["layers"]
    assert [(layer["name"], layer.get("origin")) for layer in layers] == [
        *[("stem", "stem"), ("stem/leaky_relu", "act"), ("depthwise_conv_1", "dw")],
        *[("depthwise_conv_1/batch_norm", "n"), ("residual_1", None), ("avg_pool_1", "pool")],
        *[("global_avg_pool_1", "gap"), ("flatten_1", None), ("fc", "fc")],
    ]


def test_diff_matches_layers_by_the_modules_of_the_files(command):
    Path("a.onnx").write_bytes(nets.resnet())
    Path("b.onnx").write_bytes(nets.resnet(extra=True))
    one, other = ({layer.name for layer in convcost.load(name).network.layers} for name in ("a.onnx", "b.onnx"))
    assert len(one & other) < len(one) - 3  # one convolution more, and the second stage is no longer like the third
    difference = convcost.diff("a.onnx", "b.onnx")
    kinds = [(change.kind, change.moved or change.renamed, change.layer.origin) for change in difference.layers]
    assert [kind for kind in kinds if kind[:2] != ("same", False)] == [("added", False, "layer2.1.extra")]


def test_diff_finds_which_of_equal_blocks_was_removed(command):
    Path("a.onnx").write_bytes(nets.resnet())
    Path("b.onnx").write_bytes(nets.resnet(without="layer3.1"))
    difference = convcost.diff("a.onnx", "b.onnx")
    kinds = [(change.kind, change.layer.origin) for change in difference.layers if change.kind != "same"]
    parts = ("conv1", "relu", "conv2", "add", "relu_1")
    assert kinds == [("removed", f"layer3.1.{part}") for part in parts]
    assert not any(change.moved or change.renamed for change in difference.layers)


def test_a_model_with_thousands_of_layers_is_written_in_seconds():
    net = nets.Net(4, 8, 8)
    x = "input"
    chance = random.Random(0)
    for number in range(6_000):
        x = (net.conv(x, 4 + chance.randrange(2), 1, f"m{number}"), net.relu(x, f"n{number}"))[chance.randrange(2)]
    begin = time.process_time()
    found = import_model(IMPORTERS["onnx"], net.file(x), "net.onnx")
    assert time.process_time() - begin < 20
    assert found.difference(load(Source("net.onnx", found.text), found.sizes)) == ""


@pytest.mark.parametrize("words", [("import", "small.onnx"), ("rewrite", "small.onnx", "--to", "standard")])
@pytest.mark.parametrize("path", ["small.onnx", "new.onnx", "NEW.TFLITE", "without_suffix"])
def test_a_spec_is_not_written_over_a_model_nor_under_its_name(words, path, command):
    Path("without_suffix").write_bytes(SMALL.read_bytes())
    status, out, err = command(*words, "-o", path, "--force")
    message = f"error: a spec is not written to {path!r}, a model file\n = help: -o NAME.yaml\n"
    assert (status, out, err) == (2, "", message)
    assert Path("small.onnx").read_bytes() == Path("without_suffix").read_bytes() == SMALL.read_bytes()


def test_a_model_that_is_not_there_is_no_shipped_spec(command):
    assert command("analyze", "big.onnx") == (2, "", "error: there is no file 'big.onnx'\n")
