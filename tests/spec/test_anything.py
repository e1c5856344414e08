"""Whatever a file holds, it is a network or has errors with places inside it; nothing else comes of it, quickly."""

from __future__ import annotations

import json
import random
import re
from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from convcost import spec
from convcost.cost.analysis import Analysis
from convcost.errors import SpecError
from convcost.layers import REGISTRY
from convcost.network import INPUT, Network
from convcost.spec.source import Source

VALID = """\
convcost: 1
name: Example
source: "Sandler et al. 2018, arXiv:1801.04381, Table 2"

symbols:
  alpha: 1
  r: {value: 64, multiple_of: 32}
  classes: 10
  wide: false

input: [3, r, r]

defaults:
  conv: {padding: same, bias: false, norm: batch_norm, activation: relu6}

blocks:
  inverted_residual:
    params: {out: , expand: 6, stride: 1}
    layers:
      - conv: {out_channels: expand * in_channels, kernel_size: 1}
        if: expand != 1
      - depthwise_conv: {kernel_size: 3, stride: stride}
      - conv: {out_channels: out, kernel_size: 1, activation: none}

layers:
  - conv: {out_channels: "make_divisible(32 * alpha, 8)", kernel_size: 3, stride: 2}
    name: stem
  - inverted_residual: {out: 24, stride: 2}
  - residual:
      - inverted_residual: {out: 24}
    repeat: 3
  - concat:
      - []
      - - conv: {out_channels: 24, kernel_size: [1, 7]}
        - conv: {out_channels: 24, kernel_size: [7, 1], padding: [[3, 3], 0]}
    if: wide
  - multiply:
      - []
      - - global_avg_pool
        - conv: {out_channels: in_channels // 4, kernel_size: 1, norm: none, bias: true}
        - conv: {out_channels: in_channels * 4, kernel_size: 1, norm: none, bias: true, activation: sigmoid}
  - upsample: {scale_factor: 2, mode: nearest}
    name: up
  - concat:
    from: [up, stem]
  - separable_conv: {out_channels: 20, kernel_size: 3, mid_norm: {group_norm: {num_groups: 8}}}
  - global_avg_pool
  - flatten
  - linear: {out_features: classes}

budget: {params: 4.3M, mults: 570M}
"""

LINES = VALID.splitlines()
PIECES = [
    "9**9**9",
    "1e99",
    "-1",
    "0",
    "true",
    "relu",
    "~",
    "[]",
    "{}",
    "[[",
    "}}",
    "(",
    ")",
    "&a ",
    "*a",
    "!t ",
    "<<: ",
    "---",
]
PIECES += [
    "\t",
    "\x07",
    "\ufeff",
    "\u2028",
    "\x85",
    "日本",
    "'",
    '"',
    ": ",
    "- ",
    "# ",
    "|",
    ">",
    "%",
    "@",
    "in_channels",
    "N",
]
PIECES += [
    "conv: {",
    "from: [",
    "repeat: 2000000",
    "if: false",
    "name: stem",
    "stem",
    "1 / 0",
    "max(1, 2)",
    "\r\n",
    "\r",
    "? ",
]


def outcome(text: str, **values: Any) -> Network | None:
    """Read a text; return its network, or None where it has errors, all with places inside it."""
    try:
        network = spec.load(Source("net.yaml", text), values)
    except SpecError as error:
        check_faults(error, text)
        return None
    for index, layer in enumerate(network.layers):
        assert all(INPUT <= source < index for source in layer.sources)
        assert all(type(size) is int and 1 <= size <= 10**15 for size in layer.output_shape)
    assert len({layer.name for layer in network.layers}) == len(network.layers)
    return network


def check_faults(error: SpecError, text: str) -> None:
    lines = re.split("\r\n|[\n\r\x85\u2028\u2029]", text)  # what ends a line in YAML 1.1
    assert error.details
    for detail in error.details:
        assert detail.message
        assert detail.place is not None
        assert 1 <= detail.place.line <= len(lines)
        assert 1 <= detail.place.column <= len(lines[detail.place.line - 1]) + 1
    assert str(error).startswith("error: ")
    assert "\x07" not in str(error)


def test_the_valid_spec_is_valid() -> None:
    network = outcome(VALID)
    assert network is not None
    assert network.layers[-1].output_shape == (10,)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Change a valid spec in a few places: characters, pieces, lines, indentation."""
    text = VALID
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        length = draw(st.sampled_from([0, 0, 1, 1, 2, 5, 20]))
        kind = draw(st.integers(0, 4))
        if kind == 0:
            text = text[:at] + draw(st.sampled_from(PIECES)) + text[at + length :]
        elif kind == 1:
            text = text[:at] + draw(st.characters(exclude_categories=["Cs"])) + text[at + length :]
        elif kind == 2:
            other = draw(st.integers(0, len(text)))
            text = text[:at] + text[other : other + draw(st.integers(0, 40))] + text[at + length :]
        else:
            lines = text.splitlines(keepends=True)
            first = draw(st.integers(0, len(lines) - 1))
            second = draw(st.integers(0, len(lines) - 1))
            if kind == 3:
                lines[first], lines[second] = lines[second], lines[first]
            else:
                lines.insert(first, " " * draw(st.integers(0, 8)) + lines[second].lstrip())
            text = "".join(lines)
    return text


FUZZ = settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])


@FUZZ
@given(mutated())
@example(VALID.replace("repeat: 3", "repeat: 2000000"))
@example(VALID.replace("\n", "\r\n"))
@example("\ufeff" + VALID)
def test_a_mutation_of_a_valid_spec_is_a_network_or_has_faults(text: str) -> None:
    outcome(text)


def test_each_line_may_be_missing_doubled_or_cut() -> None:
    for index, line in enumerate(LINES):
        before, after = LINES[:index], LINES[index + 1 :]
        for middle in (
            [],
            [line, line],
            [line[: len(line) // 2]],
            ["  " + line],
            [line[2:]],
            [line + " ~"],
            [line + ")"],
        ):
            outcome("\n".join([*before, *middle, *after]) + "\n")


def test_each_value_may_be_replaced_by_anything() -> None:
    replacements: list[Any] = [
        None,
        [],
        {},
        "",
        -1,
        0,
        True,
        "relu",
        "same",
        [[]],
        {"a": 1},
        "9**9**9",
        "1e15",
        ["x"],
        "(",
        "stem",
    ]
    generator = random.Random(7)
    valid = yaml.load(VALID, yaml.BaseLoader)  # noqa: S506 -- it makes texts, lists and dicts only
    for path in paths(valid):
        for replacement in generator.sample(replacements, 4):
            tree = deepcopy(valid)
            node = tree
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = replacement
            outcome(json.dumps(tree, indent=1, ensure_ascii=False))


def broken(way: list[Any], replacement: Any) -> list[str]:
    """Return what is told of the valid spec, its branch taken, when the value at the end of a way is replaced."""
    tree = yaml.load(VALID.replace("wide: false", "wide: true"), yaml.BaseLoader)  # noqa: S506 -- as above
    node = tree
    for key in way[:-1]:
        node = node[key]
    node[way[-1]] = replacement
    with pytest.raises(SpecError) as caught:
        spec.load(Source("net.yaml", json.dumps(tree, indent=1)), {})
    return [detail.message for detail in caught.value.details]


RESIDUAL, CONCAT, MULTIPLY = ["layers", 2, "residual"], ["layers", 3, "concat", 1], ["layers", 4, "multiply", 1]
BODY = ["blocks", "inverted_residual", "layers"]


@pytest.mark.parametrize("replacement", ["1 / 0", "nosuch", "1 +", "9**9**9", "max(1", [[1]]], ids=str)
@pytest.mark.parametrize(
    "way",
    [
        ["symbols", "alpha"],
        ["symbols", "wide"],
        ["symbols", "classes"],
        ["symbols", "r", "value"],
        ["symbols", "r", "multiple_of"],
        ["input", 0],
        ["input", 1],
        ["defaults", "conv", "bias"],
        ["defaults", "conv", "norm"],
        ["blocks", "inverted_residual", "params", "expand"],
        [*BODY, 0, "conv", "out_channels"],
        [*BODY, 0, "if"],
        [*BODY, 1, "depthwise_conv", "kernel_size"],
        [*BODY, 2, "conv", "out_channels"],
        [*BODY, 2, "conv", "activation"],
        ["layers", 0, "conv", "out_channels"],
        ["layers", 0, "conv", "stride"],
        ["layers", 1, "inverted_residual", "out"],
        ["layers", 1, "inverted_residual", "stride"],
        [*RESIDUAL, 0, "inverted_residual", "out"],
        ["layers", 2, "repeat"],
        [*CONCAT, 0, "conv", "kernel_size", 0],
        [*CONCAT, 1, "conv", "padding", 0, 1],
        ["layers", 3, "if"],
        [*MULTIPLY, 1, "conv", "out_channels"],
        ["layers", 5, "upsample", "scale_factor"],
        ["layers", 7, "separable_conv", "mid_norm", "group_norm", "num_groups"],
        ["layers", 10, "linear", "out_features"],
    ],
    ids=lambda way: "-".join(map(str, way)),
)
def test_one_fault_is_told_as_one(way: list[Any], replacement: Any) -> None:
    assert len(broken(way, replacement)) == 1


WAYS = [[*BODY, 1], [*BODY, 2], ["layers", 1], [*RESIDUAL, 0], [*CONCAT, 0], [*MULTIPLY, 0], [*MULTIPLY, 2]]


@pytest.mark.parametrize("replacement", ["nosuch", "convv", None, [], {}, {"conv": 5}, {"upsample": [2]}], ids=str)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(map(str, way)))
def test_a_wrong_item_is_one_fault(way: list[Any], replacement: Any) -> None:
    assert len(broken(way, replacement)) == 1


def test_a_misspelt_flatten_is_one_fault() -> None:
    assert broken(["layers", 9], "flaten") == ["there is no layer type or block 'flaten'"]


@pytest.mark.parametrize("replacement", [5, "relu", [], {"layers": 5}, {"params": {"out": None}}], ids=str)
def test_a_wrong_block_is_told_where_it_is_and_not_where_it_is_used(replacement: Any) -> None:
    told = broken(["blocks", "inverted_residual"], replacement)
    assert [message for message in told if "parameter" not in message][1:] == []


def paths(node: Any) -> list[list[Any]]:
    """Return the way to each value of a tree."""
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [way for key, value in entries for way in ([key], *([key, *deeper] for deeper in paths(value)))]


# random specs: known words in likely and unlikely places

types = st.sampled_from([*REGISTRY, "block", "other", "nothing"])
field_names = st.sampled_from(
    [
        *sorted({name for layer in REGISTRY.values() for name in layer.fields}),
        *("norm", "activation", "mid_norm", "in_channels", "p", "q"),
    ]
)
numbers = st.sampled_from([0, 1, 1, 2, 2, 3, 3, 4, 8, -1, True, None, [1, 2], [[0, 1], 1], [3]]) | st.sampled_from(
    ["in_channels", "in_channels // 2", "n", "p", "2 * n", "n / 3", "1e15", "1 / 0", "same", "max(n, 2)", "n ** n ** n"]
)
words = st.sampled_from(["relu", "batch_norm", "none", "same", {"group_norm": {"num_groups": 1}}, {"relu": {}}, "p"])
fields = st.dictionaries(field_names, numbers | words, max_size=4)
likely = st.fixed_dictionaries(
    {"out_channels": numbers, "kernel_size": numbers}, optional={"padding": numbers | words, "norm": words}
)
names = st.sampled_from(["a", "b", "c"])


def item(inner: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[Any]:
    layer = (
        st.builds(lambda type, given: {type: given}, types, fields)
        | st.builds(lambda given: {"conv": given}, likely)
        | types
    )
    merge = st.builds(
        lambda type, branches: {type: branches},
        st.sampled_from(["add", "multiply", "concat"]),
        st.none() | st.lists(inner, min_size=1, max_size=3),
    )
    residual = inner.map(lambda body: {"residual": body}) | st.builds(
        lambda body, shortcut: {"residual": {"body": body, "shortcut": shortcut}}, inner, inner
    )
    extras = st.fixed_dictionaries(
        {},
        optional={
            "name": names,
            "from": names | st.lists(names, max_size=3),
            "repeat": st.sampled_from([0, 1, 2, "n", "in_channels", 1000, "1e80"]),
            "if": st.sampled_from([True, False, "n > 1", "in_channels == 3", "n"]),
        },
    )
    return st.builds(
        lambda what, more: {**what, **more} if isinstance(what, dict) else what,
        layer | layer | merge | residual,
        st.just({}) | extras,
    )


bodies = st.recursive(st.just([]), lambda inner: st.lists(item(inner), max_size=4), max_leaves=12)
specs = st.fixed_dictionaries(
    {"input": st.sampled_from([[3, 8, 8], [4, 8, 8], [8, 16], [2, 6, 6, 6], [12], ["n", 8, 8]]), "layers": bodies},
    optional={
        "symbols": st.just({"n": 2}) | st.just({"n": 2, "p": None}),
        "defaults": st.dictionaries(types, fields, max_size=2),
        "blocks": st.fixed_dictionaries(
            {},
            optional={
                "block": st.fixed_dictionaries(
                    {"layers": bodies}, optional={"params": st.just({"p": 2, "q": "p + n"})}
                ),
                "other": st.fixed_dictionaries({"layers": bodies}),
            },
        ),
    },
)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


@FUZZ
@given(specs, st.booleans())
def test_a_random_spec_is_a_network_or_has_faults(spec: dict[str, Any], flow: bool) -> None:
    text = yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=100)
    network = outcome(text)
    if network is not None and len(network.layers) < 5_000:
        total = Analysis.of(network).total
        assert total.mults >= 0
        assert total.params >= 0
        assert total.useful_mults <= total.mults


@FUZZ
@given(st.text(max_size=60) | st.text(alphabet="{}[],:-? &*!|>'\"%@`#\n\t ab1~<", max_size=60))
@example("- - - - - -")
@example("{input: [3, 8, 8], layers: [relu]}")
@example("a: !<tag:yaml.org,2002:str> b")
@example("\x00")
@example("\ud7ff\ue000\uffff")
def test_any_text_is_a_network_or_has_faults(text: str) -> None:
    outcome(text.encode("utf-8", "replace").decode())


@pytest.mark.parametrize("setting", ["1e15", "0", "-1", "1/3", "true", "relu", "224"])
def test_any_setting_of_a_valid_spec_is_a_network_or_has_faults(setting: str) -> None:
    for name in ("alpha", "classes", "wide"):
        outcome(VALID, **{name: setting})
