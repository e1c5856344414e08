"""The tests themselves: whatever happens, they end."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = [path for path in HERE.rglob("*.py") if "benchmarks" not in path.parts]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HERE)))
def test_every_process_has_an_end(path):
    """`subprocess.run` has a timeout; only the fixture `started`, which kills after a minute, has a `Popen`."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    for call in calls:
        name = ast.unparse(call.func)
        if name in ("subprocess.run", "subprocess.check_output"):
            assert "timeout" in [keyword.arg for keyword in call.keywords], f"line {call.lineno}"
        assert name != "subprocess.Popen" or path == HERE / "conftest.py", f"line {call.lineno}"
