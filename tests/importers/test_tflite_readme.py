"""What the READMEs say of TensorFlow Lite files is what happens."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"


def test_the_three_lines_work(tmp_path):
    for name in ("onnx", "tflite"):
        shutil.copy(DATA / f"small.{name}", tmp_path / f"model.{name}")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"\*\*From ONNX or TFLite\*\*:\n\n```sh\n(.*?)```", text, re.DOTALL)
    lines = [shlex.split(line.partition("#")[0]) for line in block.splitlines()]
    assert [line[0] for line in lines] == ["convcost"] * 3
    for _, *words in lines:
        command = [sys.executable, "-m", "convcost", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "net.yaml").read_text(encoding="utf-8").startswith("# Imported from model.onnx")
