"""The generated parts of the folder's README, and the tool that it adds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from write_page import README, page

ROOT = Path(__file__).parents[2]
TEXT = README.read_text(encoding="utf-8")


def test_the_generated_parts_are_fresh():
    assert page(TEXT) == TEXT, "python tests/conventions/write_page.py writes them"


def test_the_tool_that_it_adds_is_found_by_its_entry_point(tmp_path):
    points = tomllib.loads(re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1])["project"]["entry-points"]
    for name, text in re.findall(r"```(?:python|yaml)\n# (\S+)\n(.*?)```", TEXT, re.DOTALL):
        (tmp_path / name).write_text(text, encoding="utf-8")
    folder = tmp_path / "extra-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n")
    lines = [f"[{group}]\n{name} = {place}\n" for group, entries in points.items() for name, place in entries.items()]
    (folder / "entry_points.txt").write_text("".join(lines))
    (screen,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)

    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)]), "COLUMNS": "120"}
    command = [sys.executable, "-m", "convcost", "reconcile", "net.yaml", "--with", "weights_only"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)

    assert (done.stdout + done.stderr, done.returncode) == (screen, 0)
