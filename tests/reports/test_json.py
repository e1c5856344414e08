"""JSON: the analysis as plain data, exact integers, a line for each layer."""

from __future__ import annotations

import json

import convcost


def test_json_is_the_analysis_as_plain_data(small, render):
    assert json.loads(render("json", small)) == json.loads(json.dumps(convcost.analyze(small).to_dict()))


def test_each_layer_is_a_line(small, render):
    lines = render("json", small).splitlines()
    layers = json.loads("\n".join(lines))["layers"]
    written = [line for line in lines if line.startswith('    {"name"')]
    assert [json.loads(line.removesuffix(",")) for line in written] == layers
    assert len(layers) == 8


def test_several_specs_make_a_list(small, render):
    both = json.loads(render("json", small, "examples/one_5x5"))
    assert [entry["network"]["name"] for entry in both] == ["Small", "One 5 × 5 kernel"]
    assert both[0] == json.loads(render("json", small))


def test_integers_are_exact_however_large(render):
    side = 10**15
    spec = {"input": [side, side, side], "layers": [{"conv": {"out_channels": side, "kernel_size": 1}}]}
    data = json.loads(render("json", spec), parse_float=lambda text: text)
    (row,) = data["layers"]
    assert row["mults"] == data["total"]["mults"] == 10**60  # side² places · side · side
    assert row["params"] == 10**30 + 10**15
    assert row["ops"] == {"mul": 10**60, "add": 10**60}


def test_only_ratios_are_no_integers(render):
    """Every other number is one: a float would not be exact."""
    floats = []
    json.loads(render("json", "mobilenet_v1"), parse_float=lambda text: floats.append(text) or text)
    data = json.loads(render("json", "mobilenet_v1"))
    ratios = [row["ratio"]["value"] for row in data["layers"] if row["ratio"]]
    assert [float(text) for text in floats] == ratios


def test_every_name_comes_back_as_it_was(hostile, hostile_names, render):
    data = json.loads(render("json", hostile))
    assert [row["name"] for row in data["layers"]] == [*hostile_names, "conv"]
    assert data["network"]["name"] == data["network"]["source"] == "".join(hostile_names)


def test_nothing_in_json_moves_a_terminal(hostile, render):
    text = render("json", hostile)
    assert not any(ord(char) < 32 and char != "\n" for char in text)


def test_rows_that_were_asked_for_stand_before_the_whole_total(small, render):
    """Sorted, cut and folded rows; the total is the network's."""
    data = json.loads(render("json", small, top=1))
    assert [row["name"] for row in data["layers"]] == ["wide"]
    assert data["total"]["mults"] == 10_304  # 576 + 512 + 9,216


def test_what_is_not_given_is_null(render):
    data = json.loads(render("json", {"input": [2, 3], "layers": ["relu"]}))
    assert data["network"] == {
        "name": None, "file": "<mapping>", "source": None, "symbols": {}, "input_shape": [2, 3]
    }  # fmt: skip
