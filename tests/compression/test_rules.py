"""Rules of compression: in a file, in a spec, as options; what is wrong in them, in full."""

from __future__ import annotations

import pytest

import convcost
from convcost.compression.rules import layer_options
from convcost.errors import ConfigError, OptionError

TINY = {"name": "Tiny", "input": [1, 4, 4], "layers": [{"conv": {"out_channels": 4, "kernel_size": 3}}, "relu"]}
EXAMPLE = "layers: {'fc*': {density: 9%, weight_bits: 5, index_bits: 4}}"


@pytest.mark.parametrize(
    ("text", "message", "found", "help"),
    [
        ("compression: 5", "compression is a mapping", "the text '5'", EXAMPLE),
        ("compression: {}", "compression needs layers", "", EXAMPLE),
        ("[1]", "compression is a mapping", "a list", EXAMPLE),
        ("layers: [a]", "layers is a mapping of patterns of names to what is done with them", "a list", EXAMPLE),
        (
            "layers: {}",
            "layers is a mapping of patterns of names to what is done with them",
            "an empty mapping",
            EXAMPLE,
        ),
        ("layers: {conv_1: 5}", "conv_1 is a mapping", "the text '5'", EXAMPLE),
        ("layers: {conv_1: {density: 8}}", "a density is a share from 0 to 1", "8", "write 8% for a percentage"),
        (
            "layers: {conv_1: {density: {a: 1}}}",
            "a density is a share from 0 to 1",
            "a mapping",
            "such as 8% or 0.08",
        ),
        ("layers: {conv_1: {weight_bits: }}", "weight_bits is a whole number from 1 to 32", "no value", ""),
        (
            "layers: {conv_1: {weight_histogram: [1, [2]]}}",
            "weight_histogram is a list of counts, or of shares that sum to 1",
            "['1', '']",
            "such as [120, 64, 8]",
        ),
        (
            "layers: {conv_1: {weight_code_bits: 65}}",
            "weight_code_bits is a number above 0 and at most 64",
            "65",
            "the mean over all codes, such as 4.4",
        ),
    ],
)  # fmt: skip
def test_a_file_of_rules_that_is_wrong(text, message, found, help, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        convcost.compress(TINY, rules=path)
    (detail,) = caught.value.details
    assert (detail.message, detail.found, detail.help) == (message, found, help)
    assert (detail.place.file, detail.place.line) == (str(path), 1)


def test_an_empty_file_of_rules(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("")
    with pytest.raises(ConfigError):
        convcost.compress(TINY, rules=path)


def test_what_is_said_twice_is_refused():
    rule = {"weight_bits": 2, "weight_code_bits": 2, "weight_histogram": [9, 9, 9, 9]}
    with pytest.raises(OptionError) as caught:
        convcost.compress(TINY, layers={"conv*": rule})
    assert str(caught.value) == (
        "error: conv_1: weight_code_bits and weight_histogram say the same twice\n = help: leave one of them out"
    )


@pytest.mark.parametrize("text", ["density=9%", "fc:", ":density=9%", "fc:density", "fc:density=", "fc:=9%"])
def test_an_option_for_some_layers_that_is_none(text):
    with pytest.raises(OptionError) as caught:
        layer_options([text])
    assert str(caught.value) == (
        f"error: --layer takes a pattern and what is done\n = found: --layer {text!r}\n"
        " = help: --layer 'fc*:density=9%,weight_bits=5'"
    )


def test_records_of_layers():
    """36 weights of 32 bits, 9 of them kept, their distances at most 2² apart; 4 biases of 32 bits."""
    found = convcost.compress(TINY, density="25%", index_bits=2)
    (row,) = found.report().records()
    assert (row["network"], row["name"], row["type"]) == ("Tiny", "conv_1", "conv")
    assert (row["weights"], row["kept"], row["original_bytes"]) == (36, 9, 36 * 4)


def test_a_table_says_what_is_left_out_and_what_is_read():
    table = str(convcost.compress(TINY, biases=False))
    assert "Biases and norms are left out." in table
    assert "Nothing is compressed yet: density='10%', index_bits=4, weight_bits=5, for one." in table
