"""What the tests of budgets share."""

from __future__ import annotations

from pathlib import Path

import pytest

from convcost.budget import checking, configuration
from convcost.spec.source import Source

NET = """\
name: net
symbols:
  n: 2
input: [4, 6, 6]
layers:
  - conv: {out_channels: 8, kernel_size: 3, bias: false}
    name: first
  - conv: {out_channels: 2 * n, kernel_size: 1, bias: false}
    name: second
    repeat: 2
  - relu
"""
# first: 8 · 4 · 9 = 288 params at 4 · 4 places: 4,608 mults
# second.1: 4 · 8 = 32 params: 512 mults; second.2: 4 · 4 = 16 params: 256 mults
# in all 336 params, 5,376 mults; relu: 4 · 16 = 64 comparisons


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder that holds `net.yaml`: 336 params, 5,376 mults."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET, encoding="utf-8")
    return tmp_path


@pytest.fixture
def check(folder):
    """Return a function that holds `net.yaml`, or other specs, to the budgets of a configuration."""

    def check(budgets, *specs, models="net.yaml", settings=None, baseline=None):
        text = f"models: {models}\nbudgets:\n{budgets}"
        Path("convcost.yaml").write_text(text, encoding="utf-8")
        read = configuration.parse(Source("convcost.yaml", text), Path())
        return checking.check(specs, read, settings=settings, baseline=baseline)

    return check
