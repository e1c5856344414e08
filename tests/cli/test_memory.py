"""`convcost memory`: its options, its formats, and what is refused."""

from __future__ import annotations

import csv
import io
import json

import convcost as api


def test_a_table_on_standard_output(convcost, screen):
    status, out, err = convcost("memory", "net.yaml", "--dtype", "int8")
    assert (status, err) == (0, "")
    assert out == screen(api.memory("net.yaml", dtype="int8"))
    # 3·12·12 and 256·8·8 values; 256 filters of 75
    assert "peak 16,816 bytes (16.4 KiB) at conv_1 · 19,200 bytes (18.8 KiB) of weights" in out


def test_json(convcost):
    words = ("--batch", "2", "--align", "64", "--no-in-place", "--keep-inputs", "--dtype", "activations=int8")
    data = json.loads(convcost("memory", "net.yaml", *words, "-f", "json").out)
    assert data["convention"] == {"batch": 2, "in_place": False, "align": 64, "keep_inputs": True}
    # 864 bytes rounded up to 14·64, and 32,768; the weights stay float32
    assert data["total"] == {"peak_memory": 33_664, "weight_bytes": 76_800, "activation_bytes": 33_664}
    assert data["peak"] == {
        "layer": "conv_1",
        "tensors": [{"name": "conv_1", "bytes": 32_768}, {"name": "input", "bytes": 896}],
    }
    assert data["order"] == {"kind": "file", "proved": False, "lower_bound": None}
    assert data["tensors"] == [
        {"name": "input", "bytes": 896, "first": 0, "last": 0, "offset": None, "layers": []},
        {"name": "conv_1", "bytes": 32_768, "first": 0, "last": 0, "offset": None, "layers": []},
    ]
    (layer,) = data["layers"]
    assert layer == {
        "name": "conv_1",
        "type": "conv",
        "line": 4,
        "output_shape": [256, 8, 8],
        "dtype": {"weights": "float32", "activations": "int8", "biases": "float32"},
        "weight_bytes": 76_800,
        "activation_bytes": 33_664,
        "peak_memory": 33_664,
        "memory": None,
    }


def test_csv_has_a_row_for_each_layer(convcost):
    rows = [*csv.DictReader(io.StringIO(convcost("memory", "mobilenet_v1", "-f", "csv").out))]
    assert len(rows) == len(api.load("mobilenet_v1").network.layers)
    assert rows[1]["memory"] == "folded"
    assert max(int(row["peak_memory"]) for row in rows) == 4_816_896  # 32·112·112 and 64·112·112 at 4 bytes


def test_a_screen_is_folded_unless_all_layers_are_asked_for(convcost):
    folded, every = convcost("memory", "resnet50").out, convcost("memory", "resnet50", "--layers").out
    assert "Folded from 175 rows to 23: --layers shows each." in folded
    assert len(every.splitlines()) > 175
    # what a group takes is what its layers take, and the most that lives in it is the largest of them
    assert "  bottleneck_1     256×56×56       297,472  11,239,424  9,633,792" in folded


def test_markdown(convcost):
    out = convcost("memory", "net.yaml", "-f", "md").out
    assert "| conv_1 | 256×8×8 | 76,800 | 67,264 | 67,264 |" in out.replace("`", "")


def test_what_is_refused(convcost):
    status, out, err = convcost("memory", "net.yaml", "--dtype", "int9")
    assert (status, out) == (2, "")
    assert err == "error: --dtype: there is no type of numbers 'int9'\n = help: did you mean 'int8'?\n"
    assert convcost("memory", "net.yaml", "--align", "0").status == 2
    assert convcost("memory", "mobilenet_v1", "--set", "alpha=0").status == 2


def test_over_gives_a_formula(convcost):
    status, out, err = convcost("memory", "mobilenet_v1", "--over", "alpha=1/4:1", "-f", "csv")
    assert (status, err) == (0, "")
    assert out.splitlines()[1].endswith(
        ',"1/4 ≤ alpha ≤ 1, multiples of 1/32",separable_conv_1/pointwise,4816896·alpha,1204224,4816896'
    )
    status, out, err = convcost("memory", "mobilenet_v1", "--over", "alpha=1/4:1", "--place")
    assert (status, out) == (2, "")
    assert err == (
        "error: --over gives the peak in the order of the spec alone\n = found: --place or --arena\n"
        " = help: give the symbol a value with --set\n"
    )


def test_json_has_the_order_and_the_offsets(convcost):
    data = json.loads(convcost("memory", "xception", "--order", "best", "--place", "-f", "json").out)
    assert data["order"] == {"kind": "best", "proved": True, "lower_bound": data["total"]["peak_memory"]}
    peak = data["total"]["peak_memory"]
    assert data["placement"] == {"size": peak, "lower_bound": peak, "proved": True, "arena": None, "fits": None}
    assert max(tensor["offset"] + tensor["bytes"] for tensor in data["tensors"]) == peak
    assert data["layers"][data["tensors"][-1]["last"]]["name"] == data["layers"][-1]["name"]


def test_an_arena_that_suffices_and_one_that_is_too_small(convcost):
    out = convcost("memory", "ghostnet", "--arena", "6Mi").out
    assert "6,291,456 bytes suffice · as small as the peak: no placement takes less" in out
    status, out, err = convcost("memory", "ghostnet", "--arena", "5Mi")
    assert (status, out) == (2, "")
    assert err == (
        "error: the arena is smaller than the peak\n = found: --arena: 5,242,880 bytes; 5,619,712 live at the peak\n"
        " = help: at least 5,619,712 bytes or another order, --order best\n"
    )
    assert convcost("memory", "ghostnet", "--arena", "5Mi", "--order", "best").status == 0  # it takes 5,017,600
