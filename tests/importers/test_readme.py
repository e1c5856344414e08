"""What the README of the importers shows is what the program does, the format that it adds included."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import nets
import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "convcost/importers/README.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```(?:python|ini)\n# (\S+)\n(.*?)```", TEXT, re.DOTALL))
GROUPS = tomllib.loads(re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)[1])["project"]["entry-points"]
SCREENS = re.findall(r"```console\n\$ convcost (.*?)\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize(("words", "screen"), SCREENS, ids=[words for words, _ in SCREENS])
def test_a_screen_is_what_the_command_prints(words, screen, tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(f"# {name}\n{text}")
    (tmp_path / "resnet.onnx").write_bytes(nets.resnet())
    information = tmp_path / "darknet-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: darknet\nVersion: 1.0\n")
    points = "".join(
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in entries.items())
        for group, entries in GROUPS.items()
    )
    (information / "entry_points.txt").write_text(points)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(tmp_path)])}
    command = [sys.executable, "-m", "convcost", *shlex.split(words)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout + done.stderr == screen


def test_it_shows_a_format_and_screens():
    assert (list(FILES), len(SCREENS)) == (["darknet.py", "tiny.cfg"], 4)
