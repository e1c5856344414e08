"""The command as a whole: version, help, the shipped specs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import convcost as api
from convcost.spec.source import shipped


def test_the_version(convcost):
    assert convcost("--version") == (0, f"convcost {api.__version__}\n", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_lists_the_commands(option, convcost):
    status, out, err = convcost(option)
    assert (status, err) == (0, "")
    assert "analyze" in out
    assert "specs" in out


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_the_help_of_a_command_lists_its_options(option, convcost):
    status, out, err = convcost("analyze", option)
    assert (status, err) == (0, "")
    for name in "--set", "--batch", "--no-fold", "--sort", "--top", "--depth", "--format", "-f", "--output", "-o":
        assert name in out
    assert "[bold]" not in out


def test_an_unknown_command(convcost):
    status, out, err = convcost("analyse", "net.yaml")
    assert (status, out) == (2, "")
    assert "analyse" in err


def test_the_shipped_specs_are_listed_with_their_totals_and_sources(convcost, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    status, out, err = convcost("specs")
    assert (status, err) == (0, "")
    (line,) = [line for line in out.splitlines() if line.startswith("mobilenet_v1 ")]
    assert line.split("  ")[0] == "mobilenet_v1"
    for text in "MobileNetV1", "3×224×224", "4,231,976", "568,740,352", "Howard et al. 2017, arXiv:1704.04861, Table 1":
        assert text in line
    listed = json.loads(convcost("specs", "-f", "json").out)["specs"]
    assert [spec["name"] for spec in listed] == list(shipped())
    assert all(spec["source"] for spec in listed)


def test_a_shipped_spec_can_be_printed_and_read_again(folder, convcost):
    text = convcost("specs", "mobilenet_v1").out
    assert text == shipped()["mobilenet_v1"].read_text(encoding="utf-8")
    again = json.loads(convcost("analyze", "-", "-f", "json", stdin=text.encode()).out)
    assert again["total"]["macs"] == 568_740_352


def test_a_shipped_spec_that_is_not_there(convcost):
    status, out, err = convcost("specs", "mobilenetv1")
    assert (status, out) == (2, "")
    assert err.endswith(" = help: did you mean 'mobilenet_v1'?\n")


@pytest.mark.parametrize(
    "command", ["analyze", "verify", "compare", "diff", "check", "suggest --max mults=9", "rewrite --to separable",
                "sweep --set n=11,12", "solve --for m --max mults=1", "init"],
)  # fmt: skip
def test_every_command_that_reads_specs_takes_how_many_layers_they_may_have(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    conv = "{conv: {out_channels: m, kernel_size: 3}, if: n == 0}"
    Path("net.yaml").write_text(
        f"input: [3, 2, 2]\nsymbols: {{n: 11, m: 3}}\nbudget: {{mults: 1}}\nlayers: [{{relu: , repeat: n}}, {conv}]\n"
    )
    specs = ["net.yaml", "net.yaml"] if command == "diff" else ["net.yaml"]
    name, *options = command.split()
    done = [
        subprocess.run(
            [sys.executable, "-m", "convcost", name, *specs, *options, "--max-layers", most],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for most in ("10", "11")
    ]
    assert "the network unrolls beyond 10 layers" in done[0].stderr + done[0].stdout
    assert "unrolls beyond 10 layers" not in done[1].stderr + done[1].stdout


@pytest.mark.parametrize(
    ("command", "most"),
    [
        ("compare", 30_000),
        ("plot", 30_000),
        ("diff", 50_000),
        ("rewrite", 30_000),
        ("suggest", 50_000),
        ("verify", 50_000),
        ("analyze", 100_000),
        ("analyze --free n", 10_000),
    ],
)
def test_commands_that_work_longest_take_fewer_layers(convcost, tmp_path, command, most):
    path = tmp_path / "net.yaml"
    options = {"diff": [str(path)], "rewrite": ["--to", "separable"], "suggest": ["--max", "mults=1"]}.get(command, [])
    text = f"input: [3, 2, 2]\nsymbols: {{n: 3}}\nlayers: [{{relu: , repeat: {most + 1}}}]\n"
    path.write_text(text)
    status, out, err = convcost(*command.split(), str(path), *options)
    column = text.splitlines()[2].index(str(most + 1))
    assert (status, out) == (2, "")
    assert f"error: the network unrolls beyond {most:,} layers\n" in err
    assert f"{' ' * column}^ found {most + 1}\n" in err
    assert err.endswith(" = help: --max-layers N, or max_layers=N in Python, allows more, at most 1,000,000\n")
