"""What the README of a folder shows is what the program does; pytest runs its Python itself."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (
    "budget",
    "charts",
    "comparison",
    "compression",
    "conventions",
    "cost",
    "design_space",
    "memory",
    "published",
    "receptive_field",
    "rewriting",
    "spec",
    "verification",
)
TEXTS = {folder: (ROOT / "convcost" / folder / "README.md").read_text(encoding="utf-8") for folder in FOLDERS}
SCREENS = [
    pytest.param(folder, words, screen, id=f"{folder}: {words}")
    for folder, text in TEXTS.items()
    for words, screen in re.findall(r"```console\n\$ convcost (.*?)\n(.*?)```", text, re.DOTALL)
]


@pytest.mark.parametrize(("folder", "words", "screen"), SCREENS)
def test_a_screen_is_what_the_command_prints(folder, words, screen, tmp_path):
    for name, text in re.findall(r"```yaml\n# (\S+)\n(.*?)```", TEXTS[folder], re.DOTALL):
        (tmp_path / name).write_text(f"# {name}\n{text}", encoding="utf-8")
    command = [sys.executable, "-m", "convcost", *shlex.split(words)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout + done.stderr == screen


def test_every_folder_shows_screens():
    assert {screen.values[0] for screen in SCREENS} == set(FOLDERS)
