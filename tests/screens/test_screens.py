"""The screens of every command: whole, at 80 and 140 columns; and their numbers against what others counted."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

import convcost
from convcost.cost.report import AnalysisReport
from convcost.reports import formats
from convcost.reports.folding import MOST_LINES, MOST_ROWS
from convcost.reports.table import Page
from convcost.spec.source import shipped

HERE = Path(__file__).parent
DATA = HERE.parent / "networks" / "data"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
NETWORKS = sorted(name for name in shipped() if "/" not in name)


def _commands():
    spec = importlib.util.spec_from_file_location("screens_commands", HERE / "commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


commands = _commands()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds the files which the commands read."""
    commands.prepare(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize("width", commands.WIDTHS)
@pytest.mark.parametrize("name", commands.COMMANDS)
def test_a_screen(name, width, folder):
    golden = (HERE / "golden" / f"{name}-{width}.txt").read_text(encoding="utf-8")
    assert commands.screen(commands.COMMANDS[name], width) == golden
    broken = [
        line for line in golden.splitlines() if not re.match(r"convcost |\d* +\|", line)
    ]  # commands and code are not
    assert all(len(line) <= width for line in broken)


def test_every_golden_file_is_a_screen():
    expected = {f"{name}-{width}.txt" for name in commands.COMMANDS for width in commands.WIDTHS}
    assert {path.name for path in (HERE / "golden").iterdir()} == expected


@pytest.mark.parametrize(
    "name", ["analyze", "analyze-several", "compare", "diff-top", "verify", "formulas", "sweep", "solve", "check"]
)
def test_colour_changes_no_layout(name, folder, on_terminal):
    """On a terminal the same lines, blank ones too, with colours in them."""
    env = {"COLUMNS": "80", "TERM": "xterm-256color", "NO_COLOR": ""}
    command = [sys.executable, "-m", "convcost", *commands.COMMANDS[name].split()]
    _, shown = on_terminal(command, streams=("stdout", "stderr"), env=env)
    assert "\x1b[1m" in shown
    assert ANSI.sub("", shown) == (HERE / "golden" / f"{name}-80.txt").read_text(encoding="utf-8")


# numbers that others counted


def numbers(text, title):
    """Return a column's cells as numbers, found by where its title ends: of the rows, and of the total."""
    lines = text.splitlines()
    rules = [index for index, line in enumerate(lines) if line and not line.strip("─")]
    end = re.search(rf"(?<!\S){title}(?!\S)", lines[rules[0] - 1]).end()
    cells = [line[:end].split("  ")[-1].strip() for line in lines[rules[0] + 1 : rules[1] + 2] if line.strip("─")]
    cells = [cell.replace(",", "") for cell in cells]
    *rows, total = [int(cell) if cell.isdecimal() else None for cell in cells]  # a group has a name only
    return rows, total


def analysed(name, width=140, **options):
    report = AnalysisReport.of(convcost.analyze(name), **options)
    return formats.render("table", [report], Page(width=width))


def recorded(name):
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_rows_of_every_network_fit_and_add_up_to_what_its_implementation_has(name):
    text = analysed(name)
    data = recorded(name)
    rows, params = numbers(text, "Params")
    macs_rows, macs = numbers(text, "Macs")
    assert len(rows) <= MOST_LINES
    assert sum(row is not None for row in rows) <= MOST_ROWS
    assert sum(row or 0 for row in rows) == params == data["params"]
    assert sum(row or 0 for row in macs_rows) == macs == data["macs"]
    first, exact = text.splitlines()[:2]
    assert exact.startswith(f"{data['params']:,} params · {data['macs']:,} macs ")
    for count, letter in re.findall(r"([\d.]+) ([kMGT]) (?:params|macs)", first):
        size = {"k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}[letter]
        assert any(abs(float(count) * size - data[what]) <= data[what] / 2000 for what in ("params", "macs"))


WEIGHTED = ("conv", "transposed_conv", "linear", "lstm", "gru")
LAYERS = {"alexnet": 8, "vgg16": 16, "mobilenet_v1": 28, "densenet121": 121}
PATHS = {"resnet18": 18, "resnet50": 50, "resnext50_32x4d": 50, "inception_v3": 48, "googlenet": 22}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_total_counts_the_layers_that_people_count(name):
    """The papers' own numbers: those in the networks' names, 28 of MobileNet, 22 of GoogLeNet, 48 of Inception-v3."""
    text = analysed(name)
    weights = sum(layer["kind"] in WEIGHTED for layer in recorded(name)["layers"])
    assert f"\n{weights:,} layers with weights" in text
    assert re.search(rf"^Total +{weights} layers ", text, re.MULTILINE)
    assert LAYERS.get(name, weights) == weights
    if name in PATHS:
        assert f"\n{weights} layers with weights, {PATHS[name]} of them on the longest path; " in text


def test_the_blocks_of_resnet_50_are_those_of_its_implementation():
    """Each row is a bottleneck: the sum of what torchvision has below `layer1.0` and so on."""
    blocks = {}
    for layer in recorded("resnet50")["layers"]:
        found = re.match(r"layer\d\.\d+", layer["name"])
        if found:
            params, macs = blocks.get(found[0], (0, 0))
            blocks[found[0]] = params + layer["params"], macs + layer["macs"]
    text = analysed("resnet50")
    rows = re.findall(r"^  bottleneck_\S+ +\S.*?  +\d+×\d+×\d+ +([\d,]+) +([\d,]+) ", text, re.MULTILINE)
    assert [tuple(int(cell.replace(",", "")) for cell in row) for row in rows] == [*blocks.values()]
    assert len(rows) == 3 + 4 + 6 + 3


def test_what_is_too_narrow_is_named_with_the_option_that_shows_it():
    """The option shows it, on the same page."""
    whole = analysed("mobilenet_v2", None).splitlines()
    narrow = analysed("mobilenet_v2", 80)
    title = next(line for line in whole if line.startswith("Layer "))
    left = next(line for line in narrow.splitlines() if line.startswith("Layer "))
    lost = [each for each in re.split(r"  +", title) if each not in re.split(r"  +", left)]
    told = " ".join(narrow.splitlines()[-2:])
    assert told == f"{len(lost)} columns hidden: {', '.join(lost)}; --columns share,ratio,notes shows them."
    shown = analysed("mobilenet_v2", 80, columns=("share", "ratio", "notes"))
    heads = re.split(r"  +", next(line for line in shown.splitlines() if line.startswith("Layer ")))
    assert sorted(heads) == sorted(["Layer", *lost, *({"%"} - {*lost})])
    assert "hidden" not in shown


def test_the_width_that_a_table_without_such_an_option_names_shows_all_columns():
    compared = convcost.load("mobilenet_v1").compare()
    from convcost.comparison.compare_report import ComparisonReport

    def shown(width):
        text = formats.render("table", [ComparisonReport(compared)], Page(width=width))
        return text.partition("\n\nThe whole network")[0]

    needed = int(re.search(r"COLUMNS=(\d+) shows them\.", " ".join(shown(80).split()))[1])
    assert "hidden" in shown(needed - 1)
    assert "hidden" not in shown(needed)


def test_formulas_of_a_summary_are_those_of_the_network(folder):
    """At width 1 each width is itself; torchvision has 5,288,548 params and 42,016 buffers for EfficientNet-B0."""
    text = commands.screen(commands.COMMANDS["analyze-free-summary"], 140)
    text = text.replace("\n", " ").replace(",", "").replace("²", "**2").replace("·", "*")
    widths = dict(re.findall(r"(c\d) = make_divisible\((\d+)", text))
    found = {}
    for name in ("params", "buffers"):
        formula = re.search(rf" {name} = ([c0-9*/+ ]+?) \w+ =", text)[1]
        found[name] = eval(re.sub(r"c\d", lambda match: widths[match[0]], formula))  # noqa: S307 -- our own text
    assert found == {"params": 5_288_548, "buffers": 42_016}
