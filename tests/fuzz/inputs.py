"""Commands with their files, made from a number: from grammars that go astray, and from files that are right, spoiled."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from networks import Networks

SPECS = Path(__file__).parent.parent.parent / "specs"

HOSTILE = [
    "a\u202eb", "\u200b", "\ufeff", "a\x1b[31mb", "::error::x", "##[add-mask]x", "%0A::x", "<script>x</script>", "=1+1",
    "|x|`*_[a](b)", "x" * 3000, "é\u0301\u0301\u0301", "網" * 50, "'", '"', "\\", "$(touch x)", "`touch x`", "{{x}}", "../secret",
    "/etc/passwd", "-", "--", "~", "null", "true", ".inf", ".nan", "0x10", "1_000", "&a b", "*a", "!!python/object x", "<<: x",
    "]]>", "&amp;", "\t", "\r", "\n", "\u2028", "\x00", "\ud800", "", " ", "#", ":", ",", "[", "{", "}", "]",
]  # fmt: skip
NUMBERS = [
    "0", "1", "-1", "2", "3", "7", "64", "1e3", "1e80", "10**15", "10**400", "2**64", "1/3", "0.5", "-0.0", "1e-5", "999999",
    "99999999999999999999", "1k", "300M", "4.3Ki", "95%", "200%", "0%", "-5%", "1e400", "١٢", "²", "0.1e1", "1/0", "1//0", "1%0",
]  # fmt: skip
NAMES = ["a", "b", "r", "n", "alpha", "in_channels", "x", "net", "conv_1", "stage/*", "**", "*", "[", "relu", "same"]
FUNCTIONS = ["floor", "ceil", "round", "min", "max", "make_divisible", "abs", "sqrt", "len", "eval", "__import__"]
OPERATORS = ["+", "-", "*", "/", "//", "%", "**", "==", "!=", "<", "<=", "and", "or", "if", "not in"]
TYPES = [
    "conv", "depthwise_conv", "pointwise_conv", "separable_conv", "transposed_conv", "linear", "max_pool", "avg_pool",
    "global_avg_pool", "adaptive_avg_pool", "batch_norm", "layer_norm", "group_norm", "local_response_norm", "scale", "relu",
    "sigmoid", "softmax", "prelu", "gelu", "add", "multiply", "concat", "residual", "slice", "channel_shuffle",
    "pixel_shuffle", "upsample", "pad", "crop", "flatten", "dropout", "identity", "block", "nothing",
]  # fmt: skip
FIELDS = [
    "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias", "depth_multiplier", "output_padding",
    "out_features", "ceil_mode", "output_size", "num_groups", "size", "negative_slope", "start", "end", "upscale_factor",
    "scale_factor", "mode", "cropping", "norm", "activation", "body", "shortcut", "x",
]  # fmt: skip
USUAL = {
    "conv": "out_channels: 4, kernel_size: 3, padding: 1", "depthwise_conv": "kernel_size: 3, padding: same",
    "pointwise_conv": "out_channels: 6", "separable_conv": "out_channels: 4, kernel_size: 3, padding: 1",
    "transposed_conv": "out_channels: 4, kernel_size: 2, stride: 2", "linear": "out_features: 4", "max_pool": "kernel_size: 2",
    "avg_pool": "kernel_size: 2", "adaptive_avg_pool": "output_size: 2", "group_norm": "num_groups: 1",
    "local_response_norm": "size: 3", "slice": "start: 0, end: 1", "channel_shuffle": "groups: 1", "pixel_shuffle": "upscale_factor: 1",
    "upsample": "scale_factor: 2", "pad": "padding: 1", "crop": "cropping: 0", "block": "x: 1",
}  # fmt: skip
METRICS = ["params", "mults", "adds", "macs", "flops", "activations", "output_values", "deployed_params", "ops_cmp"] * 9
METRICS += ["buffers", "x"]
CI_FORMATS = ["text", "json", "csv", "markdown", "github", "gitlab", "junit", "sarif"]
FORMATS = ["table", "json", "csv", "markdown"] * 5 + [*CI_FORMATS, "x"]


AMOUNTS = ["1", "1000", "5k", "300M", "1e6", "4Ki", "1_000"]


class Input(NamedTuple):
    """A command and what it meets.

    Attributes:
        kind: What is hostile in it.
        words: The words of the command.
        files: What each file holds, or, as a text, where a link leads.
        stdin: What comes by standard input.
    """

    kind: str
    words: list[str]
    files: dict[str, bytes | str]
    stdin: bytes = b""


def made(seed: int, number: int) -> Input:
    """Return the input of a number."""
    rng = random.Random(seed * 1_000_003 + number)
    kinds: list[Callable[[random.Random], Input]] = [
        _spec,
        _spec,
        _spec,
        _configuration,
        _configuration,
        _baseline,
        _options,
    ]
    return rng.choice(kinds)(rng)


def _spec(rng: random.Random) -> Input:
    text = _bytes(rng, _spec_text(rng))
    if b"budget:" not in text and rng.random() < 0.5:
        text += f"\nbudget: {{{rng.choice(METRICS)}: {_amount(rng)}}}\n".encode()
    words = rng.choice([
        ["analyze", "a.yaml"], ["analyze", "-"], ["check", "a.yaml"], ["compare", "a.yaml"], ["verify", "a.yaml"],
        ["suggest", "a.yaml", "--max", f"mults={_amount(rng)}"], ["analyze", "a.yaml", "--free", rng.choice(["r", "alpha", "n", "x"])],
        ["diff", "a.yaml", "b.yaml"], ["compare", "a.yaml", "b.yaml"], ["init", "a.yaml"], ["specs", "a.yaml"],
        ["rewrite", "a.yaml", "--to", rng.choice(["separable", "standard", "grouped", "stacked", "bottleneck"])],
        ["sweep", "a.yaml", "--set", f"{rng.choice(['r', 'alpha', 'n'])}=8,16,64", "--set", f"{rng.choice(['alpha', 'r', 'x'])}=1:9:2"],
        ["search", "a.yaml", "--set", f"{rng.choice(['r', 'alpha', 'n'])}=8,16,64", "--pareto", f"mults,params:{rng.choice(['max', 'min', 'x'])}"],
        ["solve", "a.yaml", "--for", rng.choice(["r", "alpha", "n", "x"]), "--max", f"mults={_amount(rng)}"],
    ])  # fmt: skip
    words += _some(
        rng, [["-f", rng.choice(FORMATS)], ["--set", f"{rng.choice(NAMES)}={_expression(rng)}"], ["--batch", "3"]]
    )
    other = text if rng.random() < 0.3 else _bytes(rng, _spec_text(rng))
    return Input("spec", words, {"a.yaml": text, "b.yaml": other}, text)


def _configuration(rng: random.Random) -> Input:
    files: dict[str, bytes | str] = {
        "convcost.yaml": _bytes(
            rng, _spoiled(rng, _configuration_text(rng)) if rng.random() < 0.5 else _configuration_text(rng)
        ),
        "a.yaml": _spec_text(rng).encode("utf-8", "replace") if rng.random() < 0.3 else _right(rng),
        "nets/b.yaml": _right(rng),
    }
    for name in _some(rng, [["nets/link.yaml"], ["folder"], ["nets/round"], ["out.txt"], ["convcost.yaml"]]):
        files[name] = rng.choice([".", "..", "../..", "../../secret", "../secret", "/dev/zero", "/proc/self/environ", "a.yaml",
            "nets/b.yaml", ".git", "none", "convcost.yaml", "link.yaml"])  # fmt: skip
    words = ["check", *_some(rng, [["--accept"], ["--strict"], ["--exit-zero"], ["a.yaml"], ["nets/link.yaml"], ["-f", rng.choice(CI_FORMATS)],
        ["-o", f"{rng.choice(CI_FORMATS)}:{rng.choice(['out.txt', 'folder/out', 'nets/round/x', 'convcost.yaml', 'new'])}"],
        ["--set", f"{rng.choice(NAMES)}={_expression(rng)}"], ["--base", "HEAD"]])]  # fmt: skip
    return Input("configuration", words, files)


def _baseline(rng: random.Random) -> Input:
    spec = _right(rng)
    text = _report(spec.decode()) if rng.random() < 0.7 else rng.choice(_reports())
    kind = rng.random()
    if kind < 0.4:
        data = json.loads(text)
        for _ in range(rng.randint(1, 4)):
            data = _spoiled_data(rng, data)
        text = json.dumps(data, ensure_ascii=rng.random() < 0.5)
    elif kind < 0.8:
        text = _spoiled(rng, text)
    budgets = "".join(
        f"  - {{metric: {rng.choice(METRICS)}, growth: {_amount(rng)}}}\n" for _ in range(rng.randint(1, 3))
    )
    files: dict[str, bytes | str] = {
        "old.json": _bytes(rng, text),
        "a.yaml": spec if rng.random() < 0.5 else spec + b"  - relu\n",
        "convcost.yaml": f"models: a.yaml\nbudgets:\n{budgets}".encode(),
    }
    if rng.random() < 0.05:
        files["old.json"] = rng.choice(["../../secret", "/dev/zero", "/proc/self/environ", "a.yaml", "old.json"])
    words = ["check", "--baseline", "old.json", *_some(rng, [["-f", rng.choice(CI_FORMATS)], ["--strict"], ["a.yaml"]])]
    return Input("baseline", words, files)


def _options(rng: random.Random) -> Input:
    commands = ["analyze", "verify", "compare", "rewrite", "suggest", "check", "init", "formulas", "sweep", "solve", "specs",
        "schema", "diff", "x", "--help", "--version"]  # fmt: skip
    options = ["--set", "--set-other", "--free", "--batch", "--no-fold", "--sort", "--top", "--depth", "--format", "-f", "-o",
        "--output", "--columns", "--layers", "--to", "--with", "--list", "--force", "--max", "--for", "--where", "--best", "--base",
        "--baseline", "--config", "--headroom", "--strict", "--accept", "--formulas", "--seed", "--latex", "-h", "--x", "--"]  # fmt: skip
    values = [*HOSTILE, *NUMBERS, *NAMES, *METRICS, *FORMATS, "a.yaml", "mobilenet_v1", "resnet18", "-", "json:out.json",
        "text:../out", "r=1:9", "r=1:1e9:1", "alpha=1,2", "mults=300M", "mults<=1", "json:", ":", "text:/dev/full"]  # fmt: skip
    words = [rng.choice(commands)]
    for _ in range(rng.randint(0, 6)):
        word = rng.choice(rng.choice([options, values, [_expression(rng), f"{rng.choice(NAMES)}={_expression(rng)}"]]))
        words.append(word.replace("\0", "").replace("\ud800", "\udcff"))  # as a system gives words
    words = [word for word in words if "../" not in word]  # that would be asked for
    return Input("options", words, {"a.yaml": _right(rng)}, _right(rng))


def _spec_text(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.45:
        return _spoiled(rng, _right(rng).decode())
    text = _grammar(rng) if rng.random() < 0.5 else Networks(rng).text()
    return _spoiled(rng, text) if kind > 0.9 else text


@cache
def _texts() -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(SPECS.rglob("*.yaml"))]


def _right(rng: random.Random) -> bytes:
    """Return a spec that is right, mostly a small one."""
    small = "name: net\nsymbols: {r: 8, alpha: 1}\ninput: [3, r, r]\nlayers:\n"
    small += "".join(rng.choice([
        "  - conv: {out_channels: 4 * alpha, kernel_size: 3, padding: same}\n", "  - relu\n", "  - max_pool: {kernel_size: 2}\n",
        "  - separable_conv: {out_channels: 8, kernel_size: 3, padding: 1}\n", "  - residual: [relu]\n    repeat: 2\n",
        "  - concat: [[], [relu]]\n", "  - batch_norm\n",
    ]) for _ in range(rng.randint(1, 6)))  # fmt: skip
    return (small if rng.random() < 0.7 else rng.choice(_texts())).encode()


def _grammar(rng: random.Random) -> str:
    """Return a spec as the grammar has it, but with any words and numbers in it."""
    symbols = "".join(
        f"  {name}: {_written(rng) if rng.random() < 0.3 else rng.randint(1, 9)}\n"
        for name in rng.sample(NAMES[:5], rng.randint(0, 5))
    )
    layers = _items(rng, "  ", 0)
    block = (
        f"blocks:\n  block:\n    params: {{x: {_written(rng)}}}\n    layers:\n{_items(rng, '      ', 1)}"
        if rng.random() < 0.3
        else ""
    )
    sizes = ", ".join(
        _written(rng) if rng.random() < 0.1 else str(rng.randint(4, 40)) for _ in range(rng.randint(1, 4))
    )
    budget = f"budget: {{{rng.choice(METRICS)}: {rng.choice(NUMBERS)}}}\n" if rng.random() < 0.2 else ""
    head = f"symbols:\n{symbols}" if symbols else ""
    return f"{head}input: [{sizes}]\n{block}{budget}layers:\n{layers}"


def _items(rng: random.Random, indent: str, depth: int) -> str:
    lines = []
    for _ in range(rng.randint(1, 5)):
        type = rng.choice(TYPES)
        if type in ("add", "multiply", "concat", "residual") and depth < 4 and rng.random() < 0.8:
            inner = _items(rng, indent + "      ", depth + 1)
            body = (
                f"{indent}- {type}:\n{inner}"
                if type == "residual"
                else f"{indent}- {type}:\n{indent}    - []\n{indent}    -\n{inner}"
            )
            lines.append(body.rstrip("\n"))
        else:
            fields = [USUAL.get(type, "")]
            if rng.random() < 0.12:
                fields.append(f"{rng.choice(FIELDS)}: {_value(rng)}")
            given = ", ".join(filter(None, fields))
            if rng.random() < 0.3:
                given = re.sub(r"\b\d+\b", lambda _: _value(rng), given, count=1)
            lines.append(f"{indent}- {type}: {{{given}}}")
        for key, right in ("name", f"n{rng.randrange(10**6)}"), ("from", "a"), ("repeat", "2"), ("if", "1 < 2"):
            if rng.random() < 0.05:
                lines.append(f"{indent}  {key}: {right if rng.random() < 0.7 else _value(rng)}")
    return "\n".join(lines) + "\n"


def _value(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.6:
        return str(rng.randint(0, 9))
    if kind < 0.8:
        return _written(rng)
    if kind < 0.9:
        return json.dumps(rng.choice(HOSTILE), ensure_ascii=rng.random() < 0.5)
    return f"[{_value(rng)}, {_value(rng)}]"


def _expression(rng: random.Random, depth: int = 0) -> str:
    kind = rng.random()
    if depth > 5 or kind < 0.45:
        return rng.choice(NUMBERS if rng.random() < 0.5 else NAMES)
    if kind < 0.8:
        return f"({_expression(rng, depth + 1)}) {rng.choice(OPERATORS)} {_expression(rng, depth + 1)}"
    if kind < 0.9:
        return f"{rng.choice(FUNCTIONS)}({_expression(rng, depth + 1)}, {_expression(rng, depth + 1)})"
    if kind < 0.95:
        return f"({' + '.join(rng.sample(NAMES[:6], 4))} + 1)**{rng.choice([2, 5, 29, 60, 400])}"
    return rng.choice(
        ["(" * 200, "-" * 300 + "1", "not " * 200 + "1", "a" * 500, "+".join(NAMES[:6] * 40), rng.choice(HOSTILE)]
    )


def _configuration_text(rng: random.Random) -> str:
    patterns = ["a.yaml", "*.yaml", "nets/*.yaml", "**/*.yaml", "**", "/**", "../*", "folder/*", "nets/round/**", "mobilenet_v1",
        "[", "*" * 50, "**/" * 50, ".git/*", "nets/link.yaml", *HOSTILE]  # fmt: skip
    lines = [
        f"models: [{', '.join(json.dumps(rng.choice(patterns if rng.random() < 0.2 else patterns[:4])) for _ in range(rng.randint(1, 3)))}]",
        "budgets:",
    ]
    for _ in range(rng.randint(1, 4)):
        fields = {"metric": rng.choice(METRICS), "max" if rng.random() < 0.7 else "growth": _amount(rng)}
        for key, value in (
            ("warn", rng.choice(["95%", "1", rng.choice(NUMBERS)])),
            ("layers", json.dumps(rng.choice([*NAMES, *HOSTILE]))),
            ("scope", rng.choice(["sum", "each", "x"])),
            ("message", json.dumps(rng.choice(HOSTILE), ensure_ascii=False)),
            ("models", json.dumps(rng.choice(patterns[:6]))),
            (
                "set",
                f"{{r: [{', '.join(str(n) for n in range(8, 8 + rng.randint(0, 12)))}], alpha: [{_written(rng)}, 2, 3]}}",
            ),
        ):
            if rng.random() < 0.2:
                fields[key] = value
        lines.append("  - {" + ", ".join(f"{key}: {value}" for key, value in fields.items()) + "}")
    return "\n".join(lines) + "\n"


def _spoiled(rng: random.Random, text: str) -> str:
    """Return a text with some places changed: numbers, words, lines, brackets."""
    for _ in range(rng.choice([0, 0, 0, 1, 1, 1, 2, 8])):
        kind = rng.random()
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        places = [match.span() for match in re.finditer(r"[\w.]+|[^\w\s]", text)] or [(0, 0)]
        start, end = rng.choice(places)
        if kind < 0.3:
            text = text[:start] + rng.choice([rng.choice(NUMBERS), _expression(rng)]) + text[end:]
        elif kind < 0.5:
            text = text[:start] + rng.choice(rng.choice([NAMES, TYPES, FIELDS, HOSTILE])) + text[end:]
        elif kind < 0.6:
            text = text[:start] + text[end:]
        elif kind < 0.75:
            text = "\n".join(
                [
                    *lines[:at],
                    *[lines[at]] * rng.choice([0, 2, 3, 200 if len(lines[at]) < 100 else 1]),
                    *lines[at + 1 :],
                ]
            )
        elif kind < 0.9:
            text = "\n".join([*lines[:at], " " * rng.randint(0, 4) + lines[at], *lines[at + 1 :]])
        else:
            other = rng.choice(lines)
            text = "\n".join([*lines[:at], other, *lines[at:]])
    return text


def _spoiled_data(rng: random.Random, data: object) -> object:
    """Return JSON with one place in it changed."""
    if isinstance(data, dict) and data and rng.random() < 0.9:
        key = rng.choice([*data])
        if rng.random() < 0.1:
            return {other: value for other, value in data.items() if other != key}
        return {**data, key: _spoiled_data(rng, data[key])}
    if isinstance(data, list) and data and rng.random() < 0.9:
        at = rng.randrange(len(data))
        return [*data[:at], *[_spoiled_data(rng, data[at])] * rng.choice([0, 1, 1, 1, 2]), *data[at + 1 :]]
    return rng.choice(
        [0, -1, 1, 10**30, 1.5, None, True, "", [], {}, [[]], {"a": 1}, rng.choice(HOSTILE), data, "x" * 500]
    )


def prepare() -> None:
    """Read what all inputs are made of."""
    _reports()


@cache
def _reports() -> list[str]:
    return [_report(text) for text in _texts()[-9:]]


def _report(text: str) -> str:
    """Return the report of a spec that is right, as if it had been read from `a.yaml`."""
    import yaml

    import convcost

    try:
        report = convcost.load(yaml.safe_load(text)).analyze().to_dict()
    except convcost.ConvcostError:  # poolings that leave nothing
        return "{}"
    for each in report.get("networks", [report]):
        each["network"]["file"] = "a.yaml"
    return json.dumps(report)


def _bytes(rng: random.Random, text: str) -> bytes:
    """Return the bytes of a text, sometimes with some of them changed."""
    data = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.05 and data:
        changed = bytearray(data)
        for _ in range(rng.randint(1, 5)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        data = bytes(changed)
    return data


def _written(rng: random.Random) -> str:
    """Return an expression as YAML, mostly in quotes."""
    text = _expression(rng)
    return json.dumps(text, ensure_ascii=False) if rng.random() < 0.9 else text


def _amount(rng: random.Random) -> str:
    return rng.choice(AMOUNTS if rng.random() < 0.9 else NUMBERS)


def _some(rng: random.Random, choices: list[list[str]]) -> list[str]:
    return [word for words in choices if rng.random() < 0.2 for word in words]
