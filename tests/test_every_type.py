"""Every layer type and every construct of the language, through every command."""

from __future__ import annotations

import csv
import json
import sys
from math import floor, gcd

import pytest
import yaml
from jsonschema import Draft7Validator

import convcost as api
from convcost import cli
from convcost.layers import REGISTRY
from convcost.metrics import METRICS
from convcost.rewriting.rewrites import NAMES
from convcost.spec.schema import spec_schema

MAP = """\
name: net
symbols: {r: 8}
input: [4, r, r]
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1, norm: batch_norm}
    name: first
"""
TOKENS = """\
name: net
symbols: {r: 8}
input: {shape: [r, 8], layout: tokens}
layers:
  - linear: {out_features: 8}
    name: first
"""
WORDS = """\
name: net
symbols: {r: 8}
input: [r]
layers:
"""

PLAIN = (
    "batch_norm",
    "celu",
    "dropout",
    "elu",
    "flatten",
    "gelu",
    "global_avg_pool",
    "global_max_pool",
    "glu",
    "hard_sigmoid",
    "hard_swish",
    "hard_tanh",
    "identity",
    "instance_norm",
    "l2_normalize",
    "layer_norm",
    "leaky_relu",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "rms_norm",
    "scale",
    "selu",
    "shift",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "standardize",
    "tanh",
    "tokens",
)
"""Types on a feature map that need no field."""

ON_A_MAP = {
    **dict.fromkeys(PLAIN),
    "conv": "{out_channels: 6, kernel_size: 3, padding: 1, padding_mode: reflect, groups: 2}",
    "depthwise_conv": "{kernel_size: 3, depth_multiplier: 2}",
    "pointwise_conv": "{out_channels: 6}",
    "separable_conv": "{out_channels: 6, kernel_size: 3, mid_bias: false}",
    "transposed_conv": "{out_channels: 6, kernel_size: 3, stride: 2, output_padding: 1}",
    "declared": "{output_shape: [4, r, r], params: 10, macs: 100, exp: 7, source: a paper}",
    "add": "[[], [relu]]",
    "multiply": "[[], [sigmoid]]",
    "concat": "[[], [relu]]",
    "subtract": "[[], [relu]]",
    "divide": "[[], [sigmoid]]",
    "maximum": "[[], [tanh]]",
    "minimum": "[[], [tanh]]",
    "elementwise": "{op: pow, value: 3}",
    "parameter": "\n  - add: [[], [{parameter: {shape: [4, 1, 1]}}]]",
    "linear": "\n  - flatten\n  - linear: {out_features: 10}",
    "slice": "{start: 1, end: 3}",
    "channel_shuffle": "{groups: 2}",
    "pixel_shuffle": "{upscale_factor: 2}",
    "pixel_unshuffle": "{downscale_factor: 2}",
    "pad": "{padding: 1, mode: reflect}",
    "crop": "{cropping: 1}",
    "group_norm": "{num_groups: 2}",
    "local_response_norm": "{size: 3}",
    "unfold": "{kernel_size: 2, stride: 2}",
    "fold": "\n  - unfold: {kernel_size: 2, stride: 2}\n  - fold: {output_size: [r, r], kernel_size: 2, stride: 2}",
    "max_pool": "{kernel_size: 3, stride: 2, padding: 1}",
    "avg_pool": "{kernel_size: 3, stride: 2, padding: 1, ceil_mode: true}",
    "lp_pool": "{kernel_size: 2, norm_type: 3}",
    "adaptive_avg_pool": "{output_size: 3}",
    "adaptive_max_pool": "{output_size: 3}",
    "max_unpool": "\n  - max_pool: {kernel_size: 2}\n    name: pool\n  - max_unpool: {of: pool}",
    "reduce": "{op: norm, axis: channels, keepdim: true}",
    "feature_map": "\n  - tokens\n  - feature_map: {size: [r, r]}",
    "rearrange": "{pattern: c (h p) (w q) -> (h w) (p q c), p: 2, q: 2}",
    "permute": "{axes: [1, 2, 0]}",
    "reshape": "{shape: [16, -1]}",
    "expand": "{shape: [2, 4, r, r]}",
    "deform_conv": "{out_channels: 6, kernel_size: 3, padding: 1, offset_groups: 2, modulated: true}",
    "grid_sample": "{size: [5, 6]}",
    "roi_align": "{num_regions: 3, output_size: 2, sampling_ratio: 2}",
    "roll": "{shift: 1, axis: width}",
    "flip": "{axis: width}",
    "gather": "{shape: [4, 3]}",
    "upsample": "{scale_factor: 2, mode: bicubic}",
    "cross_correlation": """
  - crop: {cropping: 2}
    name: kernel
  - cross_correlation: {mode: depthwise}
    from: [first, kernel]""",
    "split": """
  - split: {chunks: 2}
    name: [a, b]
  - multiply:
    from: [a, b]""",
    "each_slice": "\n  - each: {axis: height, layers: [{pointwise_conv: {out_channels: 5}}]}",
    "each_stack": "\n  - each: {axis: height, layers: [{pointwise_conv: {out_channels: 5}}]}",
}
ON_TOKENS = {
    "attention": "{num_heads: 2}",
    "attention_scores": "\n  - attention: {num_heads: 2, num_kv_heads: 1}",
    "attention_scale": "\n  - attention: {num_heads: 4, out_features: none}",
    "attention_bias": """
  - parameter: {shape: [2, 1, 1]}
    name: bias
  - attention: {num_heads: 2, score_bias: [bias]}
    from: first""",
    "attention_context": "\n  - attention: {num_heads: 2, value_dim: 3}",
    "matmul": "[[], [{permute: {axes: [1, 0]}}]]",
    "lstm": "{hidden_size: 5, bidirectional: true, num_layers: 2, proj_size: 2}",
    "gru": "{hidden_size: 5, return: last}",
    "rnn": "{hidden_size: 5}",
}
ON_WORDS = {"embedding": "{num_embeddings: 10, embedding_dim: 8}"}


def _specs(head, items):
    """Return a spec for each type: one item with these fields, or the items that are written out."""
    texts = {}
    for type, given in items.items():
        item = given[1:] if given and given[0] == "\n" else f"  - {type}{': ' if given else ''}{given or ''}"
        texts[type] = f"{head}{item}\n"
    return texts


TYPES = _specs(MAP, ON_A_MAP) | _specs(TOKENS, ON_TOKENS) | _specs(WORDS, ON_WORDS)

CONSTRUCTS = {
    "several inputs and outputs": """\
name: net
symbols: {r: 8}
inputs:
  image: [4, r, r]
  text: {shape: [5, 8], layout: tokens}
outputs: [seen, read]
layers:
  - tokens:
    from: image
  - linear: {out_features: 8}
    name: seen
  - attention: {num_heads: 2}
    from: [text, seen]
    name: read
""",
    "each": """\
name: net
symbols: {r: 8}
input: [3, 4, r, r]
layers:
  - each: {axis: 0, layers: [{conv: {out_channels: 4, kernel_size: 3, padding: 1}}, relu]}
""",
    "shared weights": """\
name: net
symbols: {r: 8}
input: [4, r, r]
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1, norm: batch_norm}
    name: first
  - conv: {out_channels: 4, kernel_size: 3, padding: 1, stride: 2, norm: batch_norm}
    name: second
    weights: first
""",
    "a repetition that is collected": """\
name: net
symbols: {r: 8}
input: [4, r, r]
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
    repeat: {times: 3, index: i, collect: concat}
  - pointwise_conv: {out_channels: 4}
  - pointwise_conv: {out_channels: 4}
    repeat: {times: 2, weights: shared}
""",
    "a block of two inputs": """\
name: net
symbols: {r: 8}
input: [4, r, r]
blocks:
  up:
    inputs: [x, skip]
    outputs: [y]
    params: {out: }
    layers:
      - transposed_conv: {out_channels: out, kernel_size: 2, stride: 2}
      - concat:
        from: [skip, previous]
      - conv: {out_channels: out, kernel_size: 3, padding: 1}
        name: y
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
    name: side
  - max_pool: {kernel_size: 2}
    name: down
  - up: {out: 4}
    from: [down, side]
""",
    "a choice": """\
name: net
symbols: {r: 8, wide: 0}
input: [4, r, r]
layers:
  - conv: {out_channels: 8, kernel_size: 3}
    if: wide == 1
    else:
      - conv: {out_channels: 4, kernel_size: 3}
  - relu
""",
    "frozen weights and widths": """\
name: net
symbols: {r: 8}
dtype: {weights: int8, activations: int8, biases: int32}
input: [4, r, r]
layers:
  - conv: {out_channels: 4, kernel_size: 3, norm: batch_norm}
    trainable: false
  - conv: {out_channels: 4, kernel_size: 3}
    dtype: float16
""",
    "declared outputs": """\
name: net
symbols: {r: 8}
input: [4, r, r]
layers:
  - conv: {out_channels: 4, kernel_size: 3, padding: 1}
  - declared: {output_shape: [[4, r, r], [4, 1, 1]], params: 10, buffers: 3, macs: 100, exp: 7}
    name: [map, gate]
  - multiply:
    from: [map, gate]
""",
}

SPECS = TYPES | CONSTRUCTS
VALIDATOR = Draft7Validator(spec_schema())
COLUMNS = ",".join(METRICS)
TOTALS = ("params", "buffers", "mults", "adds", "macs", "flops", "useful_mults")


def test_every_type_has_a_spec_in_which_it_occurs():
    unknown = [type for type, layer in REGISTRY.items() if layer.unknown]  # tests/cost/test_incomplete.py has these
    assert sorted([*TYPES, *unknown]) == sorted(REGISTRY)
    for type, text in TYPES.items():
        layers = {layer.type for layer in api.load(yaml.safe_load(text)).network.layers}
        assert type in layers or (REGISTRY[type].composite and f"  - {type}: " in text), type


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Return a function that runs a command in this process and returns what it writes as JSON, if it succeeds."""
    monkeypatch.chdir(tmp_path)

    def run(*words, ends=(0,)):
        """Run a command, which ends in one of these ways."""
        monkeypatch.setattr(sys, "argv", ["convcost", *words, "-f", "json"])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        shown = capsys.readouterr()
        status = ended.value.code or 0
        assert status in ends, (words, status, shown.err)
        if status == 2:  # a refusal, with its reason
            assert " = help: " in shown.err
            return None
        return json.loads(shown.out)

    return run


def written(name):
    """Return the options that write a report in the other formats, too."""
    return [
        word
        for format, end in (("table", "txt"), ("csv", "csv"), ("md", "md"))
        for word in ("-o", f"{format}:{name}.{end}")
    ]


def totals_of(document):
    return {name: document[name] for name in TOTALS}


@pytest.mark.parametrize(
    "name",
    [
        *(pytest.param(name, marks=pytest.mark.no_cover) for name in TYPES),  # tests of layers run their lines
        *CONSTRUCTS,
    ],
)
def test_every_command_takes_it_and_all_give_the_same_numbers(name, run, tmp_path):
    text = SPECS[name]
    (tmp_path / "net.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "other.yaml").write_text(TYPES["avg_pool"], encoding="utf-8")
    (tmp_path / "large.yaml").write_text(text.replace("{r: 8", "{r: 10"), encoding="utf-8")
    VALIDATOR.validate(yaml.safe_load(text))

    report = run("analyze", "net.yaml", "--columns", COLUMNS, *written("net"))
    total, layers = totals_of(report["total"]), report["layers"]
    with (tmp_path / "net.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["name"], int(row["mults"])) for row in rows] == [(row["name"], row["mults"]) for row in layers]
    assert {key: sum(int(row[key]) for row in rows) for key in TOTALS} == total
    assert f"**{total['macs']:,}**" in (tmp_path / "net.md").read_text(encoding="utf-8")

    norms = [layer for layer in layers if "folded" in str(layer["notes"])]
    deployed = run("analyze", "net.yaml", "--deployed")
    assert [layer["type"] for layer in deployed["layers"]].count("batch_norm") == (
        sum(layer["type"] == "batch_norm" for layer in layers) - len(norms)
    )
    assert deployed["total"]["mults"] == total["mults"]
    assert deployed["total"]["params"] == report["total"]["deployed_params"]
    assert totals_of(run("analyze", "net.yaml", "--formulas")["total"]) == total
    free = run("analyze", "net.yaml", "--free", "r")["total"]
    assert {key: eval(str(free[key]), {"r": 8, "floor": floor, "gcd": gcd}) for key in TOTALS} == total  # noqa: S307

    proved = run("verify", "net.yaml", "--full", *written("proof"))
    declared = [layer["name"] for layer in layers if layer["type"] == "declared"]
    assert (proved["agrees"], proved["complete"]) == (True, True)
    assert [layer["name"] for layer in proved["layers"] if layer["declared"]] == declared
    times = {layer.name: layer.times for layer in api.load("net.yaml").network.layers}  # one slice of an `each` runs
    performed = sum(layer["mults"] // times[layer["name"]] for layer in layers if layer["name"] not in declared)
    assert proved["total"]["counted"]["mul"] == proved["total"]["predicted"]["mul"] == performed
    assert run("verify", "net.yaml")["agrees"] is True

    fields = run("receptive-field", "net.yaml", *written("fields"))
    assert [layer["name"] for layer in fields["layers"]] == [layer["name"] for layer in layers]
    assert run("verify", "--receptive-field", "net.yaml")["agrees"] is True

    assert totals_of(run("compare", "net.yaml")["totals"]["as_written"]) == total
    assert totals_of(run("compare", "net.yaml", "other.yaml")["totals"]["before"]) == total
    changed = run("diff", "net.yaml", "large.yaml", *written("diff"))
    assert totals_of(changed["totals"]["before"]) == total
    assert {layer["kind"] for layer in run("diff", "net.yaml", "net.yaml")["layers"]} <= {"same"}

    (tmp_path / "convcost.yaml").write_text(
        "models: [net.yaml]\nbudgets: [{metric: params, growth: 0}, {metric: mults, growth: 0}]\n"
    )
    (tmp_path / "baseline.json").write_text(json.dumps(report), encoding="utf-8")
    held = run("check", "--baseline", "baseline.json")
    assert [verdict["actual"] for verdict in held["verdicts"]] == [total["params"], total["mults"]]
    assert held["ok"] is True
    over = run("check", "net.yaml", "--max", "params=0", ends=(1,) if total["params"] else (0,))
    assert totals_of(over["networks"][0]["total"]) == total

    points = run("sweep", "net.yaml", "--set", "r=8,10")["points"]
    assert [point["mults"] for point in points] == [total["mults"], changed["totals"]["after"]["mults"]]
    best = run("solve", "net.yaml", "--for", "r", "--max", "mults=1M", ends=(0, 2))
    assert best is None or int(best["best"]["value"]) >= 8
    steps = run("suggest", "net.yaml", "--max", "mults=1", ends=(0, 1))
    assert totals_of(steps["totals"]["before"]) == total
    for rewrite in NAMES:
        done = run("rewrite", "net.yaml", "--to", rewrite, "-o", f"{rewrite}.yaml", ends=(0, 2))
        if done is not None:
            assert totals_of(done["totals"]["before"]) == total
            assert totals_of(api.analyze(f"{rewrite}.yaml").to_dict()["total"]) == totals_of(done["totals"]["after"])


@pytest.mark.parametrize("type", TYPES)
def test_the_formulas_of_every_type_are_shown(type, run):
    shown = run("formulas", type)
    assert {formulas["type"] for formulas in shown["formulas"]} == {type}


@pytest.mark.parametrize("format", ["table", "json", "csv", "md"])
@pytest.mark.parametrize("name", ["declared", "declared outputs"])
def test_declared_costs_are_marked_wherever_rows_are_shown(name, format, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = SPECS[name]
    if name == "declared":
        text = f"{text.rstrip()}\n    name: own\n"  # a name that does not say it
    for file, size in ("net.yaml", 8), ("large.yaml", 10):
        (tmp_path / file).write_text(text.replace("{r: 8", f"{{r: {size}"), encoding="utf-8")
    for words in (
        ["analyze", "net.yaml"],
        ["verify", "net.yaml"],
        ["verify", "net.yaml", "--full"],
        ["compare", "net.yaml"],
        ["compare", "net.yaml", "large.yaml"],
        ["diff", "net.yaml", "large.yaml"],
        *([["check", "net.yaml", "--max", "params=1"]] if format != "csv" else []),  # whose rows are limits
    ):
        monkeypatch.setattr(sys, "argv", ["convcost", *words, "-f", format])
        with pytest.raises(SystemExit):
            cli.main()
        assert "declared" in capsys.readouterr().out, words
