"""Every construct of the language, with the numbers that arithmetic gives."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from textwrap import dedent

import pytest

import convcost
from convcost.spec.document import BLOCK_KEYS, EACH_KEYS, ITEM_KEYS, REPEAT_KEYS

README = Path(convcost.__file__).parents[1] / "specs" / "README.md"
NETWORKS = {
    "several inputs, one of them tokens": (
        """
        inputs:
          image: [3, 4, 4]
          text: {shape: [5, 6], layout: tokens}
        layers:
          - linear: {out_features: 8}
            from: text
            name: words
          - pointwise_conv: {out_channels: 8, bias: false}
            from: image
          - tokens
          - attention: {num_heads: 2}
            from: [previous, words]
        """,
        # linear 6 · 8 + 8, 1 × 1 convolution 3 · 8, four projections 8 · 8 + 8
        48 + 8 + 24 + 4 * 72,
        # 5 words, 16 pixels; query and output of 16, key and value of 5; scores and context of 16 × 5 at 8 channels
        5 * 48 + 16 * 24 + 2 * 16 * 64 + 2 * 5 * 64 + 2 * 16 * 5 * 8,
    ),
    "named outputs, lists of names, one skipped": (
        """
        input: [6, 4, 4]
        outputs: [boxes, scores]
        layers:
          - split: {sizes: [1, 2, 3]}
            name: [a, _, c]
          - pointwise_conv: {out_channels: 4}
            from: a
            name: boxes
          - pointwise_conv: {out_channels: 2}
            from: c
            name: scores
        """,
        (1 * 4 + 4) + (3 * 2 + 2),
        16 * (1 * 4 + 3 * 2),
    ),
    "previous, and a name as a branch": (
        """
        input: [2, 4, 4]
        layers:
          - pointwise_conv: {out_channels: 3, bias: false}
            name: p
          - pointwise_conv: {out_channels: 5, bias: false}
          - concat:
            from: [previous, p]
          - concat: [[pointwise_conv: {out_channels: 1, bias: false}], p, previous]
          - pointwise_conv: {out_channels: 1, bias: false}
        """,
        # 5 + 3 = 8 channels; 1 + 3 + 8 = 12
        2 * 3 + 3 * 5 + 8 * 1 + 12 * 1,
        16 * (6 + 15 + 8 + 12),
    ),
    "a merge with fields": (
        """
        input: {shape: [4, 6], layout: tokens}
        layers:
          - concat: {axis: length, branches: [[], [linear: {out_features: 6, bias: false}]]}
          - linear: {out_features: 1, bias: false}
        """,
        36 + 6,
        4 * 36 + 8 * 6,
    ),
    "sizes in expressions": (
        """
        input: [2, 4, 6]
        layers:
          - pointwise_conv: {out_channels: in_height, bias: false}
            name: side.1
          - avg_pool: {kernel_size: 2}
          - pointwise_conv: {out_channels: in_size(2) + in_width, bias: false}
          - upsample: {size: "'side.1'.size"}
          - pointwise_conv: {out_channels: "'side.1'.channels - 3", bias: false}
        """,
        # height 4; width 6, halved 3, twice 6 channels; 4 - 3
        2 * 4 + 4 * 6 + 6 * 1,
        24 * 8 + 6 * 24 + 24 * 6,
    ),
    "lists": (
        """
        input: [1, 2, 2]
        symbols:
          widths: [2, 3]
        layers:
          - pointwise_conv: {out_channels: widths(i), bias: false}
            repeat: {times: len(widths), index: i}
          - pointwise_conv:
              out_channels: widths[0]
              bias: false
        """,
        1 * 2 + 2 * 3 + 3 * 2,
        4 * (2 + 6 + 6),
    ),
    "a block of two inputs and two outputs": (
        """
        input: [2, 4, 4]
        blocks:
          up:
            inputs: [x, skip]
            outputs: [y, half]
            params: {out: }
            layers:
              - transposed_conv: {out_channels: out, kernel_size: 2, stride: 2, bias: false}
              - concat:
                from: [skip, previous]
              - pointwise_conv: {out_channels: out, bias: false}
                name: y
              - max_pool: {kernel_size: 2}
                name: half
        layers:
          - max_pool: {kernel_size: 2}
          - up: {out: 3}
            from: [previous, input]
            name: [_, small]
          - flatten:
            from: small
          - linear: {out_features: 1, bias: false}
        """,
        # 2 → 3 by 2 × 2; 2 + 3 → 3; 3 · 2 · 2 → 1
        2 * 3 * 4 + 5 * 3 + 12,
        # each of the 2 × 2 inputs meets the kernel
        4 * 24 + 16 * 15 + 12,
    ),
    "repetitions with an index, collected": (
        """
        input: [2, 4, 4]
        layers:
          - pointwise_conv: {out_channels: 2 + i, bias: false}
            repeat: {times: 3, index: i, collect: concat}
          - pointwise_conv: {out_channels: 1, bias: false}
        """,
        # 2 → 2 → 3 → 4, together 9
        4 + 6 + 12 + 9,
        16 * 31,
    ),
    "a repetition of shared weights, collected by add": (
        """
        input: [2, 4, 4]
        layers:
          - pointwise_conv: {out_channels: 2}
            repeat: {times: 3, weights: shared, collect: add}
        """,
        2 * 2 + 2,
        3 * 16 * 4,
    ),
    "repetitions that read all before them": (
        """
        input: [2, 4, 4]
        layers:
          - pointwise_conv: {out_channels: 3, bias: false}
            repeat: {times: 3, collect: dense}
          - pointwise_conv: {out_channels: 1, bias: false}
        """,
        # 2 → 3, 2 + 3 → 3, 2 + 3 + 3 → 3, together 11
        6 + 15 + 24 + 11,
        16 * 56,
    ),
    "a choice in each repetition": (
        """
        input: [2, 4, 4]
        layers:
          - pointwise_conv: {out_channels: 3, bias: false}
            repeat: {times: 3, index: i}
            if: i == 1
            else:
              - conv: {out_channels: 3, kernel_size: 3, padding: same, bias: false}
        """,
        9 * 2 * 3 + 3 * 3 + 9 * 3 * 3,
        16 * (54 + 9 + 81),
    ),
    "what is left out passes on its first input": (
        """
        input: [2, 4, 4]
        layers:
          - pointwise_conv: {out_channels: 7}
            if: in_channels > 2
          - pointwise_conv: {out_channels: 3, bias: false}
        """,
        6,
        16 * 6,
    ),
    "weights of an earlier item, with another stride": (
        """
        input: [2, 4, 4]
        layers:
          - conv: {out_channels: 2, kernel_size: 3, padding: 1}
            name: head
          - conv: {out_channels: 2, kernel_size: 3, padding: 1, stride: 2}
            weights: head
        """,
        2 * 2 * 9 + 2,
        16 * 36 + 4 * 36,
    ),
    "weights of a block, one layer with its own": (
        """
        input: [2, 4, 4]
        blocks:
          unit:
            layers:
              - pointwise_conv: {out_channels: 3, bias: false, norm: batch_norm}
                weights: own
              - pointwise_conv: {out_channels: 2, bias: false}
        layers:
          - unit:
            name: a
          - unit:
            weights: a
        """,
        # the first convolution and its norm twice, the second once
        2 * (6 + 2 * 3) + 6,
        16 * 24,
    ),
    "a linear layer with the weights of an embedding": (
        """
        input: [5]
        layers:
          - embedding: {num_embeddings: 11, embedding_dim: 4}
            name: words
          - linear: {out_features: 11, bias: false}
            weights: words
        """,
        44,
        5 * 44,
    ),
    "frozen": (
        """
        input: [2, 4, 4]
        layers:
          - pointwise_conv: {out_channels: 3, bias: false, norm: batch_norm}
            trainable: false
          - pointwise_conv: {out_channels: 1, bias: false}
        """,
        3,
        16 * (6 + 3),
    ),
    "every slice": (
        """
        input: {shape: [3, 2, 4, 4], layout: unknown}
        layers:
          - each:
              axis: 0
              layers:
                - reshape: {shape: [2, 4, 4], layout: feature_map}
                - pointwise_conv: {out_channels: 5}
        """,
        2 * 5 + 5,
        3 * 16 * 10,
    ),
    "types of numbers": (
        """
        input: [2, 4, 4]
        dtype: int8
        layers:
          - pointwise_conv: {out_channels: 3, bias: false}
            dtype: {weights: int4}
        """,
        6,
        16 * 6,
    ),
    "a block, symbols and a parameter named like newer words": (
        """
        input: [2, 4, 4]
        symbols: {weights: 3, tokens: 2, length: 4, mish: 1}
        blocks:
          attention:
            params: {split: 5}
            layers:
              - pointwise_conv: {out_channels: split * tokens, bias: false}
        layers:
          - attention: {split: weights + mish}
          - pointwise_conv: {out_channels: length, bias: false}
        """,
        2 * 8 + 8 * 4,
        16 * (16 + 32),
    ),
}


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a spec into a file and returns its path."""

    def read(text):
        path = tmp_path / "net.yaml"
        path.write_text(dedent(text))
        return path

    return read


@pytest.mark.parametrize(("text", "params", "macs"), NETWORKS.values(), ids=NETWORKS)
def test_a_construct_counts_what_it_means(read, text, params, macs):
    total = convcost.analyze(read(text)).total
    assert (total.params, total.macs) == (params, macs)


@pytest.mark.parametrize(("text", "params", "macs"), NETWORKS.values(), ids=NETWORKS)
def test_executing_it_gives_the_same(read, text, params, macs):
    assert convcost.verify(read(text)).ok


FREE = """
    input: [2, 4, 4]
    symbols: {n: 3}
    blocks:
      join:
        inputs: [x, y]
        params: {out: }
        layers:
          - concat:
            from: [x, y]
          - pointwise_conv: {out_channels: out, bias: false}
    layers:
      - pointwise_conv: {out_channels: n, bias: false}
        name: a
      - pointwise_conv: {out_channels: 2 * a.channels, bias: false}
        name: b
      - join: {out: n}
        from: [a, b]
        name: c
      - pointwise_conv: {out_channels: n, bias: false}
        from: c
        name: d
      - pointwise_conv: {out_channels: n, bias: false}
        weights: d
        if: in_height == 4
    """


def test_a_free_symbol_runs_through_every_construct(read):
    spec = read(FREE)
    total = convcost.analyze(spec, free=["n"]).total
    # a 2n, b n · 2n, join (n + 2n) · n, d n · n, used twice
    assert str(total.params) == "6·n² + 2·n"
    assert str(total.macs) == "112·n² + 32·n"
    assert convcost.analyze(spec, set={"n": 3}).total.params == 6 * 9 + 6


EXAMPLES = re.findall(r"```yaml\n# (\d+) params, (\d+) macs\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize(("params", "macs", "text"), EXAMPLES)
def test_an_example_of_the_readme_counts_what_it_says(read, params, macs, text):
    total = convcost.analyze(read(text)).total
    assert (total.params, total.macs) == (int(params), int(macs))


def test_the_readme_has_an_example_of_every_construct():
    text = "\n".join(text for _, _, text in EXAMPLES)
    for key in {*ITEM_KEYS, *REPEAT_KEYS, *EACH_KEYS, *BLOCK_KEYS, "inputs", "outputs", "layout", "branches"}:
        assert f"{key}:" in text


def test_the_readme_lists_every_type_with_its_fields():
    text = README.read_text(encoding="utf-8")
    written = runpy.run_path(str(Path(__file__).parent / "reference.py"))["written"]
    assert written(text) == text, "python tests/spec/reference.py writes it anew"
