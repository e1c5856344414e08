"""The package that CONTRIBUTING.md shows, example by example, is what it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", TEXT, re.DOTALL))
GROUPS = tomllib.loads(re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1])["project"]["entry-points"]
(SCREEN,) = re.findall(r"```console\n(\$ convcost analyze .*?)```", TEXT, re.DOTALL)
SCREENS = re.findall(r"^\$ convcost (.*)\n((?:(?!\$ ).*\n)*)", SCREEN, re.MULTILINE)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Return the folder in which the package is installed."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "extra-1.0.dist-info").mkdir()
    (folder / "extra").mkdir()
    (folder / "extra/__init__.py").touch()
    for name, text in FILES.items():
        (folder / name).write_text(f"# {name}\n{text}")
    (folder / "extra-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
        for group, entries in GROUPS.items()
    )
    (folder / "extra-1.0.dist-info/entry_points.txt").write_text(points)
    return folder


def _python(*words, folder):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)]), "COLUMNS": "120"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


@pytest.fixture(scope="module")
def run(installed):
    """Return a function that runs the command line where the package is installed, and returns what it prints."""

    def run(*words, status=0):
        done = _python("-m", "convcost", *words, folder=installed)
        assert (done.returncode, done.stderr) == (status, "")
        return done.stdout

    return run


def test_there_is_an_example_of_everything():
    assert list(FILES) == [
        *("extra/layers.py", "extra/executors.py", "extra/metrics.py", "extra/formats.py"),
        *("extra/rewrites.py", "extra/widest.py", "net.yaml"),
    ]
    assert len(SCREENS) == 3


@pytest.mark.parametrize(("words", "screen"), SCREENS, ids=[words for words, _ in SCREENS])
def test_a_screen_is_what_the_command_prints(run, words, screen):
    assert run(*shlex.split(words)) == screen


def test_the_layer_type_is_executed_and_its_formula_proved(run, installed):
    assert json.loads(run("verify", "net.yaml", "-f", "json"))["agrees"] is True
    code = "from convcost.verification.formulas import prove; print(*[each.proved for each in prove(['square'])])"
    assert _python("-c", code, folder=installed).stdout == "True\n"  # `verify --formulas` proves all types
    (square,) = (
        row for row in json.loads(run("analyze", "net.yaml", "-f", "json"))["layers"] if row["type"] == "square"
    )
    assert (square["mults"], square["formula"]["mults"]) == (8 * 8 * 8, "Dp²·M")


def test_the_metric_is_asked_of_networks(run, tmp_path):
    params = 3 * 8 * 3 * 3 + 8
    data = json.loads(run("analyze", "net.yaml", "--columns", "half_bytes", "-f", "json"))
    assert data["total"]["half_bytes"] == 2 * params
    held = tmp_path / "held.yaml"
    for limit, status in ((2 * params, 0), (2 * params - 1, 1)):
        held.write_text(f"{FILES['net.yaml']}budget: {{half_bytes: {limit}}}\n")
        run("check", str(held), status=status)


def test_the_rewrite_saves_what_its_formula_says(run):
    rewrites = json.loads(run("rewrite", "--list", "-f", "json"))["rewrites"]
    # N/2 · (M · Dk² + N) of N · M · Dk²
    assert [row["mults_left"] for row in rewrites if row["name"] == "low_rank"] == ["1/2 + N/(2·Dk²·M)"]
    totals = json.loads(run("rewrite", "net.yaml", "--to", "low_rank", "-f", "json"))["totals"]
    assert totals["before"]["mults"] - totals["after"]["mults"] == 64 * (8 * 27 - 4 * (27 + 8))


def test_the_question_has_a_table_and_a_document(run):
    assert "conv_1" in run("widest", "net.yaml")
    assert json.loads(run("widest", "net.yaml", "-f", "json")) == {"name": "conv_1", "output_values": 8 * 8 * 8}
