"""`convcost analyze`: what it prints, and what its options change."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

import convcost as api
from convcost.spec.source import shipped


def test_a_table_on_standard_output(convcost, screen):
    status, out, err = convcost("analyze", "net.yaml")
    assert (status, err) == (0, "")
    assert out == screen(api.analyze("net.yaml"))
    assert "1,228,800" in out  # 256 · 75 · 64
    assert "\x1b" not in out


@pytest.mark.parametrize("option", ["--format", "-f"])
def test_a_format(option, convcost):
    status, out, err = convcost("analyze", "net.yaml", option, "json")
    assert (status, err) == (0, "")
    data = json.loads(out)
    assert data == json.loads(json.dumps(api.analyze("net.yaml").to_dict()))
    assert data["network"]["file"] == "net.yaml"
    assert data["layers"][0]["line"] == 4


def test_a_shipped_spec_by_its_name(convcost, screen):
    assert convcost("analyze", "mobilenet_v1").out == screen(api.analyze("mobilenet_v1"))


def test_a_file_goes_before_a_shipped_spec_of_its_name(folder, convcost):
    (folder / "resnet18").write_bytes((folder / "net.yaml").read_bytes())
    assert "1,228,800" in convcost("analyze", "resnet18").out


def test_standard_input(folder, convcost):
    status, out, _ = convcost("analyze", "-", "-f", "json", stdin=(folder / "net.yaml").read_bytes())
    assert status == 0
    assert json.loads(out)["network"]["file"] == "<stdin>"
    assert json.loads(out)["total"]["mults"] == 1_228_800


def test_symbols(convcost):
    out = convcost("analyze", "mobilenet_v1", "--set", "alpha=0.5", "--set", " r = 224", "-f", "json").out
    data = json.loads(out)
    assert data["total"]["macs"] == 149_497_088
    assert data["network"]["symbols"] == {"alpha": "1/2", "r": 224, "deep": 5, "classes": 1000}


def test_a_batch(convcost):
    total = json.loads(convcost("analyze", "net.yaml", "--batch", "10", "-f", "json").out)["total"]
    assert (total["mults"], total["params"]) == (12_288_000, 19_200)


def test_no_folding(folder, convcost):
    text = (folder / "net.yaml").read_text() + "  - batch_norm\n"
    (folder / "norm.yaml").write_text(text)
    folded, whole = (
        json.loads(convcost("analyze", "norm.yaml", *options, "-f", "json").out)["total"]["mults"]
        for options in ([], ["--no-fold"])
    )
    assert (folded, whole) == (1_228_800, 1_245_184)  # and 256 · 64 values


def test_sort_top_and_depth(convcost):
    rows = list(csv.DictReader(io.StringIO(convcost("analyze", "mobilenet_v1", "--sort", "params", "-f", "csv").out)))
    params = [int(row["params"]) for row in rows]
    assert params == sorted(params, reverse=True)
    rows = list(csv.DictReader(io.StringIO(convcost("analyze", "mobilenet_v1", "--top", "3", "-f", "csv").out)))
    assert len(rows) == 3
    rows = list(csv.DictReader(io.StringIO(convcost("analyze", "mobilenet_v1", "--depth", "1", "-f", "csv").out)))
    # the stem, 13 separable convolutions, pool, flatten and linear
    assert [row["name"] for row in rows[:3]] == ["conv_1", "separable_conv_1", "separable_conv_2"]
    assert len(rows) == 17


def test_several_specs(convcost):
    out = convcost("analyze", "net.yaml", "examples/one_5x5", "-f", "json").out
    assert [entry["total"]["mults"] for entry in json.loads(out)] == [1_228_800, 25]
    out = convcost("analyze", "net.yaml", "examples/one_5x5").out
    assert [re.split(r"  +", line)[:5] for line in out.splitlines()[2:6:1] if "5" in line] == [
        ["net", "3×12×12", "1", "19,200", "1,228,800"],
        ["One 5 × 5 kernel", "1×5×5", "1", "25", "25"],
    ]
    assert convcost("analyze", "net.yaml", "examples/one_5x5", "--layers").out == (
        f"{api.analyze('net.yaml')}\n{api.analyze('examples/one_5x5')}\n{out}"
    )


# files


def test_several_outputs_in_one_run(folder, convcost, screen):
    status, out, err = convcost("analyze", "net.yaml", "-f", "table", "-o", "json:a.json", "-o", "csv:b.csv")
    assert (status, err) == (0, "")
    assert out == screen(api.analyze("net.yaml"))
    assert json.loads((folder / "a.json").read_text())["total"]["mults"] == 1_228_800
    assert (folder / "b.csv").read_text().splitlines()[1].startswith("net,conv_1,conv,net.yaml,4,")
    assert sorted(path.name for path in folder.iterdir()) == ["a.json", "b.csv", "net.yaml"]


def test_a_table_in_a_file_has_its_natural_width_and_no_colour(folder, convcost, screen):
    convcost("analyze", "mobilenet_v1", "-o", "table:table.txt")
    assert (folder / "table.txt").read_text(encoding="utf-8") == screen(api.analyze("mobilenet_v1"))


def test_an_output_without_a_path_goes_to_standard_output(convcost):
    for option in "json", "json:-":
        assert json.loads(convcost("analyze", "net.yaml", "-o", option).out)["total"]["params"] == 19_200


def test_a_colon_needs_a_path_behind_it(convcost):
    ran = convcost("analyze", "net.yaml", "-o", "json:")
    assert (ran.status, ran.out) == (2, "")
    message = "error: -o takes FORMAT, PATH or FORMAT:PATH\n = found: -o json:\n"
    assert ran.err == f"{message} = help: -o cost.json, or -o json:cost.json\n"


def test_a_spec_is_never_overwritten(folder, convcost):
    before = (folder / "net.yaml").read_text(encoding="utf-8")
    ran = convcost("analyze", "net.yaml", "-o", "json:./net.yaml")
    assert (ran.status, ran.out) == (2, "")
    assert ran.err == ("error: the output would overwrite './net.yaml', which is read\n = help: give it another path\n")
    assert (folder / "net.yaml").read_text(encoding="utf-8") == before


def test_a_path_may_hold_colons(folder, convcost):
    assert convcost("analyze", "net.yaml", "-o", "json:a:b.json").status == 0
    assert (folder / "a:b.json").exists()


def test_a_file_is_replaced_whole_and_keeps_its_mode(folder, convcost):
    (folder / "a.json").write_text("x" * 100_000)
    (folder / "a.json").chmod(0o640)
    convcost("analyze", "net.yaml", "-o", "json:a.json")
    assert json.loads((folder / "a.json").read_text())["total"]["params"] == 19_200
    assert (folder / "a.json").stat().st_mode & 0o777 == 0o640


def test_a_link_keeps_pointing_at_what_is_written(folder, convcost):
    (folder / "sub").mkdir()
    (folder / "sub/real.json").write_text("old")
    (folder / "link.json").symlink_to("sub/real.json")
    convcost("analyze", "net.yaml", "-o", "json:link.json")
    assert (folder / "link.json").is_symlink()
    assert json.loads((folder / "sub/real.json").read_text())["total"]["params"] == 19_200


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("missing/a.json", "No such file or directory"),
        ("net.yaml/a.json", "Not a directory"),
        ("sub", "Is a directory"),
        ("x" * 300, "File name too long"),
    ],
)
def test_an_output_that_cannot_be_written(path, reason, folder, convcost):
    """Status 2, nothing on standard output; the other outputs are not written either, old files stay."""
    (folder / "sub").mkdir()
    (folder / "old.json").write_text("old")
    before = sorted(folder.rglob("*"))
    status, out, err = convcost(
        "analyze", "net.yaml", "-f", "table", "-o", "csv:new.csv", "-o", "csv:old.json", "-o", f"json:{path}"
    )
    assert (status, out) == (2, "")
    found = path if len(path) < 200 else f"{path[:199]}…"
    help = f" = help: create the folder '{folder}/missing' first\n" if path.startswith("missing") else ""
    assert err == f"error: an output cannot be written: {reason}\n = found: {found}\n{help}"
    assert sorted(folder.rglob("*")) == before
    assert (folder / "old.json").read_text() == "old"


def test_nothing_is_written_for_a_spec_with_faults(folder, convcost):
    (folder / "bad.yaml").write_text("input: [3, 4, 4]\nlayers:\n  - convv: {}\n")
    (folder / "old.json").write_text("old")
    status, out, err = convcost("analyze", "net.yaml", "bad.yaml", "-o", "json:old.json", "-o", "csv:new.csv")
    assert (status, out) == (2, "")
    assert err.startswith("error: there is no layer type or block 'convv'\n --> bad.yaml:3:5")
    assert (folder / "old.json").read_text() == "old"
    assert not (folder / "new.csv").exists()


# what is wrong


def test_the_faults_of_all_specs_are_told_at_once(folder, convcost):
    (folder / "one.yaml").write_text("input: [3, 4, 4]\nlayers:\n  - convv: {}\n  - poool: {}\n")
    (folder / "two.yaml").write_text("")
    status, out, err = convcost("analyze", "one.yaml", "net.yaml", "two.yaml", "three.yaml")
    assert (status, out) == (2, "")
    assert [line for line in err.splitlines() if line.startswith("error:")] == [
        "error: there is no layer type or block 'convv'",
        "error: there is no layer type or block 'poool'",
        "error: the spec is empty",
        "error: there is no file and no shipped spec 'three.yaml'",
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["nowhere.yaml"],
            "there is no file and no shipped spec 'nowhere.yaml'\n = help: `convcost specs` lists the shipped ones",
        ),
        (["mobilenetv1"], "there is no file and no shipped spec 'mobilenetv1'\n = help: did you mean 'mobilenet_v1'?"),
        (["."], "'.' cannot be read: it is a directory\n = help: name a file in it"),
        (["net.yaml", "-f", "jsn"], "there is no format 'jsn'\n = help: did you mean 'json'?"),
        (["net.yaml", "-o", "tabel:x"], "there is no format 'tabel'\n = help: did you mean 'table'?"),
        (
            ["net.yaml", "-f", "json", "-o", "table"],
            "two outputs go to standard output\n = help: give each its own path: -o json:cost.json",
        ),
        (
            ["net.yaml", "-o", "json:a", "-o", "csv:./a"],
            "two outputs go to './a'\n = help: give each its own path: -o json:cost.json",
        ),
        (["net.yaml", "--sort", "mult"], "--sort: there is no column 'mult'\n = help: did you mean 'mults'?"),
        (
            ["net.yaml", "net.yaml", "--sort", "mult"],
            "--sort: there is no column 'mult'\n = help: did you mean 'mults'?",
        ),
        (
            ["net.yaml", "--set", "alpha"],
            "--set takes NAME=VALUE\n = found: --set alpha\n = help: such as --set alpha=0.5",
        ),
        (["net.yaml", "--set", "=1"], "--set takes NAME=VALUE\n = found: --set =1\n = help: such as --set alpha=0.5"),
        (["net.yaml", "--set", "a=1"], "--set: net.yaml has no symbol 'a'\n = help: it declares no symbols"),
        (
            ["mobilenet_v1", "--set", "alhpa=1"],
            f"--set: {shipped()['mobilenet_v1']} has no symbol 'alhpa'\n = help: did you mean 'alpha'?",
        ),
    ],
)
def test_an_argument_that_cannot_be_used_is_told_whole(arguments, error, convcost):
    assert convcost("analyze", *arguments) == (2, "", f"error: {error}\n")


@pytest.mark.parametrize(
    "arguments", [["--batch", "0"], ["--batch", "many"], ["--top", "0"], ["--depth", "-1"], ["--frmat", "json"]]
)
def test_an_option_that_cannot_be_used_ends_with_status_2(arguments, convcost):
    status, out, err = convcost("analyze", "net.yaml", *arguments)
    assert (status, out) == (2, "")
    assert arguments[0].lstrip("-") in err


def test_no_spec_at_all_shows_the_help(process):
    status, out, err = process("analyze")
    assert status == 2
    assert "convcost analyze [OPTIONS]" in out + err


def test_standard_input_that_is_not_text(convcost):
    status, out, err = convcost("analyze", "-", stdin=b"input: [3]\nlayers: \xff\n")
    assert (status, out) == (2, "")
    assert err == "error: the file is not UTF-8\n --> <stdin>:2:9\n  = found: byte 0xff\n  = help: save it as UTF-8\n"


def test_a_mistake_of_ours_is_told_as_one(convcost, monkeypatch):
    """Status 3, one line of what and one of where, no traceback."""

    def fail(*arguments, **options):
        raise KeyError("lost")

    monkeypatch.setattr(api, "load", fail)
    status, out, err = convcost("analyze", "net.yaml")
    assert (status, out) == (3, "")
    first, found, note, help = err.splitlines()
    assert first == f"error: this is a bug in convcost {api.__version__}, not in your spec"
    assert found == " = found: KeyError: 'lost'"
    assert note.startswith(f" = note: at {__file__}:")
    assert help == " = help: please report it with the spec that shows it"


# which rows


def test_every_layer_is_shown_where_it_is_asked_for(convcost):
    layers, deep = (convcost("analyze", "resnet18", *words).out for words in (["--layers"], ["--depth", "all"]))
    assert layers == deep
    assert len(re.findall(r"^ *batch_norm +batch_norm ", layers, re.MULTILINE)) == 20  # one for each convolution
    folded = convcost("analyze", "resnet18").out
    assert len(folded.splitlines()) < 50 < len(layers.splitlines())
    assert "\nFolded from 69 rows to " in folded
    assert "Folded" not in layers


def test_a_depth_is_what_was_asked_for(convcost):
    out = convcost("analyze", "resnet18", "--depth", "1").out
    assert re.findall(r"^(conv\d_x) ", out, re.MULTILINE) == [f"conv{n}_x" for n in (2, 3, 4, 5)]
    assert "Folded" not in out


def test_json_and_csv_have_every_layer_whatever_a_screen_shows(convcost):
    assert len(json.loads(convcost("analyze", "resnet18", "-f", "json").out)["layers"]) == 69
    assert "left_out" not in json.loads(convcost("analyze", "resnet18", "--layers", "-f", "json").out)
    assert len(convcost("analyze", "resnet18", "-f", "csv").out.splitlines()) == 1 + 69
    assert convcost("analyze", "resnet18", "-f", "markdown").out.count("| batch_norm |") == 20


def test_the_sums_of_each_type(convcost):
    rows = csv.DictReader(io.StringIO(convcost("analyze", "resnet18", "--by", "type", "-f", "csv").out))
    found = {row["name"]: (row["type"], int(row["params"]), int(row["macs"])) for row in rows}
    assert list(found)[:2] == ["conv", "linear"]  # the most macs first
    # the convolutions are all but the classifier, 512 · 1000 + 1000, and the norms, 2 · 4,800 channels
    assert found["conv"] == ("20 layers", 11_689_512 - 513_000 - 9_600, 1_814_073_344 - 512_000)
    assert found["batch_norm"] == ("20 layers", 9_600, 0)
    data = json.loads(convcost("analyze", "resnet18", "--by", "type", "-f", "json").out)
    assert (data["layers"][0]["input_shape"], data["layers"][0]["output_shape"], data["layers"][0]["line"]) == (
        [], [], None
    )  # fmt: skip
    assert sum(row["params"] for row in data["layers"]) == data["total"]["params"] == 11_689_512


def test_the_totals_only(convcost):
    data = json.loads(convcost("analyze", "resnet18", "--summary", "-f", "json").out)
    assert (data["layers"], data["left_out"], data["total"]["macs"]) == ([], 69, 1_814_073_344)
    (row,) = csv.DictReader(io.StringIO(convcost("analyze", "resnet18", "--summary", "-f", "csv").out))
    assert (row["name"], row["type"], row["params"], row["input_shape"], row["output_shape"], row["fields"]) == (
        "Total", "69 layers", "11689512", "3×224×224", "", ""
    )  # fmt: skip
    out = convcost("analyze", "resnet18", "--summary").out
    assert re.search(r"^weight bytes +46,738,848 ", out, re.MULTILINE)  # 4 · 11,684,712, as its norms fold
    assert "conv" not in re.sub(r"conv\w{3,}", "", out)
    free = json.loads(convcost("analyze", "mobilenet_v1", "--free", "alpha", "--summary", "-f", "json").out)
    assert free["total"]["macs"] == "539492352*alpha**2 + 29248000*alpha"
    (row,) = csv.DictReader(
        io.StringIO(convcost("analyze", "mobilenet_v1", "--free", "alpha", "--summary", "-f", "csv").out)
    )
    assert row["macs"] == "539492352*alpha**2 + 29248000*alpha"


def test_the_fields_of_layers(convcost):
    layers = json.loads(convcost("analyze", "mobilenet_v2", "-f", "json").out)["layers"]
    fields = {
        "out_channels": 32, "kernel_size": [3, 3], "stride": [2, 2], "padding": [[1, 1], [1, 1]], "dilation": [1, 1],
        "groups": 1, "bias": False,
    }  # fmt: skip
    assert fields.items() <= layers[0]["fields"].items()
    free = json.loads(convcost("analyze", "mobilenet_v1", "--free", "alpha", "-f", "json").out)["layers"]
    assert free[0]["fields"]["out_channels"] == "32*alpha"
    rows = list(csv.DictReader(io.StringIO(convcost("analyze", "mobilenet_v1", "--free", "alpha", "-f", "csv").out)))
    assert json.loads(rows[0]["fields"])["out_channels"] == "32*alpha"
    folded = json.loads(convcost("analyze", "mobilenet_v2", "--depth", "1", "-f", "json").out)["layers"]
    assert [row["fields"] for row in folded[:2]] == [None, None]


def test_columns_that_are_no_metrics(convcost):
    out = convcost("analyze", "net.yaml", "--columns", "notes,share,type,params").out
    assert re.split(r"  +", out.splitlines()[4]) == ["Layer", "Notes", "Share", "%", "Type", "Params"]
    assert re.split(r"  +", out.splitlines()[6]) == ["conv_1", "output", "██████████", "100.0", "conv 5×5", "19,200"]
    rows = csv.DictReader(io.StringIO(convcost("analyze", "net.yaml", "--columns", "notes,params", "-f", "csv").out))
    (row,) = rows
    assert ("mults" in row, row["params"], row["notes"]) == (False, "19200", "output")


def test_columns_of_formulas(convcost, monkeypatch):
    """The share of a formula is no number; the ratio is a formula, too."""
    monkeypatch.setenv("COLUMNS", "200")
    out = convcost("analyze", "mobilenet_v1", "--free", "alpha", "--columns", "share,ratio,type,macs,notes").out
    lines = [re.split(r"  +", line) for line in out.splitlines()]
    assert lines[4] == ["Layer", "1/N + 1/Dk²", "Type", "Macs", "Notes"]
    assert lines[6] == ["conv_1", "1/(32·alpha) + 1/9", "conv 3×3 /2", "10,838,016·alpha", "401,408·alpha cmp"]


def test_all_inputs_are_named(folder, convcost):
    spec = "inputs:\n  a: [3, 8, 8]\n  b: [4]\nlayers:\n  - conv: {out_channels: 2, kernel_size: 3}\n    from: a\n"
    spec += "  - linear: {out_features: 2}\n    from: b\n"
    (folder / "two.yaml").write_text(spec, encoding="utf-8")
    assert "\ninputs 3×8×8, 4\n" in convcost("analyze", "two.yaml").out


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--depth", "0"], "--depth takes a whole number from 1, or all\n = found: --depth 0"),
        (["--depth", "-1"], "--depth takes a whole number from 1, or all\n = found: --depth -1"),
        (["--depth", "few"], "--depth takes a whole number from 1, or all\n = found: --depth few"),
        (["--depth", "²"], "--depth takes a whole number from 1, or all\n = found: --depth ²"),
        (
            ["--depth", "2", "--layers"],
            "--layers and --depth contradict each other\n = found: --depth 2\n = help: leave one of them out",
        ),
        (["--summary", "--layers"], "--summary and --layers contradict each other\n = help: leave one of them out"),
        (
            ["--by", "type", "--depth", "2"],
            "--by and --depth contradict each other\n = help: leave one of them out",
        ),
        (["--by", "name"], "--by takes type\n = found: --by name\n = help: --by type sums up each layer type"),
        (["--columns", "notes,nots"], "--columns: there is no column 'nots'\n = help: did you mean 'notes'?"),
    ],
)
def test_a_choice_of_rows_that_cannot_be_made(options, error, convcost):
    assert convcost("analyze", "net.yaml", *options) == (2, "", f"error: {error}\n")


def test_the_deployed_network_has_its_norms_in_the_weights(convcost):
    done = convcost("analyze", "resnet50", "--deployed", "--summary")
    assert (done.status, done.err) == (0, "")
    assert "25,530,472" in done.out  # 25,557,032 − 26,560 channels with a norm
    assert "batch_norm" not in convcost("analyze", "resnet50", "--deployed", "--layers").out
