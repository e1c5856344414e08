"""Errors and warnings about a model file's network, at the modules of the file."""

from __future__ import annotations

import json
import re
import sys

import nets
import pytest

import convcost
from convcost import cli
from convcost.budget.report import CheckReport
from convcost.errors import Place
from convcost.reports import formats
from convcost.reports.table import Page

HELP = "a smaller kernel or stride before it, more padding, or a larger input"


def message(file, module, size):
    """Return the error of a kernel of 3 that does not fit."""
    return (
        f"error: the kernel must fit into its padded input\n --> {file}, {module}\n"
        f"  = found: kernel_size 3 does not fit into an input of {size}\n  = help: {HELP}"
    )


def without_padding(net, x, out, scope):
    """Add a convolution of 3×3 with a ReLU."""
    x = net.add("Conv", [x], out, f"{scope}.conv", [[out, net.channels[x], 3, 3], [out]])
    return net.relu(x, f"{scope}.relu")


def test_an_error_at_another_resolution_names_the_module(write):
    net = nets.Net(4, 64, 64)
    x = net.pool(net.conv("input", 8, 3, "stem.conv"), 2, "stem.pool")
    path = write(net.file(without_padding(net, x, 6, "body")))
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path, set={"r": 4})
    assert str(caught.value) == message(path, "body.conv", 2)  # half of 4


def test_one_of_several_that_are_written_once(write):
    net = nets.Net(4, 64, 64)
    x = "input"
    for number in range(5):
        x = without_padding(net, x, 4, f"body.{number}")
    path = write(net.file(x))
    assert "repeat: 5" in convcost.load(path).origin.reader.source.text
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(path, set={"r": 8})
    # 8, 6, 4, and the fourth has 2
    assert str(caught.value) == message(path, "one of body.0.conv, body.1.conv, body.2.conv, …", 2)


def test_a_warning_names_the_module(write):
    net = nets.Net(4, 16, 16)
    x = net.add("Conv", ["input"], 8, "stem.conv", [[8, 4, 1, 1], [8]], pads=[1, 1, 1, 1])
    model = convcost.load(write(net.file(x)))
    (warning,) = model.warnings
    assert (warning.place.line, warning.path, warning.source) == (0, "stem.conv", "")
    assert warning.message == "padding around a kernel of size 1 adds positions that see only zeros"


@pytest.fixture
def model(write):
    """Return a model of two modules: 4 · 8 + 8 = 40 parameters, then 8 · 6 · 9 + 6 = 438."""
    net = nets.Net(4, 16, 16)
    x = net.conv("input", 8, 1, "stem.conv")
    return write(net.file(without_padding(net, x, 6, "body.0")))


def test_a_limit_is_exceeded_at_modules(model):
    check = convcost.check(str(model), max={"params": 470})
    (verdict,) = check.verdicts
    assert [cause.place for cause in verdict.causes] == [
        Place(str(model), module="body.0.conv"),
        Place(str(model), module="stem.conv"),
    ]
    assert [each | {"file": ""} for each in check.to_dict()["verdicts"][0]["costliest"]] == [
        {
            "name": "body.0.conv",
            "type": "conv",
            "actual": 438,
            "base": None,
            "file": "",
            "line": None,
            "origin": "body.0.conv",
        },
        {
            "name": "stem.conv",
            "type": "conv",
            "actual": 40,
            "base": None,
            "file": "",
            "line": None,
            "origin": "stem.conv",
        },
    ]


def test_a_table_names_modules(model, monkeypatch):
    monkeypatch.chdir(model.parent)
    page = str(convcost.check("net.onnx", max={"params": 470}))
    assert re.findall(r"^\S+ +conv +\d+ .*", page, re.MULTILINE) == [
        "body.0.conv  conv     438   91.6  net.onnx, body.0.conv",
        "stem.conv    conv      40    8.4  net.onnx, stem.conv",
    ]


@pytest.mark.parametrize(
    "ask",
    [
        lambda model: model.analyze(),
        lambda model: model.memory(),
        lambda model: model.compare(),
        lambda model: model.receptive_field(),
        lambda model: model.compress(density=1),
        lambda model: model.roofline("raspberry-pi-4"),
    ],
)
def test_documents_have_modules_and_no_lines(ask, model):
    rows = ask(convcost.load(model)).to_dict()
    rows = rows.get("layers") or rows["comparisons"][0]["layers"]
    (row,) = [row for row in rows if row["name"] == "body.0.conv"]
    assert (row["line"], row["origin"]) == (None, "body.0.conv")
    assert {row["line"] for row in rows} == {None}


def test_a_document_of_a_convention_has_modules(model, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["convcost", "analyze", str(model), "--convention", "thop", "-f", "json"])
    with pytest.raises(SystemExit):
        cli.main()
    rows = json.loads(capsys.readouterr().out)["layers"]
    assert [(row["name"], row["line"], row["origin"]) for row in rows if row["type"] == "conv"] == [
        ("stem.conv", None, "stem.conv"),
        ("body.0.conv", None, "body.0.conv"),
    ]


def test_a_difference_has_modules_on_both_sides(model):
    (row,) = [
        row
        for row in convcost.load(model).diff(convcost.load(model)).to_dict()["layers"]
        if row["after"]["name"] == "stem.conv"
    ]
    assert [(row[side]["line"], row[side]["origin"]) for side in ("before", "after")] == [(None, "stem.conv")] * 2


def test_what_cannot_be_rewritten_is_a_module(write):
    net = nets.Net(4, 16, 16)
    x = "input"
    for number in range(3):
        x = net.conv(x, 4, 3, f"body.{number}.conv")
    path = write(net.file(net.head(x, 4)))
    model = convcost.load(path)
    assert "repeat: 3" in model.origin.reader.source.text
    with pytest.raises(convcost.OptionError) as caught:
        _ = model.rewrite("separable", layers=["body.2"]).text
    assert str(caught.value) == (
        "error: an item is rewritten in all of its uses or in none: separable\n"
        f" --> {path}, body.0.conv\n"
        "  = found: it also writes 'body.1', 'body.3'\n"
        "  = help: choose all of them; one that the rewrite does not apply to needs an item of its own, "
        "as convcost import --flat writes it"
    )


def test_an_error_of_two_axes_stands_once(model):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(model, set={"r": "9/2"})
    assert str(caught.value) == (
        f"error: a size of the input is a whole number from 1 to 10**15\n --> {model}, input\n  = found: 4.5\n"
        "  = help: make it whole with floor(…), ceil(…), round(…) or make_divisible(…, 8)"
    )


def test_too_many_layers_are_too_many_at_a_module(model):
    with pytest.raises(convcost.SpecError) as caught:
        convcost.load(model, max_layers=1)
    assert caught.value.details[0].place == Place(str(model))


def test_what_a_check_prints_for_pull_requests_has_no_line(model, monkeypatch):
    monkeypatch.chdir(model.parent)
    reports = [CheckReport(convcost.check("net.onnx", max={"params": 470}))]
    github, gitlab, junit, sarif = [
        formats.render(name, reports, Page()) for name in ("github", "gitlab", "junit", "sarif")
    ]
    title = "params: 478, which is 8 above the limit of 470 (101.7 %)"
    costly = "Most of it: body.0.conv 438, stem.conv 40."
    assert github.startswith("::error file=net.onnx,title=params%3A 478%2C which is")
    assert f"{title.replace('%', '%25')}. {costly}" in github
    (entry,) = json.loads(gitlab)
    assert entry["location"] == {"path": "net.onnx", "lines": {"begin": 1}}  # GitLab needs a line
    assert "\nnet.onnx, body.0.conv\nnet.onnx, stem.conv: stem.conv: 40</failure>" in junit
    (result,) = json.loads(sarif)["runs"][0]["results"]
    places = [*result["locations"], *result["relatedLocations"]]
    assert [place["logicalLocations"][0]["fullyQualifiedName"] for place in places] == ["body.0.conv", "stem.conv"]
    assert not any("region" in place["physicalLocation"] for place in places)


def test_a_check_without_budgets_names_the_file(model):
    with pytest.raises(convcost.ConfigError) as caught:
        convcost.load(model).check()
    assert caught.value.details[0].found == str(model)


@pytest.mark.parametrize("order", ["file", "spec"])
def test_the_order_in_which_layers_run_is_that_of_the_file_or_of_its_spec(order, write, tmp_path):
    net = nets.Net(4, 16, 16)
    path = write(net.file(net.conv("input", 8, 3, "stem.conv")))
    if order == "spec":
        path = tmp_path / "net.yaml"
        path.write_text(convcost.load(tmp_path / "net.onnx").origin.reader.source.text, encoding="utf-8")
    assert f"The layers run in the order of the {order}.\n" in str(convcost.load(path).memory())
