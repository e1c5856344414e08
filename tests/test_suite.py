"""The tests themselves: whatever happens, they end."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = [path for path in HERE.rglob("*.py") if "benchmarks" not in path.parts]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_every_process_has_an_end(path):
    """`subprocess.run` has a timeout; only the fixtures of processes, which kill them, have a `Popen`."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    for call in calls:
        name = ast.unparse(call.func)
        if name in ("subprocess.run", "subprocess.check_output"):
            assert "timeout" in [keyword.arg for keyword in call.keywords], f"line {call.lineno}"
        assert name != "subprocess.Popen" or path == HERE / "conftest.py", f"line {call.lineno}"


KILLED = """
import os, signal, subprocess, sys
from pathlib import Path

def test_killed(watched):
    worker = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True)
    with watched(worker):
        Path("pids").write_text(f"{worker.pid} {worker.stdout.readline().decode()}")
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""A test whose process is killed while another one works for it, as a Dask worker or a browser does."""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs the processes as files")
def test_a_killed_suite_leaves_nothing_behind(tmp_path):
    (tmp_path / "test_killed.py").write_text(KILLED, encoding="utf-8")
    (tmp_path / "conftest.py").write_bytes((HERE / "conftest.py").read_bytes())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_killed.py"]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, timeout=60)
    assert done.returncode == -signal.SIGKILL
    left = [int(pid) for pid in (tmp_path / "pids").read_text(encoding="utf-8").split()]
    assert len(left) == 2
    deadline = time.monotonic() + 10
    try:
        while left and time.monotonic() < deadline:
            left = [pid for pid in left if _lives(pid)]
            time.sleep(0.01)
        assert not left
    finally:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _lives(pid):
    """Return whether a process runs; one that has ended may wait for whoever started it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state.rpartition(")")[2].split()[0] != "Z"
