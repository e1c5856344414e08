"""The memory of two forms of a network: in compare, rewrite and suggest, and as a limit."""

from __future__ import annotations

import json

import convcost

# a byte has 8 bits: float32 has 4 bytes. The standard convolution 8·16·16 → 8·8·8 of stride 2 reads 8,192 bytes and
# writes 2,048; its depthwise stage writes as much, and its pointwise stage reads 2,048 and writes 2,048.
SPEC = {
    "input": [8, 16, 16],
    "layers": [
        {"conv": {"out_channels": 32, "kernel_size": 3, "stride": 2, "padding": 1, "bias": False}},
        {"conv": {"out_channels": 4, "kernel_size": 1, "bias": False}},
    ],
}
READ, WRITTEN, FILTERED = 4 * 8 * 256, 4 * 32 * 64, 4 * 8 * 64
WEIGHTS, LAST = 4 * 9 * 8 * 32, 4 * 32 * 4
SEPARABLE_WEIGHTS = 4 * 9 * 8 + 4 * 8 * 32
STANDARD = {"peak_memory": READ + WRITTEN, "weight_bytes": WEIGHTS + LAST}
SEPARABLE = {"peak_memory": READ + FILTERED, "weight_bytes": SEPARABLE_WEIGHTS + LAST}


def test_the_sizes_are_those_of_the_arithmetic():
    assert (READ, WRITTEN, FILTERED) == (8_192, 8_192, 2_048)
    assert (STANDARD, SEPARABLE) == (
        {"peak_memory": 16_384, "weight_bytes": 9_728},
        {"peak_memory": 10_240, "weight_bytes": 1_824},
    )


def test_suggest_keeps_a_limit_of_the_peak():
    found = convcost.suggest(SPEC, max={"peak_memory": "10Ki"}, ends=True)
    assert found.reached
    assert [step.names for step in found.steps] == [("conv_1",)]
    assert found.after.value("peak_memory") == READ + FILTERED == 10_240  # 10 KiB; pointwise: 2,048 + 8,192, as much
    assert found.to_dict()["memory"] == {"before": STANDARD, "after": SEPARABLE}
    text = str(found)
    assert "−6,144" in text  # of the peak, not of what layers exceed the limit by
    assert "Memory in bytes, float32: peak of activations 16,384 → 10,240, weights 9,728 → 1,824." in text
    assert "All limits are kept." in text


def test_suggest_says_when_a_peak_is_out_of_reach():
    found = convcost.suggest(SPEC, max={"peak_memory": 10_239}, ends=True)
    assert not found.reached
    assert "peak memory comes down to 10,240, 1 above 10,239" in str(found)


def test_suggest_leaves_alone_what_is_not_at_the_peak():
    layers = [*SPEC["layers"], {"conv": {"out_channels": 4, "kernel_size": 3, "stride": 2, "padding": 1}}]
    found = convcost.suggest({**SPEC, "layers": layers}, max={"peak_memory": "10Ki"}, ends=True)
    assert [step.names for step in found.steps] == [("conv_1",)]


def test_rewrite_reports_what_both_forms_take():
    found = convcost.rewrite(SPEC, "separable", layers=["conv_1"]).rewriting
    assert found.to_dict()["memory"] == {"before": STANDARD, "after": SEPARABLE}
    assert "Memory in bytes, float32: peak of activations 16,384 → 10,240, weights 9,728 → 1,824." in str(found)


def test_compare_reports_what_all_forms_take():
    found = convcost.compare(SPEC)
    assert found.to_dict()["memory"] == {"as_written": STANDARD, "all_standard": STANDARD, "all_separable": SEPARABLE}
    last = str(found).splitlines()[-1].split()
    assert last[-2:] == [f"{WEIGHTS - SEPARABLE_WEIGHTS:,}", f"{WRITTEN - FILTERED:,}"] == ["7,904", "6,144"]


def test_two_specs_are_compared_by_what_they_take():
    text = str(convcost.diff(SPEC, {**SPEC, "layers": SPEC["layers"][:1]}))
    rows = [line.split() for line in text.splitlines()]
    assert ["weight", "bytes", "9,728", "9,216", "−512", "−5.3", "%"] in rows
    assert ["peak", "memory", "16,384", "16,384", "0", "0", "%"] in rows
    both = convcost.diff(SPEC, SPEC).to_dict()["memory"]
    assert json.dumps(both["before"]) == json.dumps(both["after"]) == json.dumps(STANDARD)
