"""`convcost plot`."""

from __future__ import annotations

import os
import re
import sys
from xml.etree import ElementTree

import pytest

TITLE = "{http://www.w3.org/2000/svg}title"


def title(text):
    return ElementTree.fromstring(text).find(TITLE).text


def test_the_chart_follows_from_what_is_given(convcost):
    assert title(convcost("plot", "net.yaml").out) == "net: cost per layer"
    assert title(convcost("plot", "net.yaml", "mobilenet_v1", "-o", "-").out) == "2 networks: macs against params"
    assert title(convcost("plot", "mobilenet_v1", "--set", "alpha=0.5,1").out) == "MobileNetV1: params against mults"
    front = convcost("plot", "mobilenet_v1", "--set", "alpha=0.5,1", "--pareto", "macs,peak_memory").out
    assert title(front) == "MobileNetV1: peak memory against macs"
    for chart, found in {
        "types": "net: share by layer type",
        "separable": "net: standard and separable",
        "memory": "net: memory of activations over time",
        "networks": "1 network: macs against params",
    }.items():
        assert title(convcost("plot", "net.yaml", "--chart", chart).out) == found
    device = ("--chart", "roofline", "--device", "a100", "--dtype", "float16")
    assert title(convcost("plot", "net.yaml", *device).out) == "net on NVIDIA A100 SXM4, 40 GB"


def test_files_are_what_their_suffixes_say(convcost, folder):
    pytest.importorskip("matplotlib", reason="pip install -e '.[plot]'") if not os.environ.get("CI") else None
    done = convcost("plot", "net.yaml", "-o", "cost.svg", "-o", "cost.PNG", "-o", "pdf:cost")
    assert done == (0, "", "")
    assert title((folder / "cost.svg").read_text(encoding="utf-8")) == "net: cost per layer"
    assert (folder / "cost.PNG").read_bytes().startswith(b"\x89PNG\r\n")
    assert (folder / "cost").read_bytes().startswith(b"%PDF-")
    assert (folder / "cost.svg").read_text(encoding="utf-8") == convcost("plot", "net.yaml").out


def test_a_terminal_is_not_given_svg(convcost, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    done = convcost("plot", "net.yaml")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "error: nothing says where the chart goes\n"
        " = help: -o cost.svg, cost.png or cost.pdf; -o - writes SVG to standard output\n"
    )
    assert title(convcost("plot", "net.yaml", "-o", "-").out) == "net: cost per layer"


ERRORS = """
$ -o x.txt
error: nothing says what the chart is to be
 = found: -o x.txt
 = help: a path that ends in .svg, .png or .pdf

$ -o x
error: nothing says what the chart is to be
 = found: -o x
 = help: a path that ends in .svg, .png or .pdf

$ -o png:-
error: a PNG goes to a file
 = found: -o png:-
 = help: -o cost.png

$ -o net.yaml
error: nothing says what the chart is to be
 = found: -o net.yaml
 = help: a path that ends in .svg, .png or .pdf

$ -o svg:net.yaml
error: the output would overwrite 'net.yaml', which is read
 = help: give it another path

$ -o a.svg -o ./a.svg
error: two outputs go to './a.svg'
 = help: give each its own path: -o json:cost.json

$ --chart pie
error: there is no chart 'pie'
 = help: known: cost, front, memory, networks, roofline, separable, types

$ --chart font
error: there is no chart 'font'
 = help: did you mean 'front'?

$ --chart front
error: a front needs several values of a symbol
 = help: such as --set alpha=0.25,0.5,1

$ net.yaml --chart cost
error: the chart cost is of one spec
 = found: 2 specs
 = help: the chart networks is of several

$ --chart memory --metrics macs
error: the chart memory takes no --metrics
 = help: --metrics is for cost and types and separable and networks: --chart cost

$ --metrics mocs
error: there is no total 'mocs'
 = help: did you mean 'macs'?

$ --dtype int8
error: the chart cost takes no --dtype
 = help: --dtype is for memory and roofline: --chart memory

$ --chart networks --metrics macs
error: networks stand between two metrics
 = found: macs
 = help: such as params,macs: that across and that upwards

$ --chart types --metrics peak_memory
error: peak_memory is no sum over the layers: types have no share of it
 = help: such as macs, params or mults

$ --set a=1,2 --chart memory
error: the chart memory is of one value of each symbol
 = found: several values of a
 = help: the chart front shows all values; give it one for this

$ --set a=1,2 --pareto mults,params:most
error: a goal is METRIC, METRIC:min or METRIC:max
 = found: params:most
 = help: params:max, where more is better; params alone where less is

$ --set a=1,2 --pareto mults,mocs
error: there is no total 'mocs'
 = help: did you mean 'macs'?

$ --set a=1,2 --pareto mults,mults:max
error: a trade-off is between two totals
 = found: mults, mults:max
 = help: such as mults,params:max

$ --set a=1,2 --pareto mults
error: a trade-off is between two totals
 = found: mults
 = help: such as mults,params:max
"""


@pytest.mark.parametrize(("words", "message"), re.findall(r"\$ (.*)\n((?:.+\n)+)", ERRORS))
def test_what_cannot_be_drawn(convcost, folder, words, message):
    if "--set a=" in words:
        (folder / "net.yaml").write_text("input: [3]\nsymbols: {a: 1}\nlayers: [linear: {out_features: a}]\n")
    assert convcost("plot", "net.yaml", *words.split()) == (2, "", message)
    assert [each.name for each in folder.iterdir()] == ["net.yaml"]


def test_what_was_measured(convcost, folder):
    (folder / "top1.csv").write_text("alpha,top1\n1,70.6\n1/2,63.7\n", encoding="utf-8")
    done = convcost("plot", "mobilenet_v1", "--join", "top1.csv", "--pareto", "mults,top1:max")
    assert (done.status, title(done.out)) == (0, "MobileNetV1: top1 against mults")
    done = convcost("plot", "mobilenet_v1", "--join", "top1.csv")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "error: which column of the file is an axis?\n = found: --join top1.csv\n"
        " = help: such as --pareto mults,accuracy:max\n"
    )
    done = convcost("plot", "mobilenet_v1", "--join", "top1.csv", "--pareto", "mults,top5:max")
    assert done.err == (
        "error: the sweep has no top5\n = help: where=['top5 >= 0'] has a metric; known: params, mults, top1\n"
    )
    done = convcost("plot", "mobilenet_v1", "--join", "top1.csv", "--chart", "cost")
    assert done.err == "error: the chart cost takes no --join\n = help: --join is for front: --chart front\n"


def test_a_roofline_needs_a_device(convcost):
    done = convcost("plot", "net.yaml", "--chart", "roofline")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: a roofline is for a device\n = help: --device NAME, of stm32l4r5, ")


def test_a_file_that_cannot_be_written_leaves_none(convcost, folder):
    done = convcost("plot", "net.yaml", "-o", "a.svg", "-o", "missing/b.svg")
    assert done.status == 2
    assert done.err == (
        "error: an output cannot be written: No such file or directory\n = found: missing/b.svg\n"
        f" = help: create the folder '{folder / 'missing'}' first\n"
    )
    assert [each.name for each in folder.iterdir()] == ["net.yaml"]


def test_without_matplotlib_no_picture_is_written(convcost, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = convcost("plot", "net.yaml", "-o", "a.svg", "-o", "a.png")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "error: a chart as PNG needs matplotlib, which is not installed\n"
        " = help: pip install 'convcost[plot]'; an .svg needs nothing\n"
    )
    assert not (folder / "a.svg").exists()


def test_warnings_of_the_spec_are_shown(convcost, folder):
    (folder / "net.yaml").write_text("input: [3]\nsymbols: {idle: 1}\nlayers: [linear: {out_features: 2}]\n")
    done = convcost("plot", "net.yaml", "-o", "a.svg")
    assert done.status == 0
    assert done.err.startswith("warning: ")
    assert (folder / "a.svg").exists()
    (folder / "a.svg").unlink()
    done = convcost("plot", "net.yaml", "mobilenet_v1", "-o", "a.svg", "--strict")
    assert done.status == 2
    assert done.err.startswith("error: ")
    assert not (folder / "a.svg").exists()
