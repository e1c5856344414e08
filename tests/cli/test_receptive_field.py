"""`convcost receptive-field` and `verify --receptive-field`: their options, their formats, and what is refused."""

from __future__ import annotations

import csv
import io
import json

import convcost as api

HOLES = """\
name: holes
input: [1, 16, 16]
layers:
  - conv: {out_channels: 1, kernel_size: 3, dilation: 2}
  - conv: {out_channels: 1, kernel_size: [3, 1], padding: [1, 0]}
  - multiply: [[], [global_avg_pool, sigmoid]]
"""


def test_a_table_on_standard_output(convcost):
    status, out, err = convcost("receptive-field", "net.yaml")
    assert (status, err) == (0, "")
    assert out == str(api.receptive_field("net.yaml"))
    assert "conv_1 sees 5×5 positions, stride 1×1, padding 0×0\n" in out


def test_json(convcost, folder):
    (folder / "holes.yaml").write_text(HOLES)
    data = json.loads(convcost("receptive-field", "holes.yaml", "-f", "json").out)
    assert data["axes"] == [
        {"input": 0, "axis": 1, "name": "height", "size": 16},
        {"input": 0, "axis": 2, "name": "width", "size": 16},
    ]
    first, second, *_, last = data["layers"]
    phases = [[{"size": 5, "padding": 0, "used": "3/5"}]] * 2
    assert first == {
        "name": "conv_1",
        "type": "conv",
        "line": 4,
        "output_shape": [1, 12, 12],
        # positions 0, 2 and 4 from each place on
        "receptive_field": {
            "size": [5, 5],
            "stride": [1, 1],
            "padding": [0, 0],
            "used": ["3/5", "3/5"],
            "local": [5, 5],
            "strict_reason": [None, None],
            "phases": phases,
            "smallest_input": [5, 5],
            "unknown": [None, None],
            "share": "9/25",
        },
        "aligned": None,
        "misaligned_by": None,
    }
    # three of them, one beside the other, leave no holes downwards: −1 to 5, which fits from 6 on with 7 positions
    assert second["receptive_field"]["size"] == [7, 5]
    assert second["receptive_field"]["used"] == ["1", "3/5"]
    assert second["receptive_field"]["smallest_input"] == [7, 5]
    gate = "everything, by branch_2/global_avg_pool_1"
    assert (last["receptive_field"]["size"], last["receptive_field"]["local"]) == ([16, 16], [7, 5])
    assert last["receptive_field"]["strict_reason"] == [gate, gate]
    assert last["aligned"] is None
    assert [warning["message"] for warning in data["warnings"]] == [
        "the output 'multiply_1' sees a field with holes: it reads 3 of 5 positions along width"
    ]


def test_fractions_are_text(convcost, folder):
    (folder / "up.yaml").write_text(
        "input: [1, 8]\nlayers:\n  - concat: [[], [{conv: {out_channels: 1, kernel_size: 3, stride: 2, padding: 1}}, "
        "{upsample: {scale_factor: 2}}]]\n"
    )
    *_, up, last = json.loads(convcost("receptive-field", "up.yaml", "-f", "json").out)["layers"]
    assert up["receptive_field"]["stride"] == [1]  # two outputs go two positions on
    assert [phase["padding"] for phase in up["receptive_field"]["phases"][0]] == [1, 2]
    assert (last["aligned"], last["misaligned_by"]) == (False, ["1/2"])
    (folder / "only.yaml").write_text("input: [1, 8]\nlayers:\n  - upsample: {scale_factor: 2}\n")
    (layer,) = json.loads(convcost("receptive-field", "only.yaml", "-f", "json").out)["layers"]
    assert layer["receptive_field"]["stride"] == ["1/2"]
    assert [phase["padding"] for phase in layer["receptive_field"]["phases"][0]] == [0, "1/2"]


def test_csv(convcost):
    (row,) = csv.DictReader(io.StringIO(convcost("receptive-field", "net.yaml", "-f", "csv").out))
    assert row == {
        "network": "net",
        "name": "conv_1",
        "type": "conv",
        "line": "4",
        "output_shape": "256×8×8",
        "size": "5×5",
        "stride": "1×1",
        "padding": "0×0",
        "used": "1×1",
        "local": "5×5",
        "strict_reason": "",
        "smallest_input": "5×5",
        "aligned": "",
        "misaligned_by": "",
        "unknown": "",
    }


def test_one_layer_and_its_pattern(convcost, folder):
    (folder / "holes.yaml").write_text(HOLES)
    status, out, err = convcost("receptive-field", "holes.yaml", "--at", "conv_1", "--draw")
    assert status == 0
    assert "What conv_1 reads" in out
    assert out.count("■·■·■\n") == 3
    assert out.count("·····\n") == 2
    assert "conv_2" not in out
    assert err == (
        "warning: the output 'multiply_1' sees a field with holes: it reads 3 of 5 positions along width\n"
        " --> holes.yaml:6:5\n"
        "  = found: the holes come from conv_1\n"
        "  = help: dilations without a common factor that grow slowly, such as 1, 2, 3, leave no holes "
        "(arXiv:1702.08502)\n"
    )


def test_an_unknown_layer_is_answered_with_the_nearest(convcost):
    assert convcost("receptive-field", "net.yaml", "--at", "conv1") == (
        2, "", "error: there is no layer 'conv1'\n = help: did you mean 'conv_1'?\n")  # fmt: skip


def test_verify_exits_with_0_where_all_agree_and_with_1_where_not(convcost, monkeypatch):
    status, out, err = convcost("verify", "--receptive-field", "net.yaml")
    assert (status, err) == (0, "")
    assert "all agree." in out
    from convcost.layers.convolution import Conv
    from convcost.layers.reading import along

    monkeypatch.setattr(
        Conv, "readings", lambda self, inputs, outputs, number: ((along(inputs[0], outputs[0], every=(0,)),),)
    )
    status, out, err = convcost("verify", "--receptive-field", "net.yaml", "-f", "json")
    assert (status, json.loads(out)["agrees"]) == (1, False)


def test_options_that_do_not_go_together(convcost):
    status, out, err = convcost("verify", "--receptive-field", "--full", "net.yaml")
    assert (status, out) == (2, "")
    assert err == ("error: --receptive-field goes with --set, --seed, --max-products, --format and --output only\n")
